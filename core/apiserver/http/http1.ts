import { type IncomingMessage, STATUS_CODES, type ServerResponse, validateHeaderValue } from 'node:http'
import type { Duplex } from 'node:stream'
import { after, type Awaitable, recover } from '../../runtime/awaitable.ts'
import type { ApiResponse } from '../request.ts'
import type { Connection } from './connection.ts'
import { answer, type Exchange, type ExchangeDeps } from './exchange.ts'
import type { HttpRequest } from './http-request.ts'
import { type RequestHead, toTarget } from './http-request.ts'
import type { LiveRequests } from './live-requests.ts'
import { type Outgoing, sendOrFail } from './send.ts'

export interface Http1Deps extends ExchangeDeps {
  readonly live: LiveRequests
}

const GONE = new Error('the client has gone')
/** What is read and thrown away of a body that nobody wanted, so that the client gets to see the answer. */
const MAX_DISCARD_BYTES = 64 * 1024 * 1024

export function serveHttp1(req: IncomingMessage, res: ServerResponse, connection: Connection, deps: Http1Deps): void {
  const head = toHead(req)
  if (head === undefined) {
    res.writeHead(400, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' }).end('400 Bad Request')
    return
  }
  let current: HttpRequest | undefined
  res.once('close', () => {
    if (current === undefined) return
    if (!res.writableFinished) current.abort(GONE)
    deps.live.remove(current)
  })
  const onRequest = (request: HttpRequest): void => {
    current = request
    deps.live.add(request)
  }
  const reply = ({ request, response }: Exchange): Awaitable<void> => {
    if (res.destroyed) return
    if (!req.complete && hasBody(req)) discardRest(req)
    deps.live.answering(request, response)
    return sendOrFail(response, request, toOutgoing(res, deps.live), { mayCompress: !connection.loopback, log: deps.log })
  }
  void recover(
    () => after(answer(head, req, connection, { ...deps, onRequest }), reply),
    () => void res.destroy(),
  )
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined
}

/** The handler gets the socket; what it does not take is answered here and the connection closed. */
export async function serveUpgrade(
  req: IncomingMessage,
  socket: Duplex,
  firstBytes: Buffer,
  deps: Http1Deps & { readonly connection: Connection },
): Promise<void> {
  const { connection, live } = deps
  socket.on('error', () => socket.destroy())
  const head = toHead(req)
  if (head === undefined) {
    socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')
    return
  }
  const onRequest = (request: HttpRequest): void => {
    live.add(request, socket)
    socket.once('close', () => {
      request.abort(GONE)
      live.remove(request)
    })
  }
  const upgrade = { socket, head: firstBytes, rawHeaders: req.rawHeaders }
  const { request, response } = await answer(head, req, connection, { ...deps, upgrade, onRequest })
  if (response.status === 101 && response.body === undefined) return
  try {
    await sendOrFail(response, request, toRawOutgoing(socket), { mayCompress: false, log: deps.log })
  } catch {
    socket.destroy()
  }
}

function toHead(req: IncomingMessage): RequestHead | undefined {
  const target = toTarget(req.url)
  if (target === undefined || req.method === undefined) return undefined
  // NOTE: only set-cookie comes as an array, and a request has none.
  return { method: req.method, target, headers: req.headers as RequestHead['headers'] }
}

function toOutgoing(res: ServerResponse, live: LiveRequests): Outgoing {
  return {
    stream: res,
    head: (status, headers, last) => {
      res.writeHead(status, live.stopping ? { ...headers, connection: 'close' } : headers)
      if (last) res.end()
      else if (headers['content-length'] === undefined) res.flushHeaders()
    },
  }
}

function toRawOutgoing(socket: Duplex): Outgoing {
  return {
    stream: socket,
    head: (status, headers, last) => {
      const lines = Object.entries({ ...headers, connection: 'close' }).map(([name, value]) => {
        if (typeof value === 'string') validateHeaderValue(name, value)
        return `${name}: ${value}\r\n`
      })
      const reason: ApiResponse['status'] | string = STATUS_CODES[status] ?? status
      socket.write(`HTTP/1.1 ${status} ${reason}\r\n${lines.join('')}\r\n`)
      if (last) socket.end()
    },
  }
}

function discardRest(req: IncomingMessage): void {
  let discarded = 0
  req.on('data', (chunk: Buffer) => {
    discarded += chunk.length
    if (discarded > MAX_DISCARD_BYTES) req.socket.destroy()
  })
  req.resume()
}
