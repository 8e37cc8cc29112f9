import { StoreError, type StoreEvent, type WatchBatch, type WatchOptions } from '../store.ts'
import type { LogRow } from './row.ts'

const NO_VALUE = new Uint8Array(0)
/** Rows of history read at once for a watch that starts in the past. */
const BACKFILL_PAGE_ROWS = 500

export interface History {
  /** Newest committed and highest compacted revision. */
  readonly revision: number
  readonly compacted: number
  /** Rows above `after` and at or below `upTo` whose key has the prefix, in revision order. */
  rows(range: { readonly prefix: string; readonly after: number; readonly upTo: number; readonly limit: number }): readonly LogRow[]
  /** Value of one stored revision. */
  valueAt(revision: number): Uint8Array | undefined
}

/** Fans committed rows out to watchers. A watcher reads history first, in pages, then what was published meanwhile. */
export class WatchHub {
  readonly #history: History
  readonly #watchers = new Set<Watcher>()

  constructor(history: History) {
    this.#history = history
  }

  watch(options: WatchOptions): AsyncIterable<WatchBatch> {
    return {
      [Symbol.asyncIterator]: () => {
        const watcher = new Watcher(options, this.#history, () => this.#watchers.delete(watcher))
        this.#watchers.add(watcher)
        watcher.start()
        return watcher
      },
    }
  }

  publish(rows: readonly LogRow[]): void {
    for (const watcher of this.#watchers) watcher.push(rows)
  }

  /** Ends every watch with `err`, or cleanly without one. */
  close(err?: Error): void {
    for (const watcher of this.#watchers) watcher.end(err)
  }
}

class Watcher implements AsyncIterator<WatchBatch> {
  readonly #options: WatchOptions
  readonly #history: History
  readonly #detach: () => void
  readonly #onAbort = (): void => this.end()
  #events: StoreEvent[] = []
  /** Last revision handed to the reader. */
  #read: number
  /** Last revision pending for the reader; nothing below `#liveFrom` comes from `push`. */
  #pending: number
  readonly #liveFrom: number
  #wake: (() => void) | undefined
  #ended = false
  #error: Error | undefined

  constructor(options: WatchOptions, history: History, detach: () => void) {
    this.#options = options
    this.#history = history
    this.#detach = detach
    this.#read = options.afterRevision
    this.#liveFrom = Math.max(history.revision, options.afterRevision)
    this.#pending = this.#liveFrom
  }

  start(): void {
    const options = this.#options
    const history = this.#history
    if (options.afterRevision < history.compacted) {
      this.end(new StoreError('Compacted', `revision ${options.afterRevision} was compacted; the oldest kept is ${history.compacted}`))
    } else if (options.afterRevision > history.revision) {
      this.end(new StoreError('FutureRevision', `revision ${options.afterRevision} does not exist yet; the newest is ${history.revision}`))
    }
    if (options.signal.aborted) this.end()
    else options.signal.addEventListener('abort', this.#onAbort, { once: true })
  }

  push(rows: readonly LogRow[]): void {
    if (this.#ended) return
    for (const row of rows) {
      if (!row.key.startsWith(this.#options.prefix)) continue
      this.#events.push(this.#toEvent(row))
    }
    this.#pending = rows.at(-1)?.revision ?? this.#pending
    if (this.#events.length > this.#options.maxPending) {
      this.end(new StoreError('Compacted', `the reader fell more than ${this.#options.maxPending} events behind`))
      return
    }
    this.#wake?.()
  }

  end(err?: Error): void {
    if (this.#ended) return
    this.#ended = true
    this.#error = err
    this.#events = []
    this.#options.signal.removeEventListener('abort', this.#onAbort)
    this.#detach()
    this.#wake?.()
  }

  async next(): Promise<IteratorResult<WatchBatch>> {
    while (!this.#ended) {
      if (this.#read < this.#liveFrom) return this.#backfill()
      if (this.#pending > this.#read) {
        const events = this.#events
        this.#events = []
        this.#read = this.#pending
        return { done: false, value: { revision: this.#read, events } }
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      this.#wake = undefined
    }
    const error = this.#error
    this.#error = undefined
    if (error !== undefined) throw error
    return { done: true, value: undefined }
  }

  return(): Promise<IteratorResult<WatchBatch>> {
    this.end()
    return Promise.resolve({ done: true, value: undefined })
  }

  #backfill(): IteratorResult<WatchBatch> {
    if (this.#read < this.#history.compacted) {
      const err = new StoreError('Compacted', `revision ${this.#read} was compacted while it was being read`)
      this.end()
      throw err
    }
    const { prefix } = this.#options
    const rows = this.#history.rows({ prefix, after: this.#read, upTo: this.#liveFrom, limit: BACKFILL_PAGE_ROWS })
    const last = rows.at(-1)
    this.#read = rows.length < BACKFILL_PAGE_ROWS || last === undefined ? this.#liveFrom : last.revision
    return { done: false, value: { revision: this.#read, events: rows.map((row) => this.#toEvent(row)) } }
  }

  #toEvent(row: LogRow): StoreEvent {
    const { op, key, revision, createRevision } = row
    if (row.value !== undefined) return { op, key, revision, createRevision, value: row.value }
    const wanted = this.#options.lastValues ?? true
    return { op, key, revision, createRevision, value: (wanted ? this.#history.valueAt(row.previousRevision) : undefined) ?? NO_VALUE }
  }
}
