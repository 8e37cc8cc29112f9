import { type IncomingMessage, request as httpRequest } from 'node:http'
import { type Duplex, Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { isImpersonationHeader } from '../auth/authenticate/impersonation.ts'
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
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * Sends a request over an open connection of its own and answers with what comes back, both bodies streamed under
 * back-pressure. Throws StatusError ServiceUnavailable when no answer comes.
 */
export async function forward(socket: Duplex, request: ApiRequest, target: ForwardTarget): Promise<ApiResponse> {
  const answer = await exchange(socket, request, { ...target, body: await bodyOf(request) })
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

function exchange(socket: Duplex, request: ApiRequest, target: ForwardTarget & { readonly body: Body }): Promise<IncomingMessage> {
  const { body } = target
  return new Promise((resolve, reject) => {
    const headers = { ...forwardedHeaders(request), ...target.headers, ...body.headers, host: target.host, connection: 'close' }
    const outgoing = httpRequest({
      createConnection: () => socket,
      method: request.method,
      path: target.path,
      headers,
      setDefaultHeaders: false,
    })
    const giveUp = (): void => {
      outgoing.destroy()
      socket.destroy()
    }
    request.signal.addEventListener('abort', giveUp, { once: true })
    const fail = (err: Error): void => {
      request.signal.removeEventListener('abort', giveUp)
      socket.destroy()
      reject(serviceUnavailable(`error trying to reach service: ${err.message}`, err))
    }
    outgoing.on('error', fail)
    outgoing.on('response', (answer) => {
      answer.once('close', () => {
        request.signal.removeEventListener('abort', giveUp)
        socket.destroy()
      })
      resolve(answer)
    })
    if (body.content === undefined) outgoing.end()
    else if (body.content instanceof Uint8Array) outgoing.end(body.content)
    // NOTE: a failure of the upload shows in the answer, or in the lack of one.
    else pipeline(Readable.from(body.content), outgoing).catch(() => undefined)
  })
}

/** Headers of the client's request that go on, in lower case. */
export function forwardedHeaders({ headers }: Pick<ApiRequest, 'headers'>): Record<string, string> {
  const named = new Set((headers['connection'] ?? '').split(',').map((name) => name.trim().toLowerCase()))
  const out: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || name.startsWith(':') || HOP_BY_HOP.has(name) || CREDENTIALS.has(name)) continue
    if (named.has(name) || isImpersonationHeader(name)) continue
    out[name] = value
  }
  return out
}

function responseHeaders({ headers }: IncomingMessage): Record<string, string> {
  const out: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || HOP_BY_HOP.has(name) || name.startsWith('access-control-')) continue
    out[name] = Array.isArray(value) ? value.join(', ') : value
  }
  return out
}
