import type { Readable } from 'node:stream'
import type { UserInfo } from '../auth/auth.ts'
import type { ApiRequest } from '../request.ts'
import type { Connection } from './connection.ts'
import type { HttpLimits } from './limits.ts'
import { readBody } from './read-body.ts'

export interface RequestHead {
  readonly method: string
  /** Path and query as they came. */
  readonly target: string
  readonly headers: Readonly<Record<string, string | undefined>>
}

/** Shared by all requests without one; nobody changes a query. */
const NO_QUERY = new URLSearchParams()

/** A request from a socket. What not every handler needs is made when it is first asked for. */
export class HttpRequest implements ApiRequest {
  readonly method: string
  readonly path: string
  readonly search: string
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly user: UserInfo
  readonly remoteAddress: string
  readonly rawBody: Readable
  readonly body: () => Promise<Uint8Array>
  #query: URLSearchParams | undefined
  #bytes: Promise<Uint8Array> | undefined
  #controller: AbortController | undefined
  #abortReason: Error | undefined

  constructor(head: RequestHead, user: UserInfo, stream: Readable, from: { readonly connection: Connection; readonly limits: HttpLimits }) {
    this.method = head.method
    this.path = pathOf(head.target)
    this.search = head.target.slice(this.path.length + 1)
    this.headers = head.headers
    this.user = user
    this.remoteAddress = from.connection.remoteAddress
    this.rawBody = stream
    this.body = () => {
      this.#bytes ??= readBody(stream, head.headers['content-length'], from.limits)
      return this.#bytes
    }
  }

  get query(): URLSearchParams {
    this.#query ??= this.search === '' ? NO_QUERY : new URLSearchParams(this.search)
    return this.#query
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#abortReason !== undefined) this.#controller.abort(this.#abortReason)
    }
    return this.#controller.signal
  }

  get aborted(): boolean {
    return this.#abortReason !== undefined
  }

  abort(reason: Error): void {
    if (this.#abortReason !== undefined) return
    this.#abortReason = reason
    this.#controller?.abort(reason)
  }
}

export function pathOf(target: string): string {
  const question = target.indexOf('?')
  return question < 0 ? target : target.slice(0, question)
}

/** Path of a request target: HTTP/1.1 allows a whole URL there. Undefined when it is neither. */
export function toTarget(raw: string | undefined): string | undefined {
  if (raw === undefined || raw.startsWith('/')) return raw
  const match = /^https?:\/\/[^/?#]*(?<rest>.*)$/i.exec(raw)
  const rest = match?.groups?.['rest']
  if (rest === undefined) return undefined
  return rest.startsWith('/') ? rest : `/${rest}`
}
