import type { Duplex } from 'node:stream'
import type { ApiResponse } from '../request.ts'
import type { HttpRequest } from './http-request.ts'

/** What is being answered right now, for a stop that lets it finish. */
export class LiveRequests {
  readonly #live = new Map<HttpRequest, { readonly socket: Duplex | undefined; endless: boolean }>()
  #stopping: Error | undefined
  #onEmpty: (() => void) | undefined

  get size(): number {
    return this.#live.size
  }

  get stopping(): boolean {
    return this.#stopping !== undefined
  }

  /** With the socket when the request wants to take it. */
  add(request: HttpRequest, socket?: Duplex): void {
    this.#live.set(request, { socket, endless: socket !== undefined })
    if (socket !== undefined && this.#stopping !== undefined) request.abort(this.#stopping)
  }

  /** Streams may go on for ever, so a stop ends them at once. */
  answering(request: HttpRequest, response: ApiResponse): void {
    const live = this.#live.get(request)
    if (live === undefined || response.body === undefined || !(Symbol.asyncIterator in response.body)) return
    live.endless = true
    if (this.#stopping !== undefined) request.abort(this.#stopping)
  }

  remove(request: HttpRequest): void {
    this.#live.delete(request)
    if (this.#live.size === 0) this.#onEmpty?.()
  }

  /** Ends what would not end by itself. */
  stop(reason: Error): void {
    this.#stopping = reason
    for (const [request, live] of this.#live) if (live.endless) request.abort(reason)
  }

  /** Ends everything. */
  abortAll(reason: Error): void {
    for (const [request, { socket }] of this.#live) {
      request.abort(reason)
      socket?.destroy()
    }
  }

  empty(): Promise<void> {
    if (this.#live.size === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#onEmpty = resolve
    })
  }
}
