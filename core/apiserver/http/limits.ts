/** Bounds of the listener. Each has a default that fits a production server; tests make them small. */
export interface HttpLimits {
  /** Largest body of a request, 3 MiB. Source: apiserver, MaxRequestBodyBytes. */
  readonly bodyBytes: number
  /** Whole head of a request on HTTP/1.1. */
  readonly headerBytes: number
  /** Until the head of a request has to be complete. Source: apiserver, ReadHeaderTimeout. */
  readonly headerMs: number
  /** Until a body that is read whole has to be complete. */
  readonly bodyMs: number
  readonly handshakeMs: number
  /** Idle connections are closed after this. Source: apiserver, IdleTimeout. */
  readonly idleMs: number
  /** Requests at once on one HTTP/2 connection. */
  readonly streamsPerConnection: number
}

export const DEFAULT_LIMITS: HttpLimits = Object.freeze({
  bodyBytes: 3 * 1024 * 1024,
  headerBytes: 128 * 1024,
  headerMs: 32_000,
  bodyMs: 60_000,
  handshakeMs: 10_000,
  idleMs: 90_000,
  streamsPerConnection: 250,
})
