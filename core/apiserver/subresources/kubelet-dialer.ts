import type { Duplex } from 'node:stream'
import type { Node } from '../../api/types/core-v1.ts'
import type { ObjectReader } from '../admission/admission.ts'
import { internalError, notFound } from '../errors.ts'
import { dialTls, type TlsClient } from './dial.ts'

const NODES = { group: '', resource: 'nodes' } as const
const DEFAULT_KUBELET_PORT = 10_250
/** Kinds of addresses in the order they are tried. Source: K3s, --kubelet-preferred-address-types. */
const PREFERRED = ['InternalIP', 'ExternalIP', 'Hostname']

/** Opens a TLS connection to a node's kubelet, as the API server's own client. Throws StatusError. */
export type DialKubelet = (nodeName: string, signal: AbortSignal) => Promise<Duplex>

export interface KubeletDialerDeps {
  readonly reader: ObjectReader
  /** Asked at each connection, since certificates are renewed. `authorities` absent: the kubelet's certificate is believed. */
  readonly tls: () => Omit<TlsClient, 'serverName'>
  /** A way to nodes that cannot be reached directly; undefined when this node can. TLS runs inside of it. */
  readonly tunnel?: (nodeName: string, port: number, signal: AbortSignal) => Promise<Duplex> | undefined
}

/** Finds the address of a node and connects to its kubelet with the server's client certificate. Throws StatusError. */
export function createKubeletDialer({ reader, tls, tunnel }: KubeletDialerDeps): DialKubelet {
  return async (nodeName, signal) => {
    const node = reader.get<Node>(NODES, '', nodeName)
    if (node === undefined) throw notFound(NODES, nodeName)
    const port = node.status.daemonEndpoints.kubeletEndpoint.Port || DEFAULT_KUBELET_PORT
    const host = addressOf(node)
    if (host === undefined) throw internalError(`no preferred addresses found; known addresses: []`)
    try {
      const underlying = await tunnel?.(nodeName, port, signal)
      return await dialTls({ host, port }, { ...tls(), serverName: nodeName }, signal, underlying)
    } catch (err) {
      throw internalError(`error dialing backend: ${err instanceof Error ? err.message : String(err)}`, err)
    }
  }
}

function addressOf({ status }: Node): string | undefined {
  for (const type of PREFERRED) {
    const found = status.addresses?.find((address) => address.type === type)
    if (found !== undefined) return found.address
  }
  return undefined
}
