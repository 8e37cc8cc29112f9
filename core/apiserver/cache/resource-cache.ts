import { type Commit, StoreError, type StoreEvent } from '../../store/store.ts'
import type { CacheListOptions, CacheSnapshot, CacheWatch, CacheWatchOptions, Encoded, Entry, ResourceCache } from './cache.ts'
import { CachedEntry, type EntryContext, type SelectableFields } from './cached-entry.ts'
import { Change } from './change.ts'
import type { EventRing, RingOwner } from './event-ring.ts'
import { HistoryViews } from './history-views.ts'
import { SortedEntries } from './sorted-entries.ts'
import { sameButRevision } from './splice.ts'
import { Watcher, WatcherIndex } from './watchers.ts'
import type { WritePath } from './write-path.ts'

/** What the cache has to know of a stored resource; a ResourceDef fits. */
export interface CachedResource {
  readonly storagePrefix: string
  readonly namespaced: boolean
  readonly selectableFields?: SelectableFields
}

export interface ResourceCacheDeps {
  readonly ring: EventRing
  readonly writes: WritePath
  readonly freeze: boolean
}

export class StoreBackedCache implements ResourceCache, RingOwner {
  readonly storagePrefix: string
  readonly namespaced: boolean
  readonly #deps: ResourceCacheDeps
  readonly #context: EntryContext
  readonly #entries = new Map<string, CachedEntry>()
  readonly #sorted = new SortedEntries<CachedEntry>()
  readonly #watchers = new WatcherIndex()
  readonly #views: HistoryViews
  /** History at or below is gone. */
  #floor = 0

  constructor(resource: CachedResource, deps: ResourceCacheDeps) {
    this.storagePrefix = resource.storagePrefix
    this.namespaced = resource.namespaced
    this.#deps = deps
    this.#context = { selectableFields: resource.selectableFields, freeze: deps.freeze }
    this.#views = new HistoryViews((revision) => deps.ring.since(this, revision))
  }

  get revision(): number {
    return this.#deps.writes.revision
  }

  get size(): number {
    return this.#entries.size
  }

  get watchers(): number {
    return this.#watchers.size
  }

  get(namespace: string, name: string): Entry | undefined {
    return this.#entries.get(this.#key(namespace, name))
  }

  list(options: CacheListOptions): CacheSnapshot {
    const { namespace = '', startAfter, atRevision = this.revision, limit } = options
    this.#assertCovered(atRevision)
    // NOTE: '0' is the character after '/', so this bound is above every key of the namespace.
    const inNamespace = this.namespaced && namespace !== ''
    const after = startAfter === undefined ? undefined : this.#key(startAfter.namespace, startAfter.name)
    const first = inNamespace ? `${namespace}/` : undefined
    const range = {
      after: after !== undefined && (first === undefined || after > first) ? after : first,
      below: inNamespace ? `${namespace}0` : undefined,
      limit,
    }
    const { entries, remaining } =
      atRevision === this.revision ? this.#sorted.range(range) : this.#views.range(this.#sorted, atRevision, range)
    return { revision: atRevision, entries, remaining }
  }

  create(namespace: string, name: string, value: Encoded): Promise<Entry> {
    return this.#put({ op: 'create', key: this.#storageKey(namespace, name), value: value.bytes }, value)
  }

  async update(current: Entry, value: Encoded): Promise<Entry> {
    const { namespace, name, modRevision } = current
    const live = this.get(namespace, name)
    if (live?.modRevision === modRevision && sameButRevision(live.bytes, value.bytes)) return live
    const key = this.#storageKey(namespace, name)
    return this.#put({ op: 'update', key, value: value.bytes, ifRevision: modRevision }, value)
  }

  delete(current: Entry, lastState?: Encoded): Promise<Commit> {
    const key = this.#storageKey(current.namespace, current.name)
    return this.#deps.writes.delete({ op: 'delete', key, ifRevision: current.modRevision }, lastState)
  }

  watch(options: CacheWatchOptions): CacheWatch {
    const { namespace = '', name, afterRevision } = options
    if (afterRevision < this.#floor) throw tooOld(afterRevision, this.#floor)
    const watcher = new Watcher(options)
    const inNamespace = this.namespaced && namespace !== ''
    if (afterRevision < this.revision) {
      for (const change of this.#deps.ring.since(this, afterRevision)) {
        if (!inNamespace || change.namespace === namespace) watcher.offer(change)
      }
      watcher.backfilled(this.revision)
    }
    const key = name === undefined || (this.namespaced && namespace === '') ? undefined : this.#key(namespace, name)
    this.#watchers.add(watcher, this.namespaced ? options : { afterRevision }, key)
    return watcher
  }

  waitFor(revision: number, signal: AbortSignal): Promise<void> {
    return this.#deps.writes.applied(revision, signal)
  }

  /** The records at the start, with the revision of that view. Replaces everything. */
  load(records: readonly Omit<StoreEvent, 'op'>[], revision: number): void {
    this.#floor = revision
    for (const record of records) {
      const entry = this.#entry(record, undefined, 'ADDED')
      this.#entries.set(entry.key, entry)
    }
    this.#sorted.load([...this.#entries.values()])
  }

  /** Applies one committed change; the caller flushes after the batch. Returns the new entry. */
  apply(event: StoreEvent, encoded: Encoded | undefined): CachedEntry | undefined {
    const previous = this.#entries.get(event.key.slice(this.storagePrefix.length + 1))
    if (event.op === 'delete') {
      if (previous === undefined) return undefined
      this.#entries.delete(previous.key)
      this.#sorted.delete(previous.key)
      this.#publish(new Change(event.revision, previous, { deleted: previous.deletedAt(event.revision, encoded) }))
      return undefined
    }
    const next = this.#entry(event, encoded, previous === undefined ? 'ADDED' : 'MODIFIED')
    this.#entries.set(next.key, next)
    this.#sorted.set(next)
    this.#publish(new Change(event.revision, previous, { next }))
    return next
  }

  flush(revision: number): void {
    this.#watchers.flush(revision)
  }

  /** Lets every watcher know the revision, for bookmarks. */
  progress(): void {
    this.#watchers.progress(this.revision)
  }

  close(err?: Error): void {
    this.#watchers.close(err)
  }

  forget(revision: number): void {
    this.#floor = Math.max(this.#floor, revision)
    this.#views.forget(this.#floor)
  }

  #put(write: Parameters<WritePath['put']>[0], encoded: Encoded): Promise<Entry> {
    const build = (commit: Commit): Entry => this.#entry({ ...write, ...commit }, encoded, write.op === 'create' ? 'ADDED' : 'MODIFIED')
    return this.#deps.writes.put(write, encoded, build)
  }

  #publish(change: Change): void {
    this.#watchers.offer(change)
    this.#deps.ring.push(this, change)
  }

  #entry(record: Omit<StoreEvent, 'op'>, encoded: Encoded | undefined, type: 'ADDED' | 'MODIFIED'): CachedEntry {
    const key = record.key.slice(this.storagePrefix.length + 1)
    const slash = this.namespaced ? key.indexOf('/') : -1
    return new CachedEntry(
      {
        namespace: slash < 0 ? '' : key.slice(0, slash),
        name: key.slice(slash + 1),
        key,
        bytes: record.value,
        object: encoded?.object,
        modRevision: record.revision,
        createRevision: record.createRevision,
        type,
      },
      this.#context,
    )
  }

  #assertCovered(revision: number): void {
    if (revision > this.revision)
      throw new StoreError('FutureRevision', `revision ${revision} has not arrived; the newest is ${this.revision}`)
    if (revision < this.#floor) throw tooOld(revision, this.#floor)
  }

  #key(namespace: string, name: string): string {
    return this.namespaced ? `${namespace}/${name}` : name
  }

  #storageKey(namespace: string, name: string): string {
    return `${this.storagePrefix}/${this.#key(namespace, name)}`
  }
}

function tooOld(revision: number, floor: number): StoreError {
  return new StoreError('Compacted', `too old resource version: ${revision} (${floor})`)
}
