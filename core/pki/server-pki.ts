import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { writeFileAtomic } from '../runtime/atomic-file.ts'
import { readOptional } from '../runtime/missing-file.ts'
import {
  type Authorities,
  type EtcdAuthorities,
  ensureAuthorities,
  ensureEtcdAuthorities,
  ensureServiceKeys,
  type ServiceKeys,
} from './authorities.ts'
import { etcdLeafs, nodeLeafs, type ServerNames, serverLeafs } from './layout.ts'
import { Leafs } from './leafs.ts'

/** All key material of a server. */
export interface ServerPki {
  readonly authorities: Authorities
  readonly serviceKeys: ServiceKeys
  readonly leafs: Leafs
}

export interface ServerPkiOptions {
  readonly dataDir: string
  readonly names: ServerNames
  readonly nowMs: number
}

export interface NodePkiOptions {
  readonly dataDir: string
  readonly nodeName: string
  readonly nodeIps: readonly string[]
  readonly nowMs: number
}

/** Reads `DATA_DIR/server/tls`, making what is missing and replacing leafs that end soon. About 40 ms on an empty folder, 8 ms later. */
export async function openServerPki(options: ServerPkiOptions): Promise<ServerPki> {
  // NOTE: pods reach local volumes below the data folder, so it is open to others; its `server` part is not.
  await mkdir(options.dataDir, { recursive: true, mode: 0o755 })
  const tlsDir = join(options.dataDir, 'server', 'tls')
  const [authorities, serviceKeys] = await Promise.all([ensureAuthorities(tlsDir, options.nowMs), ensureServiceKeys(tlsDir)])
  return { authorities, serviceKeys, leafs: await Leafs.open(serverLeafs(options.dataDir, options.names), authorities, options.nowMs) }
}

/** Leafs of the node that runs in the server's own process, and copies of the authorities' certificates, below `DATA_DIR/agent`. */
export async function openNodePki(options: NodePkiOptions, authorities: Authorities): Promise<Leafs> {
  const directory = join(options.dataDir, 'agent')
  await mkdir(directory, { recursive: true, mode: 0o755 })
  for (const name of ['client-ca', 'server-ca'] as const) {
    const path = join(directory, `${name}.crt`)
    const { certificatePem } = authorities[name]
    if ((await readOptional(path)) !== certificatePem) await writeFileAtomic(path, certificatePem)
  }
  return Leafs.open(nodeLeafs(options.dataDir, options.nodeName, options.nodeIps), authorities, options.nowMs)
}

export interface EtcdPki {
  readonly authorities: EtcdAuthorities
  readonly leafs: Leafs
}

/** Key material of an embedded etcd below `DATA_DIR/server/tls/etcd`; `hosts` are the names and addresses of this member. */
export async function openEtcdPki(options: {
  readonly dataDir: string
  readonly hosts: readonly string[]
  readonly nowMs: number
}): Promise<EtcdPki> {
  const { dataDir, hosts, nowMs } = options
  const authorities = await ensureEtcdAuthorities(join(dataDir, 'server', 'tls'), nowMs)
  return { authorities, leafs: await Leafs.open(etcdLeafs(dataDir, hosts), authorities, nowMs) }
}
