import type { Client, DeleteOptions, ListQuery, ObjectList, Patch, ReadName, WatchEvent, WriteOptions } from '../../core/client/client.ts'
import { freezeDeep } from '../../core/client/freeze.ts'
import type { Informer, InformerFactory } from '../../core/client/informer.ts'
import { ObjectStore } from '../../core/client/object-store.ts'
import { deepEqual } from '../../core/meta/deep-equal.ts'
import { type Draft, type KubeObject, keyOf, type ObjectKey, type ObjectName, objectKey } from '../../core/meta/object.ts'
import { jsonPatch } from '../../core/meta/patch/json-patch.ts'
import { apiVersionOf, groupResourceOf, type ResourceType } from '../../core/meta/resource-type.ts'
import { matchesLabels, parseLabelSelector } from '../../core/meta/selector.ts'
import { StatusError } from '../../core/meta/status-error.ts'
import { type Clock, toTimestamp } from '../../core/runtime/clock.ts'
import { FakeClock } from './fake-clock.ts'

/** One write as it reached the fake server. */
export interface Action {
  readonly verb: 'create' | 'update' | 'patch' | 'delete' | 'deletecollection' | 'post'
  readonly resource: string
  readonly subresource?: string | undefined
  readonly key: ObjectKey
  readonly object?: unknown
}

type Json = Record<string, unknown>
type Any = KubeObject & { readonly spec?: unknown; readonly status?: unknown }

/**
 * The few rules of the API server that controllers lean on (conflicts, generations, finalizers, status apart from
 * spec), in memory and synchronous: informers see a write before its promise resolves. For unit tests of controllers;
 * whatever validation, defaulting or RBAC matter for belongs into an integration test with the real server.
 */
export class FakeCluster implements Client {
  readonly clock: Clock
  readonly actions: Action[] = []
  readonly informers: FakeInformers
  /** Throw from here to fail a write. */
  intercept: (action: Action) => void = () => {}
  /** Pods bound to a node get a deletionTimestamp and stay, as with a kubelet that takes its time. */
  slowPodDeletion = false
  #revision = 100
  #serial = 0

  constructor(clock: Clock = new FakeClock()) {
    this.clock = clock
    this.informers = new FakeInformers()
  }

  /** Puts an object in place without an action; fills what the server would. */
  seed<T extends KubeObject>(type: ResourceType<T>, draft: Draft<T>): T {
    const object = this.#initial(type, draft as Any)
    this.informers.put(type, object)
    return object as unknown as T
  }

  /** Changes an object behind the controllers' back, as another writer would. */
  change<T extends KubeObject>(type: ResourceType<T>, name: ObjectName, change: (object: T) => Draft<T>): T {
    const old = this.informers.store(type).get(keyFor(type, name)) as unknown as T
    return this.#store(type, { ...(change(old) as unknown as Any) }) as unknown as T
  }

  /** Takes an object away at once, finalizers or not. */
  remove(type: ResourceType<KubeObject>, name: ObjectName): void {
    this.informers.drop(type, keyFor(type, name))
  }

  all<T extends KubeObject>(type: ResourceType<T>, namespace?: string): readonly T[] {
    return this.informers.store(type).list(namespace) as unknown as readonly T[]
  }

  async get<T extends KubeObject>(type: ResourceType<T>, name: ReadName): Promise<T> {
    if (name.subresource === 'scale') return scaleOf(this.#require(type, keyFor(type, name))) as T
    return this.#require(type, keyFor(type, name)) as unknown as T
  }

  async list<T extends KubeObject>(type: ResourceType<T>, options: ListQuery): Promise<ObjectList<T>> {
    const selector = parseLabelSelector(options.labelSelector ?? '')
    const items = this.all(type, options.namespace).filter((object) => matchesLabels(selector, object.metadata.labels))
    return { resourceVersion: String(this.#revision), items }
  }

  async *watch<T extends KubeObject>(): AsyncGenerator<readonly WatchEvent<T>[]> {
    throw new Error('the fake cluster has informers only')
  }

  async create<T extends KubeObject>(type: ResourceType<T>, draft: Draft<T>): Promise<T> {
    const object = this.#initial(type, draft as Any)
    const key = keyOf(object)
    this.#act({ verb: 'create', resource: type.resource, key, object })
    if (this.informers.store(type).get(key) !== undefined) {
      throw new StatusError('AlreadyExists', `${groupResourceOf(type)} "${object.metadata.name}" already exists`)
    }
    this.informers.put(type, object)
    return object as unknown as T
  }

  async update<T extends KubeObject>(type: ResourceType<T>, draft: Draft<T>, options: WriteOptions): Promise<T> {
    const object = structuredClone(draft) as unknown as Any
    const key = keyOf(object)
    this.#act({ verb: 'update', resource: type.resource, subresource: options.subresource, key, object })
    const stored = this.#require(type, key)
    if (options.subresource === 'scale') {
      const { replicas } = object.spec as { replicas: number }
      return this.#write(type, stored, { ...stored, spec: { ...(stored.spec as Json), replicas } }, undefined) as unknown as T
    }
    const old = stored
    const { resourceVersion } = object.metadata
    if (
      resourceVersion !== '' &&
      (resourceVersion as string | undefined) !== undefined &&
      resourceVersion !== old.metadata.resourceVersion
    ) {
      throw new StatusError('Conflict', `Operation cannot be fulfilled on ${groupResourceOf(type)} "${object.metadata.name}"`)
    }
    return this.#write(type, old, object, options.subresource) as unknown as T
  }

  updateStatus<T extends KubeObject>(type: ResourceType<T>, object: Draft<T>, options: WriteOptions): Promise<T> {
    return this.update(type, object, { ...options, subresource: 'status' })
  }

  async patch<T extends KubeObject>(type: ResourceType<T>, name: ObjectName, patch: Patch, options: WriteOptions): Promise<T> {
    const key = keyFor(type, name)
    this.#act({ verb: 'patch', resource: type.resource, subresource: options.subresource, key, object: patch.body })
    const old = this.#require(type, key)
    const copy = structuredClone(old) as unknown as Json
    const next = patch.type === 'json' ? (jsonPatch(copy, patch.body) as Any) : (mergeInto(copy, patch.body as Json) as unknown as Any)
    if (next.metadata.resourceVersion !== old.metadata.resourceVersion || next.metadata.uid !== old.metadata.uid) {
      throw new StatusError('Conflict', `Operation cannot be fulfilled on ${groupResourceOf(type)} "${name.name}"`)
    }
    return this.#write(type, old, next, options.subresource) as unknown as T
  }

  async delete(type: ResourceType<KubeObject>, name: ObjectName, options: DeleteOptions): Promise<void> {
    const key = keyFor(type, name)
    this.#act({ verb: 'delete', resource: type.resource, key, object: { ...options, signal: undefined } })
    const old = this.#require(type, key)
    const { preconditions, propagationPolicy, gracePeriodSeconds } = options
    if (preconditions?.uid !== undefined && preconditions.uid !== old.metadata.uid) {
      throw new StatusError(
        'Conflict',
        `Precondition failed: UID in precondition: ${preconditions.uid}, UID in object meta: ${old.metadata.uid}`,
      )
    }
    if (preconditions?.resourceVersion !== undefined && preconditions.resourceVersion !== old.metadata.resourceVersion) {
      throw new StatusError('Conflict', 'Precondition failed: ResourceVersion in precondition is not that in object meta')
    }
    const finalizers = new Set(old.metadata.finalizers)
    if (propagationPolicy === 'Foreground') finalizers.add('foregroundDeletion')
    if (propagationPolicy === 'Orphan') finalizers.add('orphan')
    const bound = type.resource === 'pods' && (old.spec as { nodeName?: string } | undefined)?.nodeName !== undefined
    if (finalizers.size === 0 && !(this.slowPodDeletion && bound && gracePeriodSeconds !== 0)) {
      this.informers.drop(type, key)
      return
    }
    if (old.metadata.deletionTimestamp !== undefined) return
    const metadata = {
      ...old.metadata,
      deletionTimestamp: toTimestamp(this.clock.now()),
      ...(finalizers.size > 0 && { finalizers: [...finalizers] }),
    }
    this.#store(type, { ...old, metadata })
  }

  async deleteCollection(type: ResourceType<KubeObject>, options: ListQuery & DeleteOptions): Promise<void> {
    this.#act({ verb: 'deletecollection', resource: type.resource, key: (options.namespace ?? '') as ObjectKey })
    for (const { metadata } of this.all(type, options.namespace)) {
      await this.delete(type, metadata, { signal: options.signal, propagationPolicy: options.propagationPolicy })
    }
  }

  async createSubresource<R>(type: ResourceType<KubeObject>, name: ObjectName, subresource: string, body: unknown): Promise<R> {
    this.#act({ verb: 'post', resource: type.resource, subresource, key: keyFor(type, name), object: body })
    this.#require(type, keyFor(type, name))
    if (subresource === 'eviction') this.informers.drop(type, keyFor(type, name))
    return { ...(body as object), status: { token: 'fake-token' } } as R
  }

  #act(action: Action): void {
    this.intercept(action)
    this.actions.push(freezeDeep(structuredClone(action)))
  }

  #require(type: ResourceType<unknown>, key: ObjectKey): Any {
    const object = this.informers.store(type).get(key)
    if (object === undefined) throw new StatusError('NotFound', `${groupResourceOf(type)} "${key.split('/').at(-1) ?? ''}" not found`)
    return object
  }

  #initial(type: ResourceType<unknown>, draft: Any): Any {
    const copy = structuredClone({ ...draft, metadata: (draft.metadata as Any['metadata'] | undefined) ?? ({} as Any['metadata']) })
    const { generateName } = copy.metadata
    this.#serial += 1
    const name = (copy.metadata.name as string | undefined) ?? `${generateName ?? ''}${String(this.#serial).padStart(5, '0')}`
    const metadata = {
      generation: 1,
      ...copy.metadata,
      name,
      creationTimestamp: (copy.metadata.creationTimestamp as string | undefined) ?? toTimestamp(this.clock.now()),
      uid: (copy.metadata.uid as string | undefined) ?? `uid-${this.#serial}`,
      resourceVersion: String(++this.#revision),
    }
    return { apiVersion: apiVersionOf(type), kind: type.kind, status: {}, ...copy, metadata }
  }

  /** What the update strategies do: status and the rest change apart, and a spec change counts. */
  #write(type: ResourceType<unknown>, old: Any, next: Any, subresource: string | undefined): Any {
    if (subresource === 'status' || subresource === 'approval') {
      const { labels, ownerReferences, finalizers } = old.metadata
      // The status of a Deployment travels with its annotations: the controller writes the revision there.
      const { annotations } = type.resource === 'deployments' ? next.metadata : old.metadata
      return this.#store(type, {
        ...old,
        status: next.status,
        metadata: { ...old.metadata, labels, annotations, ownerReferences, finalizers },
      })
    }
    if (subresource === 'finalize' && ((next.spec as { finalizers?: string[] }).finalizers ?? []).length === 0) {
      this.informers.drop(type, keyOf(old))
      return next
    }
    const { uid, creationTimestamp, deletionTimestamp, generation = 1 } = old.metadata
    const specChanged = !deepEqual(old.spec, next.spec)
    const metadata = { ...next.metadata, uid, creationTimestamp, deletionTimestamp, generation: generation + (specChanged ? 1 : 0) }
    const lingers = this.slowPodDeletion && type.resource === 'pods' && (old.spec as { nodeName?: string }).nodeName !== undefined
    if (deletionTimestamp !== undefined && (metadata.finalizers ?? []).length === 0 && !lingers) {
      this.informers.drop(type, keyOf(old))
      return { ...next, metadata }
    }
    return this.#store(type, { ...next, status: old.status, metadata })
  }

  #store(type: ResourceType<unknown>, object: Any): Any {
    const old = this.informers.store(type).get(keyOf(object))
    if (old !== undefined && deepEqual(old, object)) return old
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(++this.#revision) } }
    this.informers.put(type, stored)
    return stored
  }
}

/** Informers over the fake server's own objects, always in sync. */
export class FakeInformers implements InformerFactory {
  readonly #stores = new Map<string, FakeInformer>()

  store(type: ResourceType<unknown>): FakeInformer {
    const id = `${groupResourceOf(type)}/${type.version}`
    let store = this.#stores.get(id)
    if (store === undefined) this.#stores.set(id, (store = new FakeInformer(type as ResourceType<Any>)))
    return store
  }

  informer<T extends KubeObject>(type: ResourceType<T>): Informer<T> {
    return this.store(type) as unknown as Informer<T>
  }

  async waitForSync(): Promise<void> {}

  release(): void {}

  put(type: ResourceType<unknown>, object: Any): void {
    const store = this.store(type)
    store.tell(freezeDeep(object), store.set(freezeDeep(object)))
  }

  drop(type: ResourceType<unknown>, key: ObjectKey): void {
    const store = this.store(type)
    const old = store.delete(key)
    if (old !== undefined) store.tell(undefined, old)
  }
}

type Listener = (next: Any | undefined, old: Any | undefined) => void

class FakeInformer extends ObjectStore<Any> implements Informer<Any> {
  readonly type: ResourceType<Any>
  readonly hasSynced = true
  readonly #listeners = new Set<Listener>()

  constructor(type: ResourceType<Any>) {
    super()
    this.type = type
  }

  onChange(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  tell(next: Any | undefined, old: Any | undefined): void {
    for (const listener of this.#listeners) listener(next, old)
  }
}

function scaleOf({ metadata, spec, status }: Any): unknown {
  const { replicas = 1, selector } = spec as { replicas?: number; selector?: { matchLabels?: Record<string, string> } }
  const text = Object.entries(selector?.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`)
  const current = (status as { replicas?: number } | undefined)?.replicas ?? replicas
  return { kind: 'Scale', apiVersion: 'autoscaling/v1', metadata, spec: { replicas }, status: { replicas: current, selector: text.join() } }
}

function keyFor(type: ResourceType<unknown>, name: ObjectName): ObjectKey {
  return objectKey(type.namespaced ? name.namespace : undefined, name.name)
}

function mergeInto(target: Json, patch: Json): Json {
  for (const [key, value] of Object.entries(patch)) {
    if (value === null || value === undefined) delete target[key]
    else if (typeof value === 'object' && !Array.isArray(value))
      target[key] = mergeInto({ ...(target[key] as Json | undefined) }, value as Json)
    else target[key] = value
  }
  return target
}
