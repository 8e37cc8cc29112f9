/** An AbortController that follows a parent and detaches when disposed, so that long-lived parents collect no listeners. */
export interface ChildController extends Disposable {
  readonly signal: AbortSignal
  abort(reason?: unknown): void
}

/** Use with `using`; `AbortSignal.any` on a long-lived parent keeps memory until the parent aborts. */
export function childController(parent: AbortSignal): ChildController {
  const controller = new AbortController()
  const follow = (): void => {
    controller.abort(parent.reason)
  }
  if (parent.aborted) follow()
  else parent.addEventListener('abort', follow, { once: true })
  return {
    signal: controller.signal,
    abort: (reason) => {
      controller.abort(reason)
    },
    [Symbol.dispose]: () => {
      parent.removeEventListener('abort', follow)
    },
  }
}

/** Asks afresh after an `await`; TypeScript keeps believing an earlier narrowing of `signal.aborted`. */
export function isAborted(signal: AbortSignal): boolean {
  return signal.aborted
}
