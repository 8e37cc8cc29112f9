import { Agent, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Target } from './routes.ts'

/** Names that concern one connection only. Source: RFC 9110, section 7.6.1. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'proxy-connection',
])

const agent = new Agent({ keepAlive: true, maxFreeSockets: 64 })

/** Passes one request on. 502 when the target cannot be reached. */
export function forward(incoming: IncomingMessage, response: ServerResponse, target: Target, tls: boolean): void {
  const outgoing = request({
    host: target.host,
    port: target.port,
    method: incoming.method,
    path: incoming.url,
    headers: forwardedHeaders(incoming, tls),
    agent,
  })
  outgoing.on('response', (answer) => {
    const headers = Object.entries(answer.headers).filter(([name]) => !HOP_BY_HOP.has(name))
    response.writeHead(answer.statusCode ?? 502, answer.statusMessage, Object.fromEntries(headers))
    answer.pipe(response)
    answer.on('error', () => response.destroy())
  })
  outgoing.on('error', () => {
    if (response.headersSent) response.destroy()
    else response.writeHead(502, { 'content-type': 'text/plain' }).end('Bad Gateway')
  })
  response.on('close', () => outgoing.destroy())
  incoming.pipe(outgoing)
}

/** Passes a protocol switch (WebSocket) on and joins the two connections. */
export function forwardUpgrade(
  incoming: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  route: { readonly target: Target; readonly tls: boolean },
): void {
  const { target, tls } = route
  const headers = { ...forwardedHeaders(incoming, tls), connection: 'Upgrade', upgrade: incoming.headers.upgrade ?? '' }
  const outgoing = request({ host: target.host, port: target.port, method: incoming.method, path: incoming.url, headers })
  outgoing.on('upgrade', (answer, other, otherHead) => {
    socket.write(`HTTP/1.1 101 Switching Protocols\r\n${rawHeaders(answer)}\r\n`)
    if (otherHead.length > 0) socket.write(otherHead)
    if (head.length > 0) other.write(head)
    other.pipe(socket).pipe(other)
    for (const [one, peer] of [
      [socket, other],
      [other, socket],
    ] as const) {
      one.on('error', () => peer.destroy())
      one.on('close', () => peer.destroy())
    }
  })
  outgoing.on('response', (answer) => {
    socket.write(
      `HTTP/1.1 ${answer.statusCode ?? 502} ${answer.statusMessage ?? ''}\r\nconnection: close\r\n${rawHeaders(answer, true)}\r\n`,
    )
    answer.pipe(socket)
  })
  outgoing.on('error', () => socket.end('HTTP/1.1 502 Bad Gateway\r\nconnection: close\r\ncontent-length: 0\r\n\r\n'))
  socket.on('error', () => outgoing.destroy())
  outgoing.end()
}

function rawHeaders(answer: IncomingMessage, endToEndOnly = false): string {
  let text = ''
  for (let index = 0; index < answer.rawHeaders.length; index += 2) {
    const name = answer.rawHeaders[index] ?? ''
    if (!endToEndOnly || !HOP_BY_HOP.has(name.toLowerCase())) text += `${name}: ${answer.rawHeaders[index + 1] ?? ''}\r\n`
  }
  return text
}

/** Forwarding headers of the client are replaced: they are only worth something from a proxy that is trusted. */
function forwardedHeaders(incoming: IncomingMessage, tls: boolean): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {}
  const named = new Set((incoming.headers.connection ?? '').toLowerCase().split(/\s*,\s*/))
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (value !== undefined && !HOP_BY_HOP.has(name) && !named.has(name) && !name.startsWith('x-forwarded-')) headers[name] = value
  }
  const address = incoming.socket.remoteAddress?.replace(/^::ffff:/, '') ?? ''
  return {
    ...headers,
    'x-forwarded-for': address,
    'x-forwarded-host': incoming.headers.host ?? '',
    'x-forwarded-proto': tls ? 'https' : 'http',
    'x-real-ip': address,
  }
}
