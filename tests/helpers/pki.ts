import type { ServerNames } from '../../core/pki/layout.ts'

/** What a server's certificates are made for, in tests that look at a few of these names or at none. */
export function serverNames(own: Partial<ServerNames> = {}): ServerNames {
  return {
    serviceIp: '10.43.0.1',
    clusterDomain: 'cluster.local',
    advertiseAddress: '',
    nodeName: 'one',
    nodeIps: [],
    tlsSans: [],
    ...own,
  }
}
