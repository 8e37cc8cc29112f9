import type { Duplex } from 'node:stream'
import type { KubeObject } from '../meta/object.ts'
import type { Awaitable } from '../runtime/awaitable.ts'
import type { UserInfo } from './auth/auth.ts'

/** One API request as a record; sockets stay in `http/`, so the in-process client calls the same handler. */
export interface ApiRequest {
  readonly method: string
  /** Path without the query. */
  readonly path: string
  readonly query: URLSearchParams
  /** The query as it came, without its question mark; absent in-process. */
  readonly search?: string
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | undefined>>
  /** The whole body, already limited to 3 MiB; absent when there was none. Proxied requests use `rawBody`. */
  readonly body: () => Promise<Uint8Array>
  /** The body as a stream, for proxied requests. */
  readonly rawBody?: AsyncIterable<Uint8Array>
  readonly user: UserInfo
  /** Address of the peer, for audit and logs; absent in-process. */
  readonly remoteAddress?: string
  /** Aborts when the client goes away or the server stops. */
  readonly signal: AbortSignal
  /** Present on HTTP/1.1 upgrade requests (exec, attach, port-forward, WebSocket watches). */
  readonly upgrade?: { readonly socket: Duplex; readonly head: Buffer; readonly rawHeaders: readonly string[] }
  /** The record of this request, when the audit log wants one. */
  readonly audit?: RequestAudit
}

/** What handlers tell to the audit log. */
export interface RequestAudit {
  /** A key that is there already keeps its value. */
  annotate(key: string, value: string): void
  /** The object in the body, decoded and with its defaults, before admission changes it. */
  sentObject(object: KubeObject): void
}

export interface ApiResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /**
   * One buffer, pieces of any size in order (joined and sent in slabs), or a stream that is pulled under back-pressure. Absent with
   * status 101, when the upgrade took the socket. A stream ends when `signal` aborts; what it throws then is not an error.
   */
  readonly body?: Uint8Array | readonly Uint8Array[] | AsyncIterable<Uint8Array>
}

/** What is answered from memory is here at once; the rest is a promise. */
export type Handler = (request: ApiRequest) => Awaitable<ApiResponse>
