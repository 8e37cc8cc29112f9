import type { Clock } from '../../runtime/clock.ts'

interface Entry {
  readonly delayMs: number
  readonly failedAtMs: number
  readonly message: string
}

/**
 * Delays by key, doubled per failure; a key without failures for twice the longest delay starts over.
 * Source: the back-off of Kubernetes for image pulls and container restarts.
 */
export class KeyBackoff {
  readonly #entries = new Map<string, Entry>()
  readonly #clock: Clock
  readonly #baseMs: number
  readonly #maxMs: number

  constructor(clock: Clock, limits: { readonly baseMs: number; readonly maxMs: number }) {
    this.#clock = clock
    this.#baseMs = limits.baseMs
    this.#maxMs = limits.maxMs
  }

  /** What remains of the delay counted from the last failure, or from `sinceMs`; 0: go ahead. */
  remainingMs(key: string, sinceMs?: number): number {
    const entry = this.#entries.get(key)
    if (entry === undefined) return 0
    if (sinceMs !== undefined && sinceMs - entry.failedAtMs > 2 * this.#maxMs) return 0
    return Math.max(0, (sinceMs ?? entry.failedAtMs) + entry.delayMs - this.#clock.now())
  }

  /** The present delay, 0 for a key without failures. */
  delayMs(key: string): number {
    return this.#entries.get(key)?.delayMs ?? 0
  }

  messageOf(key: string): string {
    return this.#entries.get(key)?.message ?? ''
  }

  /** Counts a failure and returns the delay that follows it. `sinceMs`: when the previous attempt ended, to tell whether it lasted. */
  fail(key: string, message = '', sinceMs?: number): number {
    const known = this.#entries.get(key)
    const now = this.#clock.now()
    const isOld = known !== undefined && (sinceMs ?? now) - known.failedAtMs > 2 * this.#maxMs
    const delayMs = known === undefined || isOld ? this.#baseMs : Math.min(this.#maxMs, known.delayMs * 2)
    this.#entries.set(key, { delayMs, failedAtMs: now, message })
    return delayMs
  }

  reset(key: string): void {
    this.#entries.delete(key)
  }

  /** Forgets all keys that begin with `prefix`, such as those of a pod that is gone. */
  resetPrefix(prefix: string): void {
    for (const key of this.#entries.keys()) if (key.startsWith(prefix)) this.#entries.delete(key)
  }
}
