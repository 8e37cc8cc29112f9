import type { MessagePort } from 'node:worker_threads'
import type { Logger } from '../../observability/log.ts'
import { chunksOf, type HandlerFunction, type HandlerResponse, toHandlerRequest } from '../in-process.ts'
import type { TransportRequest } from '../transport.ts'
import { Credit } from './credit.ts'
import { type ClientMessage, detach, type ServerMessage, WINDOW_BYTES } from './protocol.ts'

export interface ServePortOptions<User> {
  readonly port: MessagePort
  readonly handler: HandlerFunction<User>
  /** Whoever holds the other end acts as this user; RBAC applies. */
  readonly user: User
  /** Further users, by the names under which the other end asks for them; a name that is not here is refused. */
  readonly others?: ReadonlyMap<string, User>
  readonly log: Logger
}

interface Pending {
  readonly abort: AbortController
  readonly credit: Credit
}

/**
 * Server half of the port transport: runs on the handler's thread. Stops when `signal` aborts or the port closes;
 * requests under way are aborted then. Resolves when it has stopped.
 */
export function servePort<User>(options: ServePortOptions<User>, signal: AbortSignal): Promise<void> {
  const { port, log } = options
  const pending = new Map<number, Pending>()
  const onMessage = (message: ClientMessage): void => {
    if (message.type === 'request') {
      void answer(message, options, pending).catch((err: unknown) => {
        log.error({ err }, 'Port request failed')
      })
    } else if (message.type === 'credit') pending.get(message.id)?.credit.add(message.bytes)
    else pending.get(message.id)?.abort.abort(new Error('the client aborted the request'))
  }
  return new Promise((resolve) => {
    const stop = (): void => {
      port.off('message', onMessage)
      port.off('close', stop)
      signal.removeEventListener('abort', stop)
      for (const { abort } of pending.values()) abort.abort(new Error('the port was closed'))
      port.close()
      resolve()
    }
    port.on('message', onMessage)
    port.once('close', stop)
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })
}

type RequestMessage = Extract<ClientMessage, { type: 'request' }>

async function answer<User>(message: RequestMessage, options: ServePortOptions<User>, pending: Map<number, Pending>): Promise<void> {
  const { id } = message
  const abort = new AbortController()
  const entry: Pending = { abort, credit: new Credit(WINDOW_BYTES) }
  abort.signal.addEventListener('abort', () => entry.credit.close(), { once: true })
  pending.set(id, entry)
  const send = (reply: ServerMessage, moved: readonly Uint8Array<ArrayBuffer>[] = []): void => {
    options.port.postMessage(
      reply,
      moved.map((bytes) => bytes.buffer),
    )
  }
  try {
    const response = await options.handler(toHandlerRequest(message as TransportRequest, userOf(message, options), abort.signal))
    await (message.streamed ? sendStream(id, response, entry, send) : sendWhole(id, response, entry, send))
  } catch (err) {
    if (!abort.signal.aborted) send({ type: 'failure', id, message: err instanceof Error ? err.message : String(err) })
  } finally {
    pending.delete(id)
  }
}

function userOf<User>({ as }: RequestMessage, { user, others }: ServePortOptions<User>): User {
  if (as === undefined) return user
  const other = others?.get(as)
  if (other === undefined) throw new Error(`this port has no user ${as}`)
  return other
}

type Send = (reply: ServerMessage, moved?: readonly Uint8Array<ArrayBuffer>[]) => void

async function sendWhole(id: number, response: HandlerResponse, { abort }: Pending, send: Send): Promise<void> {
  const chunks: Uint8Array<ArrayBuffer>[] = []
  for await (const chunk of chunksOf(response.body)) chunks.push(detach(chunk))
  if (!abort.signal.aborted) send({ type: 'answer', id, status: response.status, headers: response.headers, chunks }, chunks)
}

async function sendStream(id: number, response: HandlerResponse, { abort, credit }: Pending, send: Send): Promise<void> {
  send({ type: 'head', id, status: response.status, headers: response.headers })
  for await (const chunk of chunksOf(response.body)) {
    if (abort.signal.aborted) return
    const own = detach(chunk)
    send({ type: 'data', id, chunk: own }, [own])
    credit.take(chunk.byteLength)
    await credit.available()
  }
  if (!abort.signal.aborted) send({ type: 'end', id })
}
