import { type KubeObject, type ObjectName, objectKey } from '../../../meta/object.ts'
import type { ObjectReader } from '../admission.ts'

interface GroupResource {
  readonly group: string
  readonly resource: string
}

/** What is kept of one object: derived once a change, not once a question. */
type Derive<T> = (type: GroupResource, object: KubeObject) => T

/**
 * Something derived of every object of a resource in a namespace, kept in step with the cache. Namespaces are read at the first
 * question about them and then only follow changes, so the cost of a question is a walk over small records.
 */
export class Ledger<T> {
  readonly #reader: ObjectReader
  readonly #derive: Derive<T>
  readonly #resources = new Map<string, ResourceLedger<T>>()

  constructor(reader: ObjectReader, derive: Derive<T>) {
    this.#reader = reader
    this.#derive = derive
  }

  /** By name; valid until the next change. */
  recordsIn(type: GroupResource, namespace: string): ReadonlyMap<string, T> {
    const id = `${type.group}/${type.resource}`
    let ledger = this.#resources.get(id)
    if (ledger === undefined) {
      ledger = this.#follow(type)
      this.#resources.set(id, ledger)
    }
    for (const { namespace: home = '', name } of ledger.changed.values()) this.#reread(type, ledger, { namespace: home, name })
    ledger.changed.clear()
    return ledger.namespaces.get(namespace) ?? this.#load(type, ledger, namespace)
  }

  #follow(type: GroupResource): ResourceLedger<T> {
    const ledger: ResourceLedger<T> = { namespaces: new Map(), changed: new Map() }
    this.#reader.onChange(type, (changed) => {
      if (changed === undefined) ledger.namespaces.clear()
      else if (ledger.namespaces.has(changed.namespace ?? '')) ledger.changed.set(objectKey(changed.namespace, changed.name), changed)
    })
    return ledger
  }

  #load(type: GroupResource, ledger: ResourceLedger<T>, namespace: string): ReadonlyMap<string, T> {
    const records = new Map<string, T>()
    for (const object of this.#reader.list(type, namespace)) records.set(object.metadata.name, this.#derive(type, object))
    ledger.namespaces.set(namespace, records)
    return records
  }

  #reread(
    type: GroupResource,
    ledger: ResourceLedger<T>,
    { namespace, name }: { readonly namespace: string; readonly name: string },
  ): void {
    const object = this.#reader.get(type, namespace, name)
    if (object === undefined) ledger.namespaces.get(namespace)?.delete(name)
    else ledger.namespaces.get(namespace)?.set(name, this.#derive(type, object))
  }
}

interface ResourceLedger<T> {
  readonly namespaces: Map<string, Map<string, T>>
  readonly changed: Map<string, ObjectName>
}
