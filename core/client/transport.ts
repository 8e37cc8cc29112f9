/**
 * Carries one API request; three of them share a contract suite (same thread, message port, HTTPS).
 * The user of a transport is fixed when it is made; RBAC applies to each.
 */
export interface Transport {
  /** Answers with the whole body. Never throws for a status >= 400; throws when no answer arrived or the signal aborted. */
  request(request: TransportRequest, signal: AbortSignal): Promise<TransportResponse>
  /** For watches and logs: the body as it arrives, with back-pressure. Abort the signal to end it. */
  stream(request: TransportRequest, signal: AbortSignal): Promise<TransportStream>
}

export interface TransportRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Path with query string, as on the wire: `/api/v1/pods?watch=true`. */
  readonly path: string
  /** Lower-case names. */
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
}

export interface TransportResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

export interface TransportStream {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: AsyncIterable<Uint8Array>
}
