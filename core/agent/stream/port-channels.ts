import type { ClientChannels } from './channel-socket.ts'
import type { SpdyClient } from './spdy/client.ts'

/**
 * Ports over a WebSocket's own channels, two for each: data, and what went wrong. Both begin with the port's number, so that the
 * client knows them. The session ends when the last port has ended. Source: kubelet, portforward/websocket.go.
 */
export async function carryPorts(client: ClientChannels, runtime: SpdyClient, ports: readonly number[]): Promise<void> {
  client.onClose(() => runtime.close())
  try {
    await Promise.all(openPorts(client, runtime, ports))
  } finally {
    client.finish()
    runtime.close()
  }
}

function openPorts(client: ClientChannels, runtime: SpdyClient, ports: readonly number[]): readonly Promise<void>[] {
  const pairs = ports.map((port, index) => {
    const number = Buffer.alloc(2)
    number.writeUInt16LE(port)
    for (const channel of [index * 2, index * 2 + 1]) void client.send(channel, number)
    const headers = { port: String(port), requestid: String(index) }
    const error = runtime.open({ ...headers, streamtype: 'error' })
    error.end()
    return { error, data: runtime.open({ ...headers, streamtype: 'data' }) }
  })
  client.onMessage((message) => {
    if ('closed' in message || message.channel % 2 !== 0) return
    const data = pairs[message.channel / 2]?.data
    if (data !== undefined) client.write(data, message.bytes)
  })
  return pairs.flatMap(({ data, error }, index) =>
    [data, error].map(async (stream, offset) => {
      for await (const bytes of stream) await client.send(index * 2 + offset, bytes as Buffer)
    }),
  )
}
