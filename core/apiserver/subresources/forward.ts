import { type ClientRequest, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { Duplex, Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { isImpersonationHeader } from '../auth/authenticate/impersonation.ts'
import { withoutBearerToken } from '../auth/authenticate/static-users.ts'
import { serviceUnavailable } from '../errors.ts'
import type { ApiRequest, ApiResponse } from '../request.ts'

/** Headers between two neighbours, which a proxy does not pass on. Source: RFC 9110, 7.6.1. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])
/** What proves who the client is to this server is nobody else's business. */
const CREDENTIALS: ReadonlySet<string> = new Set(['authorization', 'host'])

export interface ForwardTarget {
  /** Path with query as the other side knows it. */
  readonly path: string
  /** Value of the Host header. */
  readonly host: string
  /** Added to those of the client; several values stand in as many lines. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  /** Headers of the client that do not go on, by lower-case name. */
  readonly withholds?: (name: string) => boolean
}

/** An open connection that ends with the answer, or how the request's agent makes and keeps connections. */
export type Via = Duplex | RequestOptions

/**
 * Sends a request and answers with what comes back, both bodies streamed under back-pressure. Throws StatusError
 * ServiceUnavailable when no answer comes.
 */
export async function forward(via: Via, request: ApiRequest, target: ForwardTarget): Promise<ApiResponse> {
  const answer = await exchange(via, request, { ...target, body: await bodyOf(request) })
  return { status: answer.statusCode ?? 502, headers: responseHeaders(answer), body: answer }
}

interface Body {
  readonly headers: Readonly<Record<string, string>>
  readonly content?: Uint8Array | AsyncIterable<Uint8Array>
}

const UPLOADS: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH'])

/** What is sent on, and how its end is marked: a body of unknown length goes in chunks, however it came. */
async function bodyOf(request: ApiRequest): Promise<Body> {
  const length = request.headers['content-length']
  if (length === '0') return { headers: {} }
  if (request.rawBody === undefined) {
    const content = await request.body()
    return content.length === 0 ? { headers: {} } : { headers: { 'content-length': String(content.length) }, content }
  }
  if (length !== undefined) return { headers: {}, content: request.rawBody }
  const comes = request.headers['transfer-encoding'] !== undefined || UPLOADS.has(request.method)
  return comes ? { headers: { 'transfer-encoding': 'chunked' }, content: request.rawBody } : { headers: {} }
}

/** Longest wait of an agent for a connection and its handshake. */
const CONNECT_MS = 10_000

function exchange(via: Via, request: ApiRequest, target: ForwardTarget & { readonly body: Body }): Promise<IncomingMessage> {
  const { body, path } = target
  const own = via instanceof Duplex
  return new Promise((resolve, reject) => {
    const added = { ...target.headers, ...body.headers, host: target.host, connection: own ? 'close' : 'keep-alive' }
    const headers = { ...forwardedHeaders(request, target.withholds), ...added } as Record<string, string | string[]>
    const connection = own ? { createConnection: () => via } : via
    const outgoing = httpRequest({ ...connection, method: request.method, path, headers, setDefaultHeaders: false })
    const giveUp = (): void => {
      outgoing.destroy()
      if (own) via.destroy()
    }
    const release = (): void => {
      request.signal.removeEventListener('abort', giveUp)
      if (own) via.destroy()
    }
    request.signal.addEventListener('abort', giveUp, { once: true })
    outgoing.on('error', (err: NodeJS.ErrnoException) => {
      release()
      if (wasClosedMeanwhile(outgoing, err) && body.content === undefined && !request.signal.aborted)
        exchange(via, request, target).then(resolve, reject)
      else reject(serviceUnavailable(`error trying to reach service: ${err.message}`, err))
    })
    outgoing.on('response', (answer) => {
      answer.once('close', release)
      resolve(answer)
    })
    if (!own) limitConnecting(outgoing)
    if (body.content === undefined) outgoing.end()
    else if (body.content instanceof Uint8Array) outgoing.end(body.content)
    // NOTE: a failure of the upload shows in the answer, or in the lack of one.
    else pipeline(Readable.from(body.content), outgoing).catch(() => undefined)
  })
}

/** The other side may close a kept connection at the moment it is used again; nothing has happened there then. */
function wasClosedMeanwhile(outgoing: ClientRequest, { code }: NodeJS.ErrnoException): boolean {
  return outgoing.reusedSocket && (code === 'ECONNRESET' || code === 'EPIPE')
}

function limitConnecting(outgoing: ClientRequest): void {
  outgoing.once('socket', (socket) => {
    if (!socket.connecting) return
    const timer = setTimeout(() => outgoing.destroy(new Error('dial tcp: i/o timeout')), CONNECT_MS)
    for (const event of ['secureConnect', 'close'] as const) socket.once(event, () => clearTimeout(timer))
  })
}

/** Headers of the client's request that go on, in lower case. */
export function forwardedHeaders(
  { headers }: Pick<ApiRequest, 'headers'>,
  withholds: (name: string) => boolean = () => false,
): Record<string, string> {
  const named = new Set((headers['connection'] ?? '').split(',').map((name) => name.trim().toLowerCase()))
  const out: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || name.startsWith(':') || HOP_BY_HOP.has(name) || CREDENTIALS.has(name)) continue
    if (named.has(name) || isImpersonationHeader(name) || withholds(name)) continue
    out[name] = name === 'sec-websocket-protocol' ? withoutBearerToken(value) : value
  }
  return out
}

export function responseHeaders({ headers }: IncomingMessage): Record<string, string> {
  const out: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || HOP_BY_HOP.has(name) || name.startsWith('access-control-')) continue
    out[name] = Array.isArray(value) ? value.join(', ') : value
  }
  return out
}
