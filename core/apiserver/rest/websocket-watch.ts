import type { IncomingMessage } from 'node:http'
import { drained } from '../../runtime/drained.ts'
import type { ApiRequest, ApiResponse } from '../request.ts'

/** True for a watch that wants to come as WebSocket messages, as browsers have it. */
export function wantsWebSocket({ upgrade, headers }: ApiRequest): boolean {
  return upgrade !== undefined && headers['upgrade']?.toLowerCase() === 'websocket'
}

/** Messages waiting in the socket before the watch is no longer read. */
const MAX_BUFFERED_BYTES = 1024 * 1024

/**
 * Takes the connection and sends each event of a watch body as one message: text for JSON, binary for protobuf. The client
 * has nothing to say; when it closes, the body is ended. Source: apiserver, endpoints/handlers/watch.go.
 */
export async function serveWebSocket(request: ApiRequest, response: ApiResponse): Promise<ApiResponse> {
  const { upgrade, method, path, headers } = request
  const { body } = response
  if (upgrade === undefined || body === undefined || !(Symbol.asyncIterator in body)) return response
  const { WebSocketServer } = await import('ws')
  const server = new WebSocketServer({ noServer: true, perMessageDeflate: false })
  // NOTE: the library reads nothing else of the request.
  const asked = { method, url: path, headers } as unknown as IncomingMessage
  server.handleUpgrade(asked, upgrade.socket, upgrade.head, (socket) => {
    const events = body[Symbol.asyncIterator]()
    socket.on('error', () => socket.terminate())
    socket.on('close', () => void events.return?.())
    const isBinary = response.headers['content-type']?.includes('protobuf') === true
    const send = async (): Promise<void> => {
      for (let next = await events.next(); next.done !== true; next = await events.next()) {
        for (const message of messagesOf(next.value, isBinary)) {
          if (socket.readyState !== socket.OPEN) return
          socket.send(message, { binary: isBinary })
        }
        if (socket.bufferedAmount > MAX_BUFFERED_BYTES) await drained(upgrade.socket)
      }
    }
    send().then(
      () => socket.close(1000),
      () => socket.close(1011),
    )
  })
  return { status: 101, headers: {} }
}

const LENGTH_BYTES = 4

/** One message an event: a chunk holds all events of a commit. */
function messagesOf(chunk: Uint8Array, isBinary: boolean): readonly (Buffer | string)[] {
  const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  if (!isBinary)
    return bytes
      .toString('utf8')
      .split('\n')
      .filter((line) => line !== '')
  const messages: Buffer[] = []
  for (let at = 0; at + LENGTH_BYTES <= bytes.length; ) {
    const end = at + LENGTH_BYTES + bytes.readUInt32BE(at)
    messages.push(bytes.subarray(at + LENGTH_BYTES, end))
    at = end
  }
  return messages
}
