import type { Clock } from '../../core/runtime/clock.ts'

interface Sleeper {
  readonly dueMs: number
  wake(): void
}

/** Time that moves only when a test says so. Starts at 2026-01-01T00:00:00Z unless told otherwise. */
export class FakeClock implements Clock {
  #nowMs: number
  readonly #sleepers = new Set<Sleeper>()

  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#nowMs = startMs
  }

  now(): number {
    return this.#nowMs
  }

  /** How many callers wait, for tests that must know a sleep has begun. */
  get sleeping(): number {
    return this.#sleepers.size
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason as Error)
        return
      }
      const onAbort = (): void => {
        this.#sleepers.delete(sleeper)
        reject(signal.reason as Error)
      }
      const sleeper: Sleeper = {
        dueMs: this.#nowMs + ms,
        wake: () => {
          this.#sleepers.delete(sleeper)
          signal.removeEventListener('abort', onAbort)
          resolve()
        },
      }
      this.#sleepers.add(sleeper)
      signal.addEventListener('abort', onAbort, { once: true })
    })
  }

  /** Wakes sleepers in the order they are due, with time standing at each one's due moment while its promises run. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms
    await settle()
    for (let next = this.#earliest(untilMs); next !== undefined; next = this.#earliest(untilMs)) {
      this.#nowMs = Math.max(this.#nowMs, next.dueMs)
      next.wake()
      await settle()
    }
    this.#nowMs = untilMs
  }

  #earliest(untilMs: number): Sleeper | undefined {
    let first: Sleeper | undefined
    for (const sleeper of this.#sleepers) {
      if (sleeper.dueMs <= untilMs && (first === undefined || sleeper.dueMs < first.dueMs)) first = sleeper
    }
    return first
  }
}

/** Lets everything that can run without time passing run. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
}
