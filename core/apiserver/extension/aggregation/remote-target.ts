import { Agent } from 'node:https'
import { Socket } from 'node:net'
import type { ClientRequest, RequestOptions } from 'node:http'
import type { Duplex } from 'node:stream'
import type { APIService } from '../../../api/types/apiregistration-v1.ts'
import type { ObjectReader } from '../../admission/admission.ts'
import { serviceAddress } from '../../admission/webhook/service-address.ts'
import { dialTls, type Endpoint } from '../../subresources/dial.ts'

/** PEM pair with which this server proves that it speaks for its clients. */
export interface FrontProxyIdentity {
  readonly certificate: string
  readonly key: string
}

export interface ConnectionsDeps {
  readonly reader: ObjectReader
  /** Asked at each request, since certificates are renewed. */
  readonly identity: () => FrontProxyIdentity
}

/** Ways to the servers behind APIServices, over TLS and past the service's cluster address: to one of its endpoints. */
export interface RemoteConnections extends Disposable {
  /** A ready endpoint at random. Throws a plain Error when there is none. */
  endpointOf(service: APIService): Endpoint
  /** Kept connections, for requests. */
  pooled(service: APIService, endpoint: Endpoint): RequestOptions
  /** A connection of its own, for upgrades. Rejects with a plain Error. */
  dial(service: APIService, endpoint: Endpoint, signal: AbortSignal): Promise<Duplex>
}

/** Connections that nobody used for so long are closed; shorter than the usual limit of servers. */
const IDLE_MS = 60_000
const MAX_IDLE = 8

/** Keeps connections, and closes those that nobody used for `idleMs`. One in use may stay silent for as long as it likes. */
export class IdleLimitedAgent extends Agent {
  readonly #idleMs: number

  constructor(idleMs: number) {
    super({ keepAlive: true, maxFreeSockets: MAX_IDLE, scheduling: 'lifo' })
    this.#idleMs = idleMs
  }

  /** NOTE: the agent itself destroys a free connection that times out. */
  override keepSocketAlive(socket: Duplex): boolean {
    super.keepSocketAlive(socket)
    if (socket instanceof Socket) socket.setTimeout(this.#idleMs)
    return true
  }

  override reuseSocket(socket: Duplex, request: ClientRequest): void {
    if (socket instanceof Socket) socket.setTimeout(0)
    super.reuseSocket(socket, request)
  }
}

/** Source: Kubernetes, kube-aggregator with --enable-aggregator-routing. */
export function createRemoteConnections({ reader, identity }: ConnectionsDeps): RemoteConnections {
  const agent = new IdleLimitedAgent(IDLE_MS)
  const tlsOf = (service: APIService): Trust & FrontProxyIdentity => ({ ...identity(), ...trustOf(service) })
  return {
    endpointOf: ({ spec: { service } }) => serviceAddress(reader, service?.namespace ?? '', service?.name ?? '', service?.port ?? 443),
    pooled: (service, endpoint) => {
      const { certificate, authorities, serverName, verify, key } = tlsOf(service)
      const tls = {
        cert: certificate,
        key,
        servername: serverName,
        rejectUnauthorized: verify,
        ...(authorities !== undefined && { ca: authorities }),
      }
      return { agent, protocol: 'https:', ...endpoint, ...tls, noDelay: true }
    },
    dial: (service, endpoint, signal) => dialTls(endpoint, tlsOf(service), signal),
    [Symbol.dispose]: () => agent.destroy(),
  }
}

interface Trust {
  readonly serverName: string
  readonly verify: boolean
  readonly authorities?: string
}

/** Without a bundle the system's authorities count, unless the APIService wants no check at all. */
function trustOf({ spec: { service, caBundle = '', insecureSkipTLSVerify } }: APIService): Trust {
  const serverName = `${service?.name ?? ''}.${service?.namespace ?? ''}.svc`
  if (insecureSkipTLSVerify === true) return { serverName, verify: false }
  return { serverName, verify: true, ...(caBundle !== '' && { authorities: Buffer.from(caBundle, 'base64').toString() }) }
}

/** `host:port` as it stands in URLs. */
export function hostOf({ host, port }: Endpoint): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}
