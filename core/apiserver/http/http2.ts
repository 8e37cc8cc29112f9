import { constants, type IncomingHttpHeaders, performServerHandshake, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { TLSSocket } from 'node:tls'
import { after, type Awaitable, recover } from '../../runtime/awaitable.ts'
import type { Connection } from './connection.ts'
import { answer, type Exchange, type ExchangeDeps } from './exchange.ts'
import type { HttpRequest, RequestHead } from './http-request.ts'
import { toTarget } from './http-request.ts'
import type { LiveRequests } from './live-requests.ts'
import { type Outgoing, sendOrFail } from './send.ts'

export interface Http2Deps extends ExchangeDeps {
  readonly live: LiveRequests
}

const GONE = new Error('the client has gone')
const STREAM_WINDOW_BYTES = 256 * 1024
const CONNECTION_WINDOW_BYTES = 8 * 1024 * 1024
/** Headers that HTTP/2 forbids; a proxied answer may carry them. */
const HOP_BY_HOP = ['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade']

/** Speaks HTTP/2 on a socket, through the stream interface: the request and response objects cost a quarter more. */
export function serveHttp2(socket: TLSSocket, connection: Connection, deps: Http2Deps): ServerHttp2Session {
  const session = performServerHandshake(socket, {
    settings: {
      maxConcurrentStreams: deps.limits.streamsPerConnection,
      initialWindowSize: STREAM_WINDOW_BYTES,
      maxHeaderListSize: deps.limits.headerBytes,
    },
    // NOTE: MB. Answers to slow readers count as well, and one connection may carry hundreds of watches.
    maxSessionMemory: 64,
  })
  session.on('error', (err) => deps.log.debug({ err }, 'HTTP/2 connection failed'))
  session.once('connect', () => session.setLocalWindowSize(CONNECTION_WINDOW_BYTES))
  let open = 0
  session.setTimeout(deps.limits.idleMs, () => {
    if (open === 0) session.close()
  })
  session.on('stream', (stream, headers) => {
    open += 1
    stream.once('close', () => {
      open -= 1
    })
    serveStream(stream, headers, connection, deps)
  })
  return session
}

function serveStream(stream: ServerHttp2Stream, raw: IncomingHttpHeaders, connection: Connection, deps: Http2Deps): void {
  stream.on('error', (err) => deps.log.debug({ err }, 'HTTP/2 stream failed'))
  const head = toHead(raw)
  if (head === undefined) {
    stream.respond({ ':status': 400 }, { endStream: true })
    return
  }
  let current: HttpRequest | undefined
  stream.once('close', () => {
    if (current === undefined) return
    // NOTE: a stream that the client resets counts as finished for its writer, and some clients reset without an error code.
    if (stream.aborted || stream.rstCode !== constants.NGHTTP2_NO_ERROR || !stream.writableFinished) current.abort(GONE)
    deps.live.remove(current)
  })
  const onRequest = (request: HttpRequest): void => {
    current = request
    deps.live.add(request)
  }
  const reply = ({ request, response }: Exchange): Awaitable<void> => {
    if (stream.destroyed) return
    deps.live.answering(request, response)
    const sent = sendOrFail(response, request, toOutgoing(stream), { mayCompress: !connection.loopback, log: deps.log })
    return after(sent, () => {
      if (!stream.endAfterHeaders && !stream.readableEnded) stopUpload(stream)
    })
  }
  void recover(
    () => after(answer(head, stream, connection, { ...deps, onRequest }), reply),
    () => stream.close(constants.NGHTTP2_INTERNAL_ERROR),
  )
}

/** An ordinary record without the pseudo headers; the authority takes the place of `host`. */
function toHead(raw: IncomingHttpHeaders): RequestHead | undefined {
  const target = toTarget(raw[':path'])
  const method = raw[':method']
  if (target === undefined || method === undefined) return undefined
  const headers: Record<string, string | undefined> = { host: raw[':authority'] }
  for (const name in raw) {
    if (name.charCodeAt(0) === 58) continue
    const value = raw[name]
    headers[name] = Array.isArray(value) ? value.join(', ') : value
  }
  return { method, target, headers }
}

function toOutgoing(stream: ServerHttp2Stream): Outgoing {
  return {
    stream,
    head: (status, headers, last) => {
      const sent: Record<string, string | number> = { ':status': status, ...headers }
      for (const name of HOP_BY_HOP) if (sent[name] !== undefined) delete sent[name]
      stream.respond(sent, { endStream: last })
    },
  }
}

/** The answer is complete; what the client still sends of its body is of no use. */
function stopUpload(stream: ServerHttp2Stream): void {
  if (stream.writableFinished) stream.close(constants.NGHTTP2_NO_ERROR)
  else stream.once('finish', () => stream.close(constants.NGHTTP2_NO_ERROR))
}
