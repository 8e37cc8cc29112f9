import { childController, isAborted } from '../runtime/abort.ts'
import type { Clock } from '../runtime/clock.ts'

/** Longest single sleep; a timer takes no more. */
const FOREVER_MS = 2 ** 31 - 1

/** Lets a loop sleep until it is called or a time has come. A call while nobody sleeps is remembered. */
export class Wakeup {
  readonly #clock: Clock
  #isCalled = false
  #end: (() => void) | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  call(): void {
    this.#isCalled = true
    this.#end?.()
  }

  /** Returns on a call, after `ms` (never, when undefined), or when the signal aborts. */
  async wait(ms: number | undefined, signal: AbortSignal): Promise<void> {
    if (!this.#isCalled && !isAborted(signal)) {
      using child = childController(signal)
      this.#end = () => child.abort()
      await this.#clock.sleep(Math.min(ms ?? FOREVER_MS, FOREVER_MS), child.signal).catch(() => {
        // Called or stopping: both end the sleep, and the caller looks which.
      })
      this.#end = undefined
    }
    this.#isCalled = false
  }
}
