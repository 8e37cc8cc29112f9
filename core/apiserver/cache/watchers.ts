import { StoreError } from '../../store/store.ts'
import type { CacheEvent, CacheEvents, CacheWatch, CacheWatchOptions } from './cache.ts'
import type { Change } from './change.ts'

/** Unread changes, and bytes in them, after which a watcher is ended with `Compacted`. */
export const MAX_PENDING_EVENTS = 8192
const MAX_PENDING_BYTES = 32 * 1024 * 1024

/** Who sees a change: found by key and namespace, not by asking everyone. */
export class WatcherIndex {
  readonly #everywhere = new Set<Watcher>()
  readonly #byNamespace = new Map<string, Set<Watcher>>()
  readonly #byKey = new Map<string, Set<Watcher>>()
  #touched: Watcher[] = []

  get size(): number {
    let size = this.#everywhere.size
    for (const set of [...this.#byNamespace.values(), ...this.#byKey.values()]) size += set.size
    return size
  }

  /** `key` when the options name one object. */
  add(watcher: Watcher, options: CacheWatchOptions, key: string | undefined): void {
    if (key !== undefined) this.#join(this.#byKey, key, watcher)
    else if (options.namespace !== undefined && options.namespace !== '') this.#join(this.#byNamespace, options.namespace, watcher)
    else {
      this.#everywhere.add(watcher)
      watcher.onClose = () => this.#everywhere.delete(watcher)
    }
  }

  offer(change: Change): void {
    this.#offerTo(this.#everywhere, change)
    if (this.#byNamespace.size > 0) this.#offerTo(this.#byNamespace.get(change.namespace), change)
    if (this.#byKey.size > 0) this.#offerTo(this.#byKey.get(change.key), change)
  }

  /** After the last change of a batch: every watcher that got something hears of it once. */
  flush(revision: number): void {
    if (this.#touched.length === 0) return
    const touched = this.#touched
    this.#touched = []
    for (const watcher of touched) watcher.flush(revision)
  }

  /** Tells watchers without news how far they are. */
  progress(revision: number): void {
    this.#each((watcher) => watcher.flush(revision))
  }

  close(err?: Error): void {
    this.#each((watcher) => watcher.end(err))
  }

  #each(act: (watcher: Watcher) => void): void {
    for (const set of [this.#everywhere, ...this.#byNamespace.values(), ...this.#byKey.values()])
      for (const watcher of [...set]) act(watcher)
  }

  #offerTo(watchers: Set<Watcher> | undefined, change: Change): void {
    if (watchers === undefined) return
    for (const watcher of watchers) if (watcher.offer(change)) this.#touched.push(watcher)
  }

  #join(sets: Map<string, Set<Watcher>>, name: string, watcher: Watcher): void {
    const set = sets.get(name) ?? new Set()
    sets.set(name, set.add(watcher))
    watcher.onClose = () => {
      set.delete(watcher)
      if (set.size === 0 && sets.get(name) === set) sets.delete(name)
    }
  }
}

/** One registered watcher with its bounded queue. */
export class Watcher implements CacheWatch {
  onClose: () => void = () => undefined
  readonly #options: CacheWatchOptions
  #pending: CacheEvent[] = []
  #pendingBytes = 0
  /** Events of the past that the watcher started with; they come on top of the bound. */
  #backlog = 0
  /** Revision up to which everything is pending or was read; what the reader is told next when above `#told`. */
  #revision: number
  #told: number
  #touched = false
  #ended = false
  #error: Error | undefined
  #wake: (() => void) | undefined

  constructor(options: CacheWatchOptions) {
    this.#options = options
    this.#revision = options.afterRevision
    this.#told = options.afterRevision
  }

  /** True when this is the first event of the batch for this watcher. */
  offer(change: Change): boolean {
    const { afterRevision, name, matches } = this.#options
    if (this.#ended || change.revision <= afterRevision || (name !== undefined && name !== change.name)) return false
    const event = change.eventFor(matches)
    if (event === undefined) return false
    this.#pending.push(event)
    this.#pendingBytes += change.weight
    if (this.#touched) return false
    this.#touched = true
    return true
  }

  flush(revision: number): void {
    this.#touched = false
    if (this.#ended || revision <= this.#revision) return
    this.#revision = revision
    if (this.#pending.length > this.#backlog + MAX_PENDING_EVENTS || this.#pendingBytes > MAX_PENDING_BYTES) {
      this.end(new StoreError('Compacted', `the watcher fell ${this.#pending.length} events behind`))
    }
    this.#wake?.()
  }

  /** After the events of the past were offered. */
  backfilled(revision: number): void {
    this.#backlog = this.#pending.length
    this.#pendingBytes = 0
    this.flush(revision)
  }

  async pull(signal: AbortSignal): Promise<CacheEvents | undefined> {
    signal.throwIfAborted()
    for (;;) {
      if (this.#error !== undefined) throw this.#error
      if (this.#ended) return undefined
      if (this.#revision > this.#told) return this.#take()
      await this.#news(signal)
    }
  }

  close(): void {
    this.end()
  }

  /** With an error the reader gets it instead of what is pending. */
  end(err?: Error): void {
    if (this.#ended) return
    this.#ended = true
    this.#error = err
    this.#pending = []
    this.onClose()
    this.#wake?.()
  }

  #take(): CacheEvents {
    const events = this.#pending
    this.#pending = []
    this.#pendingBytes = 0
    this.#backlog = 0
    this.#told = this.#revision
    return { revision: this.#revision, events }
  }

  #news(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        this.#wake = undefined
        signal.removeEventListener('abort', onAbort)
        resolve()
      }
      const onAbort = (): void => {
        this.#wake = undefined
        reject(signal.reason as Error)
      }
      signal.addEventListener('abort', onAbort, { once: true })
      this.#wake = settle
    })
  }
}
