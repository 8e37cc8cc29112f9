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
  addIndex(index: string, valuesOf: (object: T) => readonly string[]): void
}

/** Narrows an informer to the objects a server-side selector yields, such as the pods bound to one node. */
export interface InformerOptions {
  readonly namespace?: string | undefined
  readonly fieldSelector?: string | undefined
  readonly labelSelector?: string | undefined
}

/** One informer per resource, selector and process, shared by all users. */
export interface InformerFactory {
  informer<T extends KubeObject>(type: ResourceType<T>, options?: InformerOptions): Informer<T>
  /** Resolves when all informers asked for so far have listed once. */
  waitForSync(signal: AbortSignal): Promise<void>
}
