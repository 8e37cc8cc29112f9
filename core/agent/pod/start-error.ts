/** A container, or the whole pod, could not be started now. `reason` and `message` go into the waiting state. */
export class StartError extends Error {
  override readonly name = 'StartError'
  readonly reason: string
  /** When trying again makes sense; absent: after the worker's own pause. */
  readonly retryAfterMs: number | undefined

  constructor(reason: string, message: string, options: { readonly retryAfterMs?: number | undefined; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.reason = reason
    this.retryAfterMs = options.retryAfterMs
  }
}
