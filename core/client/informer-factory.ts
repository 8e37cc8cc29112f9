import { setMaxListeners } from 'node:events'
import { type KubeObject, keyOf, type ObjectKey } from '../meta/object.ts'
import { groupResourceOf, type ResourceType } from '../meta/resource-type.ts'
import type { Logger } from '../observability/log.ts'
import { childController } from '../runtime/abort.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Component, Running } from '../runtime/component.ts'
import type { Client, WatchEvent } from './client.ts'
import type { Informer, InformerFactory, InformerOptions } from './informer.ts'
import { ObjectStore } from './object-store.ts'
import { Reflector, type ReflectorSink } from './reflector.ts'

export interface InformerFactoryDeps {
  readonly client: Client
  readonly clock: Clock
  readonly log: Logger
  /** Spreads retries and watch ends; 0 to 1. */
  readonly random?: () => number
}

/** The running set of informers. Informers asked for before the start begin with it, later ones at once. */
export interface InformerSet extends InformerFactory, Component {
  release(type: ResourceType<KubeObject>, scope?: InformerOptions): void
}

/** Informers asked for with equal type and options are one. None runs before `start`. */
export function createInformerFactory(deps: InformerFactoryDeps): InformerSet {
  return new SharedInformers(deps)
}

interface Entry {
  readonly informer: CachedInformer<KubeObject>
  readonly scope: InformerOptions
  stop?: (() => void) | undefined
}

class SharedInformers implements InformerSet {
  readonly name = 'informers'
  readonly #deps: InformerFactoryDeps
  readonly #entries = new Map<string, Entry>()
  readonly #loops = new Set<Promise<void>>()
  #signal: AbortSignal | undefined

  constructor(deps: InformerFactoryDeps) {
    this.#deps = deps
  }

  informer<T extends KubeObject>(type: ResourceType<T>, scope: InformerOptions = {}): Informer<T> {
    const id = idOf(type, scope)
    const known =
      this.#entries.get(id) ?? (scope.metadataOnly === true ? this.#entries.get(idOf(type, { ...scope, metadataOnly: false })) : undefined)
    if (known !== undefined) return known.informer as unknown as Informer<T>
    const informer = new CachedInformer<T>(type, this.#deps.log)
    const entry: Entry = { informer: informer as unknown as CachedInformer<KubeObject>, scope }
    this.#entries.set(id, entry)
    if (this.#signal !== undefined) this.#run(entry, this.#signal)
    return informer
  }

  release(type: ResourceType<KubeObject>, scope: InformerOptions = {}): void {
    const id = idOf(type, scope)
    this.#entries.get(id)?.stop?.()
    this.#entries.delete(id)
  }

  async waitForSync(signal: AbortSignal): Promise<void> {
    await Promise.all([...this.#entries.values()].map(({ informer }) => informer.synced(signal)))
  }

  /** Serves at once: who needs full caches asks `waitForSync`. */
  start(parent: AbortSignal): Promise<Running> {
    const child = childController(parent)
    setMaxListeners(0, child.signal)
    this.#signal = child.signal
    for (const entry of this.#entries.values()) this.#run(entry, child.signal)
    const stopped = new Promise<void>((resolve) => {
      if (child.signal.aborted) resolve()
      else child.signal.addEventListener('abort', () => resolve(), { once: true })
    })
    const done = stopped.then(async () => {
      await Promise.all(this.#loops)
      child[Symbol.dispose]()
    })
    return Promise.resolve({ done })
  }

  #run(entry: Entry, parent: AbortSignal): void {
    const child = childController(parent)
    entry.stop = () => {
      child.abort(new Error('the informer was released'))
    }
    const { client, clock, log, random = Math.random } = this.#deps
    const target = { type: entry.informer.type, scope: entry.scope }
    const loop = new Reflector(target, entry.informer, { client, clock, log, random }).run(child.signal).finally(() => {
      child[Symbol.dispose]()
      this.#loops.delete(loop)
    })
    this.#loops.add(loop)
  }
}

type Listener<T> = (next: T | undefined, old: T | undefined) => void

class CachedInformer<T extends KubeObject> extends ObjectStore<T> implements Informer<T>, ReflectorSink<T> {
  readonly type: ResourceType<T>
  readonly #log: Logger
  readonly #listeners = new Set<Listener<T>>()
  readonly #ready = Promise.withResolvers<undefined>()
  hasSynced = false

  constructor(type: ResourceType<T>, log: Logger) {
    super()
    this.type = type
    this.#log = log
  }

  onChange(listener: Listener<T>): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  async synced(signal: AbortSignal): Promise<void> {
    if (this.hasSynced) return
    signal.throwIfAborted()
    const gone = Promise.withResolvers<undefined>()
    const onAbort = (): void => gone.reject(signal.reason as Error)
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      await Promise.race([this.#ready.promise, gone.promise])
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  replace(items: readonly T[]): void {
    const gone = new Set<ObjectKey>(this.keys())
    for (const item of items) {
      gone.delete(keyOf(item))
      this.#put(item)
    }
    for (const key of gone) this.#drop(key)
    this.hasSynced = true
    this.#ready.resolve(undefined)
  }

  apply(events: readonly WatchEvent<T>[]): void {
    for (const { type, object } of events) {
      if (type === 'DELETED') this.#drop(keyOf(object), object)
      else if (type !== 'BOOKMARK') this.#put(object)
    }
  }

  #put(object: T): void {
    const old = this.get(keyOf(object))
    // A list after a break mostly brings back what is known; nobody needs to hear of it.
    if (old !== undefined && old.metadata.resourceVersion === object.metadata.resourceVersion) return
    this.set(object)
    if (old !== undefined && old.metadata.uid !== object.metadata.uid) {
      this.#tell(undefined, old)
      this.#tell(object, undefined)
    } else this.#tell(object, old)
  }

  #drop(key: ObjectKey, last?: T): void {
    const old = this.delete(key)
    if (old !== undefined) this.#tell(undefined, last ?? old)
  }

  #tell(next: T | undefined, old: T | undefined): void {
    for (const listener of this.#listeners) {
      try {
        listener(next, old)
      } catch (err) {
        this.#log.error({ err, resource: this.type.resource }, 'Informer listener failed')
      }
    }
  }
}

function idOf(type: ResourceType<unknown>, scope: InformerOptions): string {
  const { namespace = '', labelSelector = '', fieldSelector = '', metadataOnly = false } = scope
  return [groupResourceOf(type), type.version, namespace, labelSelector, fieldSelector, metadataOnly].join('|')
}
