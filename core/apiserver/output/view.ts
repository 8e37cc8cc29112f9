import { apiVersionOf } from '../../meta/resource-type.ts'
import type { KubeObject } from '../../meta/object.ts'
import type { Entry } from '../cache/cache.ts'
import { encodeObject, withRevision } from '../cache/splice.ts'
import type { ResourceDef } from '../resources/resource-def.ts'

/**
 * An entry as one served version of its kind sees it. Entries hold the stored version; the others are made at the first
 * request and kept as long as the entry lives.
 */
const converted = new WeakMap<Entry, Map<ResourceDef, View>>()

interface View {
  readonly object: KubeObject
  readonly bytes: Uint8Array
}

/** The shared, parsed object in the version of `def`. Never change it. */
export function objectOf(def: ResourceDef, entry: Entry): KubeObject {
  return def.conversion === undefined ? entry.object() : conversionOf(def, entry).object
}

/** The served JSON bytes in the version of `def`. */
export function bytesOf(def: ResourceDef, entry: Entry): Uint8Array {
  return def.conversion === undefined ? entry.bytes : conversionOf(def, entry).bytes
}

function conversionOf(def: ResourceDef, entry: Entry): View {
  let views = converted.get(entry)
  if (views === undefined) converted.set(entry, (views = new Map<ResourceDef, View>()))
  let view = views.get(def)
  if (view === undefined) {
    const object = def.conversion?.fromHub(entry.object()) ?? entry.object()
    view = { object, bytes: withRevision(encodeObject(object).bytes, entry.modRevision) }
    views.set(def, view)
  }
  return view
}

/** Length of what stands before `"metadata"` in served bytes: `{"kind":"Pod","apiVersion":"v1",`. */
export function typeMetaLength(def: ResourceDef): number {
  return JSON.stringify({ kind: def.kind, apiVersion: apiVersionOf(def) }).length
}

/** Custom kinds have no message name, and with it no protobuf form and no bare items in lists. */
export function isBuiltIn(def: ResourceDef): boolean {
  return def.schema.name !== undefined
}
