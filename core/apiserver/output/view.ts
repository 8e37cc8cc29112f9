import { apiVersionOf } from '../../meta/resource-type.ts'
import type { KubeObject } from '../../meta/object.ts'
import { invariant } from '../../runtime/invariant.ts'
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

/**
 * Makes the views that only somebody else can make, all in one question; to be awaited before entries are looked at. Does nothing for other
 * kinds and for entries that have their view. Throws StatusError.
 */
export async function prepareViews(def: ResourceDef, entries: readonly Entry[]): Promise<void> {
  const remote = def.conversion?.remote
  const missing = remote === undefined ? [] : entries.filter((entry) => converted.get(entry)?.has(def) !== true)
  if (remote === undefined || missing.length === 0) return
  const objects = await remote.fromHub(missing.map((entry) => entry.object()))
  missing.forEach((entry, index) => {
    const object = objects[index]
    invariant(object !== undefined, 'a conversion answers with as many objects as it was given')
    keepView(def, entry, object)
  })
}

/** False where `prepareViews` has to be awaited first. */
export function hasView(def: ResourceDef, entry: Entry): boolean {
  return def.conversion?.remote === undefined || converted.get(entry)?.has(def) === true
}

function conversionOf(def: ResourceDef, entry: Entry): View {
  const view = converted.get(entry)?.get(def)
  if (view !== undefined) return view
  invariant(def.conversion?.remote === undefined, 'a view by somebody else is prepared before it is looked at')
  return keepView(def, entry, def.conversion?.fromHub(entry.object()) ?? entry.object())
}

function keepView(def: ResourceDef, entry: Entry, object: KubeObject): View {
  let views = converted.get(entry)
  if (views === undefined) converted.set(entry, (views = new Map<ResourceDef, View>()))
  const bytes = withRevision(encodeObject(object).bytes, entry.modRevision)
  const view = { object, bytes }
  views.set(def, view)
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
