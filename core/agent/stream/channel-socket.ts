import type { IncomingMessage } from 'node:http'
import type { Duplex, Writable } from 'node:stream'
import type { WebSocket } from 'ws'
import { drained } from '../../runtime/drained.ts'
import { type ChannelMessage, type ChannelProtocol, decodeMessage, encodeMessage } from './channels.ts'

/** Longest message of a client. Source: golang.org/x/net/websocket, DefaultMaxPayloadBytes. */
const MAX_MESSAGE_BYTES = 32 * 1024 * 1024
/** A client that reads slowly gets what was written before the end. Source: kubernetes, streamtranslator finish. */
const CLOSE_MS = 15 * 60_000
/** While input waits, pings of the client wait behind it; kubectl gives up a minute after the last sign of life. */
const ALIVE_MS = 15_000

export interface Upgrade {
  readonly request: IncomingMessage
  readonly socket: Duplex
  readonly head: Buffer
}

/** True for a request that wants to speak WebSocket. */
export function wantsWebSocket({ headers }: Pick<IncomingMessage, 'headers'>): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket'
}

export function protocolsOf({ headers }: Pick<IncomingMessage, 'headers'>): readonly string[] {
  return (headers['sec-websocket-protocol'] ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
}

/** Answers the handshake; the messages wait for a listener and `resume`. Undefined when the request was no handshake at all, which it then got told. */
export async function acceptWebSocket({ request, socket, head }: Upgrade, protocol: string): Promise<WebSocket | undefined> {
  const { WebSocketServer } = await import('ws')
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: MAX_MESSAGE_BYTES,
    closeTimeout: CLOSE_MS,
  } as ConstructorParameters<typeof WebSocketServer>[0])
  // NOTE: the library refuses names with a slash, which the one of tunnelled SPDY has: the name is kept from it and added to the answer.
  const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => name !== 'sec-websocket-protocol'))
  if (protocol !== '') server.on('headers', (lines) => lines.push(`Sec-WebSocket-Protocol: ${protocol}`))
  const asked = { method: request.method, url: request.url, headers } as unknown as IncomingMessage
  return new Promise((resolve) => {
    socket.once('close', () => resolve(undefined))
    server.handleUpgrade(asked, socket, head, (webSocket) => {
      // NOTE: without a listener a broken frame of the client would end the process; the library closes the connection.
      webSocket.on('error', () => undefined)
      // What comes before somebody listens would be lost.
      webSocket.pause()
      resolve(webSocket)
    })
  })
}

/** What a session needs of its client. */
export type ClientChannels = Pick<ChannelSocket, 'onMessage' | 'onClose' | 'send' | 'write' | 'finish'>

/** Messages of numbered channels over one WebSocket, under back-pressure both ways. */
export class ChannelSocket {
  readonly #webSocket: WebSocket
  readonly #socket: Duplex
  readonly #protocol: ChannelProtocol
  #finished = false

  constructor(webSocket: WebSocket, socket: Duplex, protocol: ChannelProtocol) {
    this.#webSocket = webSocket
    this.#socket = socket
    this.#protocol = protocol
  }

  onMessage(handle: (message: ChannelMessage) => void): void {
    this.#webSocket.on('message', (data: Buffer) => {
      if (this.#finished) return
      const message = decodeMessage(this.#protocol, data)
      if (message !== undefined) handle(message)
    })
    this.#webSocket.resume()
  }

  onClose(handle: () => void): void {
    if (this.#webSocket.readyState === this.#webSocket.CLOSED) handle()
    else this.#webSocket.once('close', handle)
  }

  /** Resolves when the client takes more. */
  send(channel: number, bytes: Buffer): Promise<void> | undefined {
    if (this.#webSocket.readyState !== this.#webSocket.OPEN) return undefined
    this.#webSocket.send(encodeMessage(this.#protocol, channel, bytes))
    return this.#socket.writableNeedDrain ? drained(this.#socket) : undefined
  }

  /** Passes input on; while `target` is full, the client is not read. */
  write(target: Writable, bytes: Buffer): void {
    if (!target.writable || target.write(bytes) || this.#webSocket.isPaused) return
    this.#webSocket.pause()
    const timer = setTimeout(() => {
      this.#webSocket.pong()
      timer.refresh()
    }, ALIVE_MS)
    timer.unref()
    const go = (): void => {
      clearTimeout(timer)
      target.off('drain', go).off('close', go)
      this.#webSocket.off('close', go)
      this.#webSocket.resume()
    }
    target.on('drain', go).on('close', go)
    this.#webSocket.on('close', go)
  }

  /** Says the end; further input is thrown away until the client has closed. */
  finish(): void {
    this.#finished = true
    this.#webSocket.resume()
    this.#webSocket.close(1000)
  }
}
