import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { createServer, type Server, type Socket } from 'node:net'

/** Answers one message; undefined drops it. */
export type Handler = (message: Buffer, via: 'udp' | 'tcp') => Promise<Buffer | undefined>

const IDLE_MS = 10_000
const MAX_TCP_CONNECTIONS = 1_000

/** Serves a handler over UDP and TCP on one address. Resolves when both are bound. */
export async function listenDns(address: { readonly host: string; readonly port: number }, handle: Handler): Promise<AsyncDisposable> {
  const tcp = createServer((socket) => serveConnection(socket, handle))
  const sockets = new Set<Socket>()
  tcp.maxConnections = MAX_TCP_CONNECTIONS
  tcp.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  const udp = createSocket({ type: address.host.includes(':') ? 'udp6' : 'udp4', recvBufferSize: 1 << 20 })
  udp.on('message', (message, remote) => {
    void handle(message, 'udp').then((answer) => {
      // A failed send means the client is gone; it asks again.
      if (answer !== undefined) udp.send(answer, remote.port, remote.address, () => undefined)
    })
  })
  await Promise.all([boundTcp(tcp, address), boundUdp(udp, address)])
  return {
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await Promise.all([
        new Promise<void>((resolve) => udp.close(() => resolve())),
        new Promise<void>((resolve) => tcp.close(() => resolve())),
      ])
    },
  }
}

function boundTcp(server: Server, { host, port }: { readonly host: string; readonly port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, resolve)
  })
}

function boundUdp(socket: UdpSocket, { host, port }: { readonly host: string; readonly port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.bind(port, host, resolve)
  })
}

/** Messages of a connection are answered in order, one at a time: enough for clients that came after a cut answer. */
function serveConnection(socket: Socket, handle: Handler): void {
  let received: Buffer = Buffer.alloc(0)
  let busy = false
  socket.setTimeout(IDLE_MS, () => socket.destroy())
  socket.on('error', () => socket.destroy())
  const drain = async (): Promise<void> => {
    if (busy) return
    busy = true
    while (received.length >= 2 && received.length >= received.readUInt16BE(0) + 2) {
      const end = received.readUInt16BE(0) + 2
      const message = received.subarray(2, end)
      received = received.subarray(end)
      const answer = await handle(message, 'tcp')
      if (answer === undefined) socket.destroy()
      else {
        const head = Buffer.alloc(2)
        head.writeUInt16BE(answer.length)
        socket.write(Buffer.concat([head, answer]))
      }
    }
    busy = false
  }
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk])
    void drain()
  })
}
