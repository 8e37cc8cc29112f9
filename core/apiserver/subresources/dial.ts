import { connect as connectTcp, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'

export interface Endpoint {
  readonly host: string
  readonly port: number
}

/** Client material for a TLS connection. Absent authorities: whatever the other side shows is believed, unless `verify` is set. */
export interface TlsClient {
  readonly certificate?: string
  readonly key?: string
  readonly authorities?: string
  /** Name the certificate of the other side must carry. */
  readonly serverName?: string
  /** Default: whether there are authorities. True without them: the system's count. */
  readonly verify?: boolean
}

/** Longest wait for a connection and its handshake. */
const CONNECT_MS = 10_000

/** A TCP connection. Rejects with a plain Error whose text names the address. */
export function dialTcp({ host, port }: Endpoint, signal: AbortSignal): Promise<Socket> {
  return settled(connectTcp({ host, port, noDelay: true }), 'connect', { host, port }, signal)
}

/** A TLS connection, over `underlying` when the way is not a direct one. */
export function dialTls(endpoint: Endpoint, tls: TlsClient, signal: AbortSignal, underlying?: Duplex): Promise<Duplex> {
  const { certificate, key, authorities, serverName, verify = authorities !== undefined } = tls
  const socket = connectTls({
    ...(underlying === undefined ? { host: endpoint.host, port: endpoint.port } : { socket: underlying }),
    ...(certificate !== undefined && { cert: certificate }),
    ...(key !== undefined && { key }),
    ...(authorities !== undefined && { ca: authorities }),
    ...(serverName !== undefined && { servername: serverName }),
    rejectUnauthorized: verify,
    ALPNProtocols: ['http/1.1'],
  })
  socket.setNoDelay(true)
  return settled(socket, 'secureConnect', endpoint, signal)
}

/** Resolves when the socket is open; whatever goes wrong before that destroys it. */
function settled<S extends Socket>(
  socket: S,
  event: 'connect' | 'secureConnect',
  { host, port }: Endpoint,
  signal: AbortSignal,
): Promise<S> {
  return new Promise((resolve, reject) => {
    const fail = (err: Error): void => {
      clear()
      socket.on('error', () => undefined).destroy()
      reject(new Error(`dial tcp ${host.includes(':') ? `[${host}]` : host}:${port}: ${err.message}`, { cause: err }))
    }
    const onAbort = (): void => fail(new Error('the request was given up'))
    const timer = setTimeout(() => fail(new Error('i/o timeout')), CONNECT_MS)
    const clear = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      socket.off('error', fail)
    }
    if (signal.aborted) {
      fail(new Error('the request was given up'))
      return
    }
    signal.addEventListener('abort', onAbort, { once: true })
    socket.once('error', fail)
    socket.once(event, () => {
      clear()
      resolve(socket)
    })
  })
}
