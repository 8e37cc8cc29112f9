import type { KubeObject } from '../../meta/object.ts'
import type { RestHandler } from '../rest/rest-context.ts'
import { computedReads } from '../rest/virtual.ts'
import type { HealthChecks } from './health.ts'

/** Names that kube-apiserver shows, and the path whose answer decides. */
const COMPONENTS: readonly (readonly [name: string, path: string])[] = [
  ['scheduler', '/livez/ping'],
  ['controller-manager', '/livez/ping'],
  ['etcd-0', '/livez/etcd'],
]

/**
 * GET componentstatuses. All components are parts of this process: it is they that are asked, through the server's own
 * checks. Source: kubernetes, registry/core/componentstatus.
 */
export function componentStatuses(health: HealthChecks): RestHandler {
  return computedReads(() => Promise.all(COMPONENTS.map(([name, path]) => statusOf(health, name, path))))
}

async function statusOf(health: HealthChecks, name: string, path: string): Promise<KubeObject> {
  const response = await health.handle({ path, query: new URLSearchParams() })
  const isHealthy = response?.status === 200
  const condition = {
    type: 'Healthy',
    status: isHealthy ? 'True' : 'False',
    message: isHealthy ? 'ok' : '',
    error: isHealthy ? '' : 'check failed',
  }
  return {
    kind: 'ComponentStatus',
    apiVersion: 'v1',
    metadata: { name, creationTimestamp: null },
    conditions: [condition],
  } as unknown as KubeObject
}
