import { join } from 'node:path'
import { type AltNames, altNamesOf } from './alt-names.ts'
import type { LeafRequest } from './authority.ts'

/** Authorities of a cluster; each is `NAME.crt` and `NAME.key` below `server/tls`. Source: K3s, files under the data directory. */
export const AUTHORITY_NAMES = ['client-ca', 'server-ca', 'request-header-ca'] as const
/** Authorities of an embedded etcd, below `server/tls/etcd`; made only where etcd runs. */
export const ETCD_AUTHORITY_NAMES = ['etcd/server-ca', 'etcd/peer-ca'] as const
export type AuthorityName = (typeof AUTHORITY_NAMES)[number]
export type EtcdAuthorityName = (typeof ETCD_AUTHORITY_NAMES)[number]

/** One leaf certificate: who signs it, what it says, where it lives (`directory/name.crt` and `.key`). */
export interface LeafSpec extends LeafRequest {
  readonly name: string
  readonly authority: AuthorityName | EtcdAuthorityName
  readonly directory: string
}

export interface ServerNames {
  readonly serviceIp: string
  readonly clusterDomain: string
  readonly advertiseAddress: string
  readonly nodeName: string
  readonly nodeIps: readonly string[]
  readonly tlsSans: readonly string[]
}

/** Identities of k3ts' own clients; `system:masters` bypasses authorization, the rest gets its rights from RBAC. */
export const CLIENTS = {
  'client-admin': { commonName: 'system:admin', organizations: ['system:masters'] },
  'client-supervisor': { commonName: 'system:k3ts-supervisor', organizations: ['system:masters'] },
  'client-controller': { commonName: 'system:kube-controller-manager', organizations: [] },
  'client-scheduler': { commonName: 'system:kube-scheduler', organizations: [] },
  'client-kube-apiserver': { commonName: 'system:apiserver', organizations: ['system:masters'] },
  'client-kube-proxy': { commonName: 'system:kube-proxy', organizations: [] },
  'client-k3ts-controller': { commonName: 'system:k3ts-controller', organizations: [] },
  'client-k3ts-cloud-controller': { commonName: 'k3ts-cloud-controller-manager', organizations: [] },
} as const

/** Common name the front proxy's certificate carries, listed as the only allowed one. */
export const AUTH_PROXY_NAME = 'system:auth-proxy'
export const APISERVER_SERVING = 'serving-kube-apiserver'

/** Every name and address under which a client may call the API server. */
export function apiServerAltNames(names: ServerNames): AltNames {
  const service = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', `kubernetes.default.svc.${names.clusterDomain}`]
  const own = ['localhost', '127.0.0.1', '::1', names.serviceIp, names.advertiseAddress, names.nodeName, ...names.nodeIps]
  return altNamesOf([...service, ...own, ...names.tlsSans])
}

/** Leafs below `DATA_DIR/server/tls`. */
export function serverLeafs(dataDir: string, names: ServerNames): readonly LeafSpec[] {
  const directory = join(dataDir, 'server', 'tls')
  const clients = Object.entries(CLIENTS).map(
    ([name, subject]): LeafSpec => ({ name, authority: 'client-ca', directory, subject, usages: ['clientAuth'] }),
  )
  return [
    ...clients,
    {
      name: 'client-auth-proxy',
      authority: 'request-header-ca',
      directory,
      subject: { commonName: AUTH_PROXY_NAME, organizations: [] },
      usages: ['clientAuth'],
    },
    {
      name: APISERVER_SERVING,
      authority: 'server-ca',
      directory,
      subject: { commonName: 'kube-apiserver', organizations: [] },
      usages: ['serverAuth'],
      altNames: apiServerAltNames(names),
    },
  ]
}

/** Leafs of a node below `DATA_DIR/agent`; a remote agent gets them signed by the server over certificate requests. */
export function nodeLeafs(dataDir: string, nodeName: string, nodeIps: readonly string[]): readonly LeafSpec[] {
  const directory = join(dataDir, 'agent')
  return [
    { name: 'client-kubelet', authority: 'client-ca', directory, ...kubeletClient(nodeName) },
    { name: 'serving-kubelet', authority: 'server-ca', directory, ...kubeletServing(nodeName, nodeIps) },
    { name: 'client-kube-proxy', authority: 'client-ca', directory, subject: CLIENTS['client-kube-proxy'], usages: ['clientAuth'] },
    {
      name: 'client-k3ts-controller',
      authority: 'client-ca',
      directory,
      subject: CLIENTS['client-k3ts-controller'],
      usages: ['clientAuth'],
    },
  ]
}

export function kubeletClient(nodeName: string): LeafRequest {
  return { subject: { commonName: `system:node:${nodeName}`, organizations: ['system:nodes'] }, usages: ['clientAuth'] }
}

export function kubeletServing(nodeName: string, nodeIps: readonly string[]): LeafRequest {
  return {
    subject: { commonName: nodeName, organizations: [] },
    usages: ['serverAuth'],
    altNames: altNamesOf([nodeName, 'localhost', '127.0.0.1', '::1', ...nodeIps]),
  }
}

/** Leafs of an embedded etcd: its server side, its side towards peers, and the client the API server (and `etcdctl`) uses. */
export function etcdLeafs(dataDir: string, hosts: readonly string[]): readonly LeafSpec[] {
  const directory = join(dataDir, 'server', 'tls', 'etcd')
  const altNames = altNamesOf(['localhost', '127.0.0.1', '::1', ...hosts])
  const both = ['serverAuth', 'clientAuth'] as const
  const subject = (commonName: string): LeafRequest['subject'] => ({ commonName, organizations: [] })
  return [
    { name: 'server-client', authority: 'etcd/server-ca', directory, subject: subject('etcd-server'), usages: both, altNames },
    { name: 'peer-server-client', authority: 'etcd/peer-ca', directory, subject: subject('etcd-peer'), usages: both, altNames },
    { name: 'client', authority: 'etcd/server-ca', directory, subject: subject('etcd-client'), usages: ['clientAuth'] },
  ]
}
