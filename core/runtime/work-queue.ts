import type { Clock } from './clock.ts'

export interface WorkQueueOptions {
  readonly clock: Clock
  /** First delay after a failure; doubles with each further one. Default 5. */
  readonly baseMs?: number
  /** Default 1,000,000 (about 16 minutes 40 seconds). */
  readonly maxMs?: number
}

interface Timer {
  readonly dueMs: number
  readonly abort: AbortController
}

const closedReason = new Error('the work queue was shut down')

/**
 * A queue of keys for level-triggered work: a key added many times is handed out once, and never to two workers at a
 * time; one that is added while being worked on comes again after `done`.
 * Source: the semantics of Kubernetes' work queue (dirty and processing sets, exponential failure delay).
 */
export class WorkQueue<K> {
  readonly #clock: Clock
  readonly #baseMs: number
  readonly #maxMs: number
  /** Waiting to be handed out, in order. */
  readonly #ready = new Set<K>()
  readonly #processing = new Set<K>()
  /** Added again while processing. */
  readonly #dirty = new Set<K>()
  readonly #failures = new Map<K, number>()
  readonly #timers = new Map<K, Timer>()
  readonly #takers: ((key: K | undefined) => void)[] = []
  #closed = false

  constructor(options: WorkQueueOptions) {
    this.#clock = options.clock
    this.#baseMs = options.baseMs ?? 5
    this.#maxMs = options.maxMs ?? 1_000_000
  }

  /** Keys waiting to be taken, delayed ones not counted. */
  get depth(): number {
    return this.#ready.size + this.#dirty.size
  }

  /** Nothing waits, runs or is due later; for tests. */
  get idle(): boolean {
    return this.depth === 0 && this.#processing.size === 0
  }

  add(key: K): void {
    if (this.#closed) return
    if (this.#processing.has(key)) {
      this.#dirty.add(key)
      return
    }
    const taker = this.#ready.has(key) ? undefined : this.#takers.shift()
    if (taker === undefined) this.#ready.add(key)
    else {
      this.#processing.add(key)
      taker(key)
    }
  }

  /** Adds the key after `delayMs`; of several delays for one key the earliest wins. */
  addAfter(key: K, delayMs: number): void {
    if (delayMs <= 0) {
      this.add(key)
      return
    }
    const dueMs = this.#clock.now() + delayMs
    const known = this.#timers.get(key)
    if (this.#closed || (known !== undefined && known.dueMs <= dueMs)) return
    known?.abort.abort(closedReason)
    const timer: Timer = { dueMs, abort: new AbortController() }
    this.#timers.set(key, timer)
    this.#clock.sleep(delayMs, timer.abort.signal).then(
      () => {
        this.#timers.delete(key)
        this.add(key)
      },
      () => {
        // Replaced by an earlier delay, or the queue was shut down.
      },
    )
  }

  /** Adds the key after its failure delay and counts the failure. Returns the delay. */
  addRateLimited(key: K): number {
    const failures = this.#failures.get(key) ?? 0
    this.#failures.set(key, failures + 1)
    const delayMs = Math.min(this.#maxMs, this.#baseMs * 2 ** Math.min(failures, 40))
    this.addAfter(key, delayMs)
    return delayMs
  }

  /** The next failure of the key starts at the shortest delay again. */
  forget(key: K): void {
    this.#failures.delete(key)
  }

  failures(key: K): number {
    return this.#failures.get(key) ?? 0
  }

  /** The next key; whoever takes it must call `done`. Undefined after `shutDown`. */
  take(): Promise<K | undefined> {
    const [key] = this.#ready
    if (key !== undefined && !this.#closed) {
      this.#ready.delete(key)
      this.#processing.add(key)
      return Promise.resolve(key)
    }
    if (this.#closed) return Promise.resolve(undefined)
    return new Promise((resolve) => this.#takers.push(resolve))
  }

  done(key: K): void {
    this.#processing.delete(key)
    if (this.#dirty.delete(key)) this.add(key)
  }

  /** Wakes all takers with undefined; keys that wait are dropped, delays are cancelled. */
  shutDown(): void {
    this.#closed = true
    this.#ready.clear()
    this.#dirty.clear()
    for (const { abort } of this.#timers.values()) abort.abort(closedReason)
    this.#timers.clear()
    for (const taker of this.#takers.splice(0)) taker(undefined)
  }
}
