import type { ObjectReader } from '../../core/apiserver/admission/admission.ts'
import { type KubeObject, keyOf, type ObjectName } from '../../core/meta/object.ts'

interface GroupResource {
  readonly group: string
  readonly resource: string
}

/** The cache as admission and authorization see it, filled by hand. */
export class FakeReader implements ObjectReader {
  readonly #objects = new Map<string, Map<string, KubeObject>>()
  readonly #listeners = new Map<string, Set<(changed?: ObjectName) => void>>()

  /** Adds or replaces; `object` may be partial: tests write only what matters. Returns what was stored. */
  put(type: GroupResource, object: { readonly metadata: { readonly name: string; readonly namespace?: string } }): KubeObject {
    const whole = {
      ...object,
      metadata: { uid: `uid-${object.metadata.name}`, resourceVersion: '1', creationTimestamp: '2026-06-01T00:00:00Z', ...object.metadata },
    } as KubeObject
    this.#of(type).set(keyOf(whole), whole)
    this.#notify(type, whole.metadata)
    return whole
  }

  remove(type: GroupResource, name: ObjectName): void {
    this.#of(type).delete(keyOf({ metadata: name }))
    this.#notify(type, name)
  }

  get<T extends KubeObject>(type: GroupResource, namespace: string, name: string): T | undefined {
    return this.#of(type).get(keyOf({ metadata: { namespace, name } })) as T | undefined
  }

  list<T extends KubeObject>(type: GroupResource, namespace?: string): readonly T[] {
    const all = [...this.#of(type).values()] as T[]
    return namespace === undefined ? all : all.filter((object) => object.metadata.namespace === namespace)
  }

  onChange(type: GroupResource, listener: (changed?: ObjectName) => void): () => void {
    const key = `${type.group}/${type.resource}`
    const listeners = this.#listeners.get(key) ?? new Set()
    this.#listeners.set(key, listeners.add(listener))
    return () => {
      listeners.delete(listener)
    }
  }

  #of({ group, resource }: GroupResource): Map<string, KubeObject> {
    const key = `${group}/${resource}`
    let objects = this.#objects.get(key)
    if (objects === undefined) {
      objects = new Map()
      this.#objects.set(key, objects)
    }
    return objects
  }

  #notify({ group, resource }: GroupResource, changed: ObjectName): void {
    for (const listener of this.#listeners.get(`${group}/${resource}`) ?? []) listener(changed)
  }
}
