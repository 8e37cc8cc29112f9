import { type KubeObject, keyOf, type ObjectKey } from '../meta/object.ts'
import type { Lister } from './informer.ts'

type ValuesOf<T> = (object: T) => readonly string[]

/** Objects of one index value; the array form is made once per change, since listers are asked far more often. */
class Bucket<T> {
  readonly objects = new Map<ObjectKey, T>()
  #array: readonly T[] | undefined

  set(key: ObjectKey, object: T): void {
    this.objects.set(key, object)
    this.#array = undefined
  }

  delete(key: ObjectKey): void {
    this.objects.delete(key)
    this.#array = undefined
  }

  toArray(): readonly T[] {
    this.#array ??= Object.freeze([...this.objects.values()])
    return this.#array
  }
}

interface Index<T> {
  readonly valuesOf: ValuesOf<T>
  readonly buckets: Map<string, Bucket<T>>
}

const BY_NAMESPACE = '\0namespace'

/** The indexed set of objects behind an informer. All operations are synchronous and keep every index in step. */
export class ObjectStore<T extends KubeObject> implements Lister<T> {
  readonly #all = new Bucket<T>()
  readonly #indexes = new Map<string, Index<T>>()

  constructor() {
    this.addIndex(BY_NAMESPACE, (object) => (object.metadata.namespace === undefined ? [] : [object.metadata.namespace]))
  }

  /** Declaring the same name again replaces the index; the same function again changes nothing. */
  addIndex(name: string, valuesOf: ValuesOf<T>): void {
    if (this.#indexes.get(name)?.valuesOf === valuesOf) return
    const index: Index<T> = { valuesOf, buckets: new Map() }
    for (const [key, object] of this.#all.objects) insert(index, key, object)
    this.#indexes.set(name, index)
  }

  get(key: ObjectKey | string): T | undefined {
    return this.#all.objects.get(key as ObjectKey)
  }

  list(namespace?: string): readonly T[] {
    return namespace === undefined ? this.#all.toArray() : this.byIndex(BY_NAMESPACE, namespace)
  }

  byIndex(name: string, value: string): readonly T[] {
    const index = this.#indexes.get(name)
    if (index === undefined) throw new Error(`unknown index ${name}`)
    return index.buckets.get(value)?.toArray() ?? []
  }

  keys(): IterableIterator<ObjectKey> {
    return this.#all.objects.keys()
  }

  /** Returns what stood there before. */
  set(object: T): T | undefined {
    const key = keyOf(object)
    const old = this.delete(key)
    this.#all.set(key, object)
    for (const index of this.#indexes.values()) insert(index, key, object)
    return old
  }

  delete(key: ObjectKey): T | undefined {
    const old = this.#all.objects.get(key)
    if (old === undefined) return undefined
    this.#all.delete(key)
    for (const index of this.#indexes.values()) remove(index, key, old)
    return old
  }
}

function insert<T>(index: Index<T>, key: ObjectKey, object: T): void {
  for (const value of index.valuesOf(object)) {
    let bucket = index.buckets.get(value)
    if (bucket === undefined) index.buckets.set(value, (bucket = new Bucket()))
    bucket.set(key, object)
  }
}

function remove<T>(index: Index<T>, key: ObjectKey, object: T): void {
  for (const value of index.valuesOf(object)) {
    const bucket = index.buckets.get(value)
    bucket?.delete(key)
    if (bucket?.objects.size === 0) index.buckets.delete(value)
  }
}
