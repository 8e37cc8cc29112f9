import { join } from 'node:path'
import type { AgentSettings } from '../../core/agent/settings.ts'
import { TEST_PAUSE_IMAGE } from './images.ts'
import type { NodeSandbox } from './node-sandbox.ts'

/** Settings of an agent that lives in a test's private folders. */
export function testSettings(sandbox: NodeSandbox, extra: Partial<AgentSettings> = {}): AgentSettings {
  return {
    dataDir: join(sandbox.dir, 'data'),
    nodeName: 'node-1',
    nodeIp: '127.0.0.1',
    nodeLabels: [],
    nodeTaints: [],
    pauseImage: TEST_PAUSE_IMAGE,
    snapshotter: 'overlayfs',
    flannelBackend: 'none',
    kubeletPort: 10_250,
    clusterDns: '10.43.0.10',
    clusterDomain: 'cluster.local',
    clusterCidr: '10.42.0.0/16',
    serviceCidr: '10.43.0.0/16',
    kubeletArgs: {},
    privateRegistry: join(sandbox.dir, 'registries.yaml'),
    ...extra,
  }
}
