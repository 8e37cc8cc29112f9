import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

export interface Joined {
  /** Who asked: gets all that the other side wrote, however slowly it reads. */
  readonly client: Duplex
  readonly backend: Duplex
}

/**
 * Time for a client to take what was written before the backend went. Closing earlier would cut the output of those who read
 * slowly; never closing would let one that stopped reading hold its socket. Source: kubernetes, streamtranslator finish.
 */
const CLIENT_DRAIN_MS = 15 * 60_000
/** The backend's answer has no reader any more; only the client's last words are still to be delivered. */
const BACKEND_DRAIN_MS = 10_000

/** Passes bytes both ways under back-pressure, and the end of either direction. When one side has gone, the other follows. */
export function joinStreams({ client, backend }: Joined): void {
  // NOTE: a stream without a listener for errors would end the process; `close` follows in any case.
  for (const side of [client, backend]) side.on('error', () => undefined)
  client.once('close', () => letGo(backend, BACKEND_DRAIN_MS))
  backend.once('close', () => letGo(client, CLIENT_DRAIN_MS))
  if (client.destroyed) letGo(backend, BACKEND_DRAIN_MS)
  if (backend.destroyed) letGo(client, CLIENT_DRAIN_MS)
  backend.pipe(client)
  client.pipe(backend)
}

/**
 * Delivers what is written, says the end and throws away what still comes: closing a socket with unread input resets it, and
 * the other side would lose output that it has not read yet.
 */
function letGo(stream: Duplex, limitMs: number): void {
  if (stream.destroyed) return
  stream.unpipe()
  stream.resume()
  if (!stream.writableEnded) stream.end()
  if (stream.readableEnded) stream.once('finish', () => stream.destroy())
  const timer = setTimeout(() => stream.destroy(), limitMs)
  // Nobody waits for this with the end of the process.
  timer.unref()
  if (stream instanceof Socket) stream.unref()
  stream.once('end', () => stream.destroy())
  stream.once('close', () => clearTimeout(timer))
}
