import type { MessagePort } from 'node:worker_threads'
import type { Transport, TransportRequest, TransportResponse, TransportStream } from '../transport.ts'
import { ByteStream } from './byte-stream.ts'
import type { ClientMessage, ServerMessage } from './protocol.ts'

/** What one request waits for; `fail` settles whatever is open. */
interface Exchange {
  receive(message: ServerMessage): void
  fail(reason: unknown): void
}

/**
 * Client half of the port transport, for the thread that has the controllers. When the port closes, all requests
 * under way and all later ones fail.
 */
export function portTransport(port: MessagePort): Transport {
  return portTransports(port)()
}

/** One port for several clients: each transport acts as the user that the serving side knows by this name, or as the port's own. */
export function portTransports(port: MessagePort): (as?: string) => Transport {
  const channel = new Channel(port)
  return (as) => ({
    request: (request, signal) => channel.request({ ...request, as }, signal),
    stream: (request, signal) => channel.stream({ ...request, as }, signal),
  })
}

type Asked = TransportRequest & { readonly as: string | undefined }

class Channel {
  readonly #port: MessagePort
  readonly #exchanges = new Map<number, Exchange>()
  #lastId = 0
  #closed = false

  constructor(port: MessagePort) {
    this.#port = port
    port.on('message', (message: ServerMessage) => this.#exchanges.get(message.id)?.receive(message))
    port.once('close', () => {
      this.#closed = true
      for (const exchange of [...this.#exchanges.values()]) exchange.fail(new Error('the port to the API server was closed'))
    })
  }

  request(request: Asked, signal: AbortSignal): Promise<TransportResponse> {
    return new Promise((resolve, reject) => {
      this.#open(request, { streamed: false, signal }, (close) => ({
        receive: (message) => {
          close()
          if (message.type === 'answer') {
            const [only] = message.chunks
            const body = message.chunks.length === 1 && only !== undefined ? only : Buffer.concat(message.chunks)
            resolve({ status: message.status, headers: message.headers, body })
          } else reject(failureOf(message))
        },
        fail: (reason) => {
          close()
          reject(toError(reason))
        },
      }))
    })
  }

  stream(request: Asked, signal: AbortSignal): Promise<TransportStream> {
    return new Promise((resolve, reject) => {
      const id = this.#open(request, { streamed: true, signal }, (close) => {
        const body = new ByteStream({
          consumed: (bytes) => this.#post({ type: 'credit', id, bytes }),
          cancelled: () => {
            close()
            this.#post({ type: 'abort', id })
          },
        })
        const fail = (reason: unknown): void => {
          close()
          body.fail(toError(reason))
          reject(toError(reason))
        }
        return {
          receive: (message) => {
            if (message.type === 'head') resolve({ status: message.status, headers: message.headers, body })
            else if (message.type === 'data') body.push(message.chunk)
            else if (message.type === 'end') {
              close()
              body.end()
            } else fail(failureOf(message))
          },
          fail,
        }
      })
    })
  }

  #open(
    request: Asked,
    { streamed, signal }: { readonly streamed: boolean; readonly signal: AbortSignal },
    makeExchange: (close: () => void) => Exchange,
  ): number {
    const id = ++this.#lastId
    const close = (): void => {
      this.#exchanges.delete(id)
      signal.removeEventListener('abort', onAbort)
    }
    const exchange = makeExchange(close)
    const onAbort = (): void => {
      if (!this.#exchanges.has(id)) return
      this.#post({ type: 'abort', id })
      exchange.fail(signal.reason)
    }
    if (signal.aborted || this.#closed) {
      exchange.fail(signal.aborted ? signal.reason : new Error('the port to the API server was closed'))
      return id
    }
    this.#exchanges.set(id, exchange)
    signal.addEventListener('abort', onAbort, { once: true })
    const { method, path, headers = {}, body, as } = request
    this.#post({
      type: 'request',
      id,
      method,
      path,
      headers,
      streamed,
      ...(body !== undefined && { body }),
      ...(as !== undefined && { as }),
    })
    return id
  }

  #post(message: ClientMessage): void {
    if (!this.#closed) this.#port.postMessage(message)
  }
}

function failureOf(message: ServerMessage): Error {
  return new Error(message.type === 'failure' ? message.message : `unexpected ${message.type} message on the port`)
}

function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('aborted', { cause: reason })
}
