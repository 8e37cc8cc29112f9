import type { KubeObject, ObjectKey } from '../meta/object.ts'
import type { ResourceType } from '../meta/resource-type.ts'

/** The cached view of one resource. Objects are shared and frozen: never change them, write a copy. */
export interface Lister<T extends KubeObject> {
  get(key: ObjectKey | string): T | undefined
  /** All objects, or those of one namespace. */
  list(namespace?: string): readonly T[]
  /** Objects whose index function yielded `value`; indexes are declared with `addIndex` before the start. */
  byIndex(index: string, value: string): readonly T[]
}

export interface Informer<T extends KubeObject> extends Lister<T> {
  readonly type: ResourceType<T>
  readonly hasSynced: boolean
  /** Called for each change after the store was updated; `old` is absent for additions, `next` for deletions. Returns the remover. */
  onChange(listener: (next: T | undefined, old: T | undefined) => void): () => void
  /** Builds the index over what is cached already, so the order of declaration and start does not matter. */
  addIndex(index: string, valuesOf: (object: T) => readonly string[]): void
}

/** Narrows an informer, for parts that must not see the whole cluster (an agent watches the pods of its node). */
export interface InformerOptions {
  readonly namespace?: string | undefined
  readonly labelSelector?: string | undefined
  readonly fieldSelector?: string | undefined
  /** Only `metadata` is of interest; answers the full informer when there is one already. */
  readonly metadataOnly?: boolean | undefined
}

/** One informer per resource, scope and process, shared by all users. */
export interface InformerFactory {
  informer<T extends KubeObject>(type: ResourceType<T>, options?: InformerOptions): Informer<T>
  /** Resolves when all informers asked for so far have listed once. */
  waitForSync(signal: AbortSignal): Promise<void>
  /** Ends and forgets an informer, when its resource is no longer served. */
  release?(type: ResourceType<KubeObject>, options?: InformerOptions): void
}
