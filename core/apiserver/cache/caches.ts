import { isAborted } from '../../runtime/abort.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { KeyValue, Store, StoreEvent, WatchBatch } from '../../store/store.ts'
import type { ResourceCache } from './cache.ts'
import { EventRing, type RingOptions } from './event-ring.ts'
import { type CachedResource, StoreBackedCache } from './resource-cache.ts'
import { WritePath } from './write-path.ts'

export interface CachesOptions {
  readonly store: Store
  /** The resources known at the start, loaded in one pass. Others join with `add`. Several kinds may share a prefix. */
  readonly resources: readonly CachedResource[]
  readonly clock: Clock
  /** Ends everything: watchers are closed, `done` resolves. */
  readonly signal: AbortSignal
  readonly ring?: RingOptions
  /** How often watchers without news learn the current revision. Default one minute, as in Kubernetes. */
  readonly progressMs?: number
  /** Deep-freezes parsed objects; for tests. */
  readonly freeze?: boolean
}

/** The watch caches of all stored resources, fed by one watch of the store. */
export interface Caches {
  readonly revision: number
  /** Settles when the signal aborted; rejects when the store's watch failed, after which nothing here is current. */
  readonly done: Promise<void>
  get(storagePrefix: string): ResourceCache | undefined
  /** Loads and follows one more prefix, for a new CustomResourceDefinition. Idempotent. */
  add(resource: CachedResource): Promise<ResourceCache>
  /** Stops following a prefix and ends its watches. Nothing is deleted from the store. */
  remove(storagePrefix: string): void
  /** All caches, for metrics and debugging. */
  all(): Iterable<ResourceCache>
}

/** Loads every resource and starts to follow the store. Resolves when the caches can serve. */
export async function createCaches(options: CachesOptions): Promise<Caches> {
  const caches = new StoreCaches(options)
  await caches.start()
  return caches
}

/** The store's watch may run far ahead while a large load blocks; its events are references. */
const MAX_STORE_PENDING = 1_000_000

class StoreCaches implements Caches {
  readonly #options: CachesOptions
  readonly #writes: WritePath
  readonly #ring: EventRing
  readonly #caches = new Map<string, StoreBackedCache>()
  /** Prefixes that are being loaded, with the events that arrived meanwhile. */
  readonly #loading = new Map<string, { readonly events: StoreEvent[]; readonly cache: Promise<ResourceCache> }>()
  #done: Promise<void> = Promise.resolve()

  constructor(options: CachesOptions) {
    this.#options = options
    this.#writes = new WritePath(options.store)
    this.#ring = new EventRing(options.ring)
  }

  get revision(): number {
    return this.#writes.revision
  }

  get done(): Promise<void> {
    return this.#done
  }

  get(storagePrefix: string): ResourceCache | undefined {
    return this.#caches.get(storagePrefix)
  }

  all(): Iterable<ResourceCache> {
    return this.#caches.values()
  }

  async start(): Promise<void> {
    const { store, resources, signal } = this.#options
    const records = new Map<string, Omit<StoreEvent, 'op'>[]>()
    for (const resource of resources) {
      if (this.#caches.has(resource.storagePrefix)) continue
      this.#caches.set(resource.storagePrefix, this.#create(resource))
      records.set(resource.storagePrefix, [])
    }
    const revision = await store.scan('', (record) => {
      const cache = this.#cacheOf(record.key)
      if (cache !== undefined) records.get(cache.storagePrefix)?.push(toRecord(record))
    })
    for (const [prefix, loaded] of records) this.#caches.get(prefix)?.load(loaded, revision)
    this.#writes.advance(revision)
    const batches = store.watch({ prefix: '', afterRevision: revision, maxPending: MAX_STORE_PENDING, signal, lastValues: false })
    this.#done = Promise.all([this.#follow(batches), this.#reportProgress()]).then(() => undefined)
    // Whoever supervises awaits `done`; the failure also reaches every waiting writer and watcher.
    this.#done.catch(() => undefined)
  }

  add(resource: CachedResource): Promise<ResourceCache> {
    const { storagePrefix } = resource
    const existing = this.#caches.get(storagePrefix)
    if (existing !== undefined) return Promise.resolve(existing)
    const loading = this.#loading.get(storagePrefix)
    if (loading !== undefined) return loading.cache
    const events: StoreEvent[] = []
    const cache = this.#load(resource, events).finally(() => this.#loading.delete(storagePrefix))
    this.#loading.set(storagePrefix, { events, cache })
    return cache
  }

  remove(storagePrefix: string): void {
    this.#caches.get(storagePrefix)?.close()
    this.#caches.delete(storagePrefix)
  }

  #create(resource: CachedResource): StoreBackedCache {
    return new StoreBackedCache(resource, { ring: this.#ring, writes: this.#writes, freeze: this.#options.freeze ?? false })
  }

  async #load(resource: CachedResource, events: readonly StoreEvent[]): Promise<ResourceCache> {
    const cache = this.#create(resource)
    const records: Omit<StoreEvent, 'op'>[] = []
    const revision = await this.#options.store.scan(`${resource.storagePrefix}/`, (record) => records.push(toRecord(record)))
    // What was applied elsewhere before this view is in it; what comes after it was kept in `events`.
    await this.#writes.applied(revision)
    cache.load(records, revision)
    for (const event of events) if (event.revision > revision) cache.apply(event, undefined)
    this.#caches.set(resource.storagePrefix, cache)
    return cache
  }

  async #follow(batches: AsyncIterable<WatchBatch>): Promise<void> {
    try {
      for await (const batch of batches) this.#apply(batch)
      this.#end(undefined)
    } catch (err) {
      this.#end(err instanceof Error ? err : new Error(String(err)))
      throw err
    }
  }

  #end(err: Error | undefined): void {
    this.#writes.fail(err ?? new Error('the caches were stopped'))
    for (const cache of this.#caches.values()) cache.close(err)
  }

  #apply(batch: WatchBatch): void {
    const touched = new Set<StoreBackedCache>()
    for (const event of batch.events) {
      const cache = this.#cacheOf(event.key)
      if (cache === undefined) {
        this.#keepForLoading(event)
        continue
      }
      const put = event.op === 'delete' ? undefined : this.#writes.pendingPut(event.key, event.value)
      const entry = cache.apply(event, event.op === 'delete' ? this.#writes.lastState(event.key) : put?.encoded)
      if (put !== undefined) put.entry = entry
      touched.add(cache)
    }
    this.#writes.advance(batch.revision)
    for (const cache of touched) cache.flush(batch.revision)
  }

  #keepForLoading(event: StoreEvent): void {
    for (const [prefix, { events }] of this.#loading) if (event.key.startsWith(`${prefix}/`)) events.push(event)
  }

  /** The prefix is what stands before the name, or before namespace and name. */
  #cacheOf(key: string): StoreBackedCache | undefined {
    const name = key.lastIndexOf('/')
    const flat = this.#caches.get(key.slice(0, name))
    if (flat !== undefined && !flat.namespaced) return flat
    const nested = this.#caches.get(key.slice(0, key.lastIndexOf('/', name - 1)))
    return nested?.namespaced === true ? nested : undefined
  }

  async #reportProgress(): Promise<void> {
    const { clock, signal, progressMs = 60_000 } = this.#options
    while (!isAborted(signal)) {
      try {
        await clock.sleep(progressMs, signal)
      } catch (err) {
        if (isAborted(signal)) return
        throw err
      }
      for (const cache of this.#caches.values()) cache.progress()
    }
  }
}

function toRecord({ key, value, modRevision, createRevision }: KeyValue): Omit<StoreEvent, 'op'> {
  return { key, value, revision: modRevision, createRevision }
}
