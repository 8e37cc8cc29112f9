/**
 * The revisioned key-value log that everything durable stands on. It knows bytes and revisions, never kinds.
 * A backend passes the contract suite in `tests/contract/store.ts`. Semantics follow etcd's in small.
 */
export interface Store extends AsyncDisposable {
  /**
   * Newest committed revision; 1 for an empty store, so that 0 can mean "any" to readers. Only grows, also over restarts,
   * compaction and restore. The first write of a store gets a higher one. Source: etcd, which starts at 1 as well.
   */
  readonly revision: number
  /**
   * Resolves after the write is durable (a 2xx may follow at once). Rejects with StoreError `KeyExists`,
   * `RevisionMismatch` (with the current record), `NotFound` or `Unavailable`; then nothing was written.
   * Writes that are issued in order are committed in order; a write to a key that has one pending waits for its outcome.
   */
  commit(write: Write): Promise<Commit>
  get(key: string): Promise<KeyValue | undefined>
  /** Keys in byte order below `prefix`. `atRevision` needs the history: StoreError `Compacted` or `FutureRevision`. */
  list(options: ListOptions): Promise<ListResult>
  /**
   * Hands every current record below `prefix` to `visit`, in no particular order, and keeps no value: how a cache fills at
   * start. Resolves with the revision of this view. `visit` must not call the store.
   */
  scan(prefix: string, visit: (record: KeyValue) => void): Promise<number>
  /**
   * Every change after `afterRevision` below `prefix`, in revision order, without gap or repeat. A reader that has
   * more than `maxPending` events unread is ended with StoreError `Compacted`. Aborting the signal ends the iteration.
   */
  watch(options: WatchOptions): AsyncIterable<WatchBatch>
  /** Forgets revisions at or below `revision`, keeping the newest of each live key. Safe to repeat. */
  compact(revision: number): Promise<void>
  /** Bytes on disk and other figures for metrics. */
  stats(): StoreStats
}

export type Write =
  | { readonly op: 'create'; readonly key: string; readonly value: Uint8Array }
  /** `ifRevision` is the modification revision the writer read. */
  | { readonly op: 'update'; readonly key: string; readonly value: Uint8Array; readonly ifRevision: number }
  | { readonly op: 'delete'; readonly key: string; readonly ifRevision: number }

export interface Commit {
  readonly revision: number
  /** Revision at which the key was created; for a delete, of the deleted record. */
  readonly createRevision: number
}

export interface KeyValue {
  readonly key: string
  readonly value: Uint8Array
  readonly createRevision: number
  readonly modRevision: number
}

export interface ListOptions {
  readonly prefix: string
  /** Exclusive lower bound, for paging. */
  readonly startAfter?: string
  readonly limit?: number
  readonly atRevision?: number
}

export interface ListResult {
  readonly revision: number
  readonly items: readonly KeyValue[]
  readonly more: boolean
}

export interface WatchOptions {
  readonly prefix: string
  readonly afterRevision: number
  readonly maxPending: number
  readonly signal: AbortSignal
  /** False leaves `value` of delete events empty and saves a read, for a reader that has the last values. Default true. */
  readonly lastValues?: boolean
}

/** The changes of one or more whole commits; `revision` is the last one included, also when none matched. */
export interface WatchBatch {
  readonly revision: number
  readonly events: readonly StoreEvent[]
}

export interface StoreEvent {
  readonly op: 'create' | 'update' | 'delete'
  readonly key: string
  /** New value; for a delete the last value. */
  readonly value: Uint8Array
  readonly revision: number
  readonly createRevision: number
}

export interface StoreStats {
  readonly liveKeys: number
  readonly fileBytes: number
  readonly walBytes: number
  readonly oldestRevision: number
}

export type StoreErrorCode = 'KeyExists' | 'NotFound' | 'RevisionMismatch' | 'Compacted' | 'FutureRevision' | 'Unavailable'

export class StoreError extends Error {
  readonly code: StoreErrorCode
  /** With `KeyExists` and `RevisionMismatch`: the modification revision of the record in the way. */
  readonly currentRevision: number | undefined

  constructor(code: StoreErrorCode, message: string, options: { readonly cause?: unknown; readonly currentRevision?: number } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'StoreError'
    this.code = code
    this.currentRevision = options.currentRevision
  }
}
