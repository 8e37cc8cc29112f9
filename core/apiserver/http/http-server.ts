import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ServerHttp2Session } from 'node:http2'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import type { TLSSocket } from 'node:tls'
import { type Connection, openConnection } from './connection.ts'
import type { ExchangeDeps } from './exchange.ts'
import { type Http1Deps, serveHttp1, serveUpgrade } from './http1.ts'
import { serveHttp2 } from './http2.ts'
import { DEFAULT_LIMITS, type HttpLimits } from './limits.ts'
import { LiveRequests } from './live-requests.ts'
import { type ServingMaterial, toSecureContext } from './tls-settings.ts'

export interface HttpServerOptions extends Omit<ExchangeDeps, 'limits'> {
  readonly host: string
  /** 0 picks a free one. */
  readonly port: number
  readonly material: ServingMaterial
  readonly limits?: Partial<HttpLimits>
}

export interface HttpServer {
  readonly port: number
  readonly activeRequests: number
  /** New connections see the new certificate and authorities; established ones go on. */
  replaceMaterial(material: ServingMaterial): void
  /** Takes no new connections, ends streams, lets other requests finish for `graceMs`, then closes what is left. Safe to repeat. */
  stop(graceMs: number): Promise<void>
}

/**
 * Listens with TLS and serves HTTP/2 and HTTP/1.1 on one port, chosen by ALPN. Throws a plain Error that names the address when
 * it cannot listen. Nothing a client does makes it throw later.
 */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const server = new TlsServer(options)
  await server.listen()
  return server
}

/** Source: Go's net/http, rstAvoidanceDelay. */
const LINGER_MS = 500

class TlsServer implements HttpServer {
  readonly #options: HttpServerOptions
  readonly #limits: HttpLimits
  readonly #server: Server
  readonly #live = new LiveRequests()
  readonly #connections = new WeakMap<Duplex, Connection>()
  readonly #sockets = new Set<TLSSocket>()
  readonly #sessions = new Set<ServerHttp2Session>()
  readonly #deps: Http1Deps
  #clientAuthorities: string | undefined
  #stopped: Promise<void> | undefined

  constructor(options: HttpServerOptions) {
    this.#options = options
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits }
    const { handler, authenticate, onUnauthenticated, log } = options
    const told = onUnauthenticated !== undefined && { onUnauthenticated }
    this.#deps = { handler, authenticate, ...told, log, limits: this.#limits, live: this.#live }
    this.#clientAuthorities = options.material.clientAuthorities
    this.#server = this.#createServer()
  }

  get port(): number {
    return (this.#server.address() as AddressInfo | null)?.port ?? 0
  }

  get activeRequests(): number {
    return this.#live.size
  }

  async listen(): Promise<void> {
    const { host, port } = this.#options
    await new Promise<void>((resolve, reject) => {
      const onError = (err: Error): void => reject(new Error(`cannot listen on ${host}:${port}: ${err.message}`, { cause: err }))
      this.#server.once('error', onError)
      this.#server.listen({ host, port }, () => {
        this.#server.off('error', onError)
        this.#server.on('error', (err) => this.#options.log.error({ err }, 'Listener failed'))
        resolve()
      })
    })
  }

  replaceMaterial(material: ServingMaterial): void {
    this.#server.setSecureContext(toSecureContext(material))
    // NOTE: a resumed session brings the old verdict on its client certificate along; new keys make old tickets worthless.
    if (material.clientAuthorities !== this.#clientAuthorities) this.#server.setTicketKeys(randomBytes(48))
    this.#clientAuthorities = material.clientAuthorities
  }

  stop(graceMs: number): Promise<void> {
    this.#stopped ??= this.#stop(graceMs)
    return this.#stopped
  }

  #createServer(): Server {
    const { material } = this.#options
    const server = createServer({
      ...toSecureContext(material),
      ALPNProtocols: ['h2', 'http/1.1'],
      requestCert: (material.clientAuthorities ?? '') !== '',
      // NOTE: a certificate of another authority is treated as none; who may do what without one is not decided here.
      rejectUnauthorized: false,
      handshakeTimeout: this.#limits.handshakeMs,
      headersTimeout: this.#limits.headerMs,
      requestTimeout: 0,
      keepAliveTimeout: this.#limits.idleMs,
      connectionsCheckingInterval: Math.min(5_000, this.#limits.headerMs),
      maxHeaderSize: this.#limits.headerBytes,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 15_000,
    })
    const [serveAsHttp1] = server.listeners('secureConnection') as ((this: Server, socket: TLSSocket) => void)[]
    server.removeAllListeners('secureConnection')
    server.on('secureConnection', (socket) => {
      const connection = this.#register(socket)
      if (socket.alpnProtocol === 'h2') this.#register2(serveHttp2(socket, connection, this.#deps))
      else serveAsHttp1?.call(server, socket)
    })
    server.on('request', (req: IncomingMessage, res: ServerResponse) => {
      serveHttp1(req, res, this.#connectionOf(req.socket), this.#deps)
    })
    server.on('upgrade', (req: IncomingMessage, socket: Duplex, head: Buffer) => {
      void serveUpgrade(req, socket, head, { ...this.#deps, connection: this.#connectionOf(socket) })
    })
    server.on('clientError', (err: NodeJS.ErrnoException, socket: Duplex) => refuse(err, socket))
    server.on('tlsClientError', (err, socket) => {
      this.#options.log.debug({ err }, 'TLS handshake failed')
      // NOTE: one that timed out would stay open.
      socket.destroy()
    })
    return server
  }

  #register(socket: TLSSocket): Connection {
    const connection = openConnection(socket)
    this.#connections.set(socket, connection)
    this.#sockets.add(socket)
    socket.on('error', (err) => this.#options.log.debug({ err }, 'Connection failed'))
    socket.once('close', () => this.#sockets.delete(socket))
    return connection
  }

  #register2(session: ServerHttp2Session): void {
    this.#sessions.add(session)
    session.once('close', () => this.#sessions.delete(session))
    if (this.#live.stopping) session.close()
  }

  #connectionOf(socket: Duplex): Connection {
    return (
      this.#connections.get(socket) ?? { remoteAddress: '', loopback: false, certificate: undefined, signal: new AbortController().signal }
    )
  }

  async #stop(graceMs: number): Promise<void> {
    const reason = new Error('the server is stopping')
    const closed = new Promise<void>((resolve) => void this.#server.close(() => resolve()))
    this.#live.stop(reason)
    for (const session of this.#sessions) session.close()
    using deadline = new Deadline(graceMs)
    await Promise.race([this.#live.empty(), deadline.passed])
    await Promise.race([closed, delay(100)])
    this.#live.abortAll(reason)
    for (const session of this.#sessions) session.destroy()
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }
}

class Deadline implements Disposable {
  readonly passed: Promise<void>
  readonly #timer: NodeJS.Timeout

  constructor(ms: number) {
    const { promise, resolve } = Promise.withResolvers<undefined>()
    this.passed = promise
    this.#timer = setTimeout(() => resolve(undefined), ms)
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
  }
}

/** A request that is no HTTP gets the answer it can still read. */
function refuse(err: NodeJS.ErrnoException, socket: Duplex): void {
  if (err.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const status =
    err.code === 'HPE_HEADER_OVERFLOW'
      ? '431 Request Header Fields Too Large'
      : err.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? '408 Request Timeout'
        : '400 Bad Request'
  socket.end(`HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n${status}`)
  linger(socket)
}

/** Closing with unread bytes resets the connection, and the answer is lost: read on for a moment. */
function linger(socket: Duplex): void {
  const timer = setTimeout(() => socket.destroy(), LINGER_MS)
  socket.on('error', () => socket.destroy())
  socket.once('close', () => clearTimeout(timer))
  socket.removeAllListeners('data')
  socket.on('data', () => undefined)
  socket.resume()
}
