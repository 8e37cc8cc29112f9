import type { KubeObject } from '../../meta/object.ts'
import type { Commit } from '../../store/store.ts'

/**
 * The watch cache of one stored resource (one storage prefix): current bytes, an event ring, watchers.
 * Loaded once at start; then every read is served from here and every write goes through `write`.
 * Invariant: an entry is visible, and its event delivered, only after the commit was durable.
 */
export interface ResourceCache {
  readonly storagePrefix: string
  /** Newest revision this cache has applied or knows to be without effect on it. */
  readonly revision: number
  /** Live objects. */
  readonly size: number
  get(namespace: string, name: string): Entry | undefined
  /** Immutable snapshot in key order (bytes of `namespace/name`, as etcd has it), optionally of one namespace, after `startAfter`. */
  list(options: CacheListOptions): CacheSnapshot
  /** Resolves when durable and applied here. Throws StoreError. `bytes` have an empty resourceVersion hole, see `splice.ts`. */
  create(namespace: string, name: string, value: Encoded): Promise<Entry>
  /** Resolves with `current` itself, without a commit, when nothing but the revision would change. */
  update(current: Entry, value: Encoded): Promise<Entry>
  /** `lastState` is what watchers get in the DELETED event. */
  delete(current: Entry, lastState?: Encoded): Promise<Commit>
  watch(options: CacheWatchOptions): CacheWatch
  /** Resolves when `revision` has arrived here (`resourceVersion=N` lists); rejects with the signal's reason. */
  waitFor(revision: number, signal: AbortSignal): Promise<void>
}

/** JSON bytes whose metadata starts with `"resourceVersion":""`, and the parsed object they came from (without revision). */
export interface Encoded {
  readonly bytes: Uint8Array
  readonly object: KubeObject
}

/** One live object. Immutable: an update makes a new entry. */
export interface Entry {
  readonly namespace: string
  readonly name: string
  /** Served bytes, resourceVersion spliced in. */
  readonly bytes: Uint8Array
  readonly modRevision: number
  readonly createRevision: number
  /** Small header kept parsed, so that selectors and garbage collection never parse. */
  readonly labels: Readonly<Record<string, string>> | undefined
  readonly fields: Readonly<Record<string, string>> | undefined
  /** The parsed object with its revision; parsed at first use and kept weakly. Never change it (deep-frozen in tests). */
  object(): KubeObject
}

export interface CacheListOptions {
  readonly namespace?: string
  readonly startAfter?: { readonly namespace: string; readonly name: string }
  /** Serves an older snapshot while the ring still covers it; StoreError `Compacted` otherwise. */
  readonly atRevision?: number
  /** At most so many entries; 0 and absent: all. Cheaper than cutting the snapshot. */
  readonly limit?: number
}

export interface CacheSnapshot {
  readonly revision: number
  readonly entries: readonly Entry[]
  /** Entries of the same selection that follow the last one: more than 0 only with `limit`. */
  readonly remaining: number
}

export interface CacheWatchOptions {
  readonly namespace?: string
  readonly name?: string
  /** Entering and leaving the selection become ADDED and DELETED. Absent: everything. */
  readonly matches?: (entry: Entry) => boolean
  /** Exclusive. StoreError `Compacted` when the ring no longer covers it. */
  readonly afterRevision: number
}

/**
 * A registered watcher. Events of one commit batch arrive in one call, already framed once for all JSON watchers.
 * `pull` resolves with what is pending (at least one event or bookmark revision); it rejects with StoreError `Compacted` when the
 * reader fell too far behind, and resolves undefined after `close`.
 */
export interface CacheWatch {
  pull(signal: AbortSignal): Promise<CacheEvents | undefined>
  close(): void
}

export interface CacheEvents {
  readonly revision: number
  readonly events: readonly CacheEvent[]
}

export interface CacheEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  /** For DELETED: the last state with the revision of the deletion. */
  readonly entry: Entry
  /** `{"type":"…","object":…}\n`, built once and shared by all watchers that see this type. */
  readonly frame: Uint8Array
}
