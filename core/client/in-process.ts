import { childController } from '../runtime/abort.ts'
import { readBytes } from '../runtime/read-bytes.ts'
import type { Transport, TransportRequest, TransportResponse, TransportStream } from './transport.ts'

/** What the client needs of an API request; the API server's own handler type is structurally assignable. */
export interface HandlerRequest<User> {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: () => Promise<Uint8Array>
  readonly user: User
  readonly signal: AbortSignal
}

export interface HandlerResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Uint8Array | readonly Uint8Array[] | AsyncIterable<Uint8Array>
}

export type HandlerFunction<User> = (request: HandlerRequest<User>) => HandlerResponse | Promise<HandlerResponse>

const EMPTY = new Uint8Array(0)

/** Builds the record a handler takes; `user` has been decided by whoever made the transport. */
export function toHandlerRequest<User>(request: TransportRequest, user: User, signal: AbortSignal): HandlerRequest<User> {
  const mark = request.path.indexOf('?')
  const path = mark < 0 ? request.path : request.path.slice(0, mark)
  const body = Promise.resolve(request.body ?? EMPTY)
  return {
    method: request.method,
    path,
    query: new URLSearchParams(mark < 0 ? '' : request.path.slice(mark + 1)),
    headers: request.headers ?? {},
    body: () => body,
    user,
    signal,
  }
}

/** Calls the handler on this thread: no copy, no socket. RBAC applies to `user`. */
export function inProcessTransport<User>(handler: HandlerFunction<User>, user: User): Transport {
  return {
    request: async (request, signal): Promise<TransportResponse> => {
      signal.throwIfAborted()
      const answer = await handler(toHandlerRequest(request, user, signal))
      return { status: answer.status, headers: answer.headers, body: await collect(answer.body) }
    },
    stream: async (request, signal): Promise<TransportStream> => {
      signal.throwIfAborted()
      // The handler outlives this call, so it gets a signal that the reader's early exit can fire as well.
      const child = childController(signal)
      try {
        const answer = await handler(toHandlerRequest(request, user, child.signal))
        return { status: answer.status, headers: answer.headers, body: endWith(chunksOf(answer.body), child) }
      } catch (err) {
        child[Symbol.dispose]()
        throw err
      }
    },
  }
}

/** Any of the three body forms as chunks. */
export async function* chunksOf(body: HandlerResponse['body']): AsyncGenerator<Uint8Array> {
  if (body === undefined) return
  if (body instanceof Uint8Array) yield body
  else yield* body
}

/** Any of the three body forms as one buffer; a single buffer is not copied. */
export async function collect(body: HandlerResponse['body']): Promise<Uint8Array> {
  if (body === undefined) return EMPTY
  if (body instanceof Uint8Array) return body
  return readBytes(body)
}

async function* endWith(chunks: AsyncIterable<Uint8Array>, child: ReturnType<typeof childController>): AsyncGenerator<Uint8Array> {
  try {
    child.signal.throwIfAborted()
    for await (const chunk of chunks) {
      child.signal.throwIfAborted()
      yield chunk
      child.signal.throwIfAborted()
    }
    child.signal.throwIfAborted()
  } finally {
    child.abort()
    child[Symbol.dispose]()
  }
}
