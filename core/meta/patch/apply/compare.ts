import { deepEqual } from '../../deep-equal.ts'
import type { ListSchema, Schema } from '../../schema.ts'
import { childSchema, shapeOf } from './child-schema.ts'
import { type FieldSet, LEAF, SELF } from './field-set.ts'
import { elementOf, isAssociative, isObject, type JsonObject, sameElement } from './path-element.ts'

/** What differs between two objects. */
export interface Change {
  /** Added or with another value. */
  readonly changed: FieldSet | undefined
  readonly removed: FieldSet | undefined
}

/** Kept by the server, never owned by a manager; skipping them here spares taking them out again. */
const UNTRACKED_META = new Set([
  'name',
  'namespace',
  'creationTimestamp',
  'selfLink',
  'uid',
  'clusterName',
  'generation',
  'managedFields',
  'resourceVersion',
])

/**
 * The difference of two objects of one kind, without what managers never own (apiVersion, kind, identity in metadata).
 * Undefined when there is none. Unchanged parts that are identical in memory cost nothing.
 */
export function compareObjects(schema: Schema, old: JsonObject, next: JsonObject): Change | undefined {
  const changes = new Changes()
  for (const key in next) {
    if (key === 'apiVersion' || key === 'kind') continue
    if (key !== 'metadata') changes.add(`f:${key}`, compareValues(childSchema(schema, key), old[key], next[key]))
  }
  for (const key in old) if (next[key] === undefined && !(key in next)) addRemoval(changes, schema, old, key)
  changes.add('f:metadata', compareMetadata(childSchema(schema, 'metadata'), old['metadata'], next['metadata']))
  return changes.result()
}

function addRemoval(changes: Changes, schema: Schema, old: JsonObject, key: string): void {
  if (key !== 'metadata' && key !== 'apiVersion' && key !== 'kind')
    changes.add(`f:${key}`, compareValues(childSchema(schema, key), old[key], undefined))
}

function compareMetadata(schema: Schema | undefined, old: unknown, next: unknown): Change | undefined {
  const [left, right] = [isObject(old) ? old : {}, isObject(next) ? next : {}]
  const changes = new Changes()
  for (const key in right)
    if (!UNTRACKED_META.has(key)) changes.add(`f:${key}`, compareValues(childSchema(schema, key), left[key], right[key]))
  for (const key in left)
    if (right[key] === undefined && !UNTRACKED_META.has(key))
      changes.add(`f:${key}`, compareValues(childSchema(schema, key), left[key], undefined))
  return changes.result()
}

/** `undefined` stands for an absent value, which differs from an empty one. */
export function compareValues(schema: Schema | undefined, old: unknown, next: unknown): Change | undefined {
  if (old === next) return undefined
  if (old === undefined) return { changed: wholeSet(schema, next), removed: undefined }
  if (next === undefined) return { changed: undefined, removed: wholeSet(schema, old) }
  const shape = shapeOf(schema, next ?? old)
  if (shape === 'map' && isMapOrNull(old) && isMapOrNull(next)) return compareMaps(schema, old, next)
  if (shape === 'list' && isListOrNull(old) && isListOrNull(next) && schema !== undefined && isAssociative(schema))
    return compareLists(schema, old, next)
  return deepEqual(old, next) ? undefined : LEAF_CHANGED
}

const LEAF_CHANGED: Change = { changed: LEAF, removed: undefined }

const isMapOrNull = (value: unknown): value is JsonObject | null => value === null || isObject(value)
const isListOrNull = (value: unknown): value is readonly unknown[] | null => value === null || Array.isArray(value)

/** Null is as good as empty: a stored object has no nulls, a fresh one to compare with has. */
function compareMaps(schema: Schema | undefined, old: JsonObject | null, next: JsonObject | null): Change | undefined {
  let changes: Changes | undefined
  if (next !== null)
    for (const key in next) {
      const [left, right] = [old?.[key], next[key]]
      if (left === right) continue
      const change = compareValues(childSchema(schema, key), left, right)
      if (change !== undefined) (changes ??= new Changes()).add(`f:${key}`, change)
    }
  if (old !== null)
    for (const key in old) {
      if (next?.[key] === undefined && old[key] !== undefined)
        (changes ??= new Changes()).add(`f:${key}`, compareValues(childSchema(schema, key), old[key], undefined))
    }
  return changes?.result()
}

function compareLists(schema: ListSchema, old: readonly unknown[] | null, next: readonly unknown[] | null): Change | undefined {
  const [left, right] = [old ?? [], next ?? []]
  if (left.length === right.length && right.every((item, i) => sameElement(schema, left[i], item))) return comparePairs(schema, left, right)
  return compareByElement(schema, left, right)
}

/** The usual case: the same items in the same order; an item is only named when it differs. */
function comparePairs(schema: ListSchema, left: readonly unknown[], right: readonly unknown[]): Change | undefined {
  let changes: Changes | undefined
  for (let i = 0; i < right.length; i += 1) {
    const change = compareValues(schema.items, left[i], right[i])
    if (change !== undefined) (changes ??= new Changes()).add(elementOf(schema, right[i]) ?? `i:${i}`, change)
  }
  return changes?.result()
}

/** Items that share a name are compared as one group: any difference changes, adds or removes the group. */
function compareByElement(schema: ListSchema, left: readonly unknown[], right: readonly unknown[]): Change | undefined {
  const [before, after] = [groupByElement(schema, left), groupByElement(schema, right)]
  const changes = new Changes()
  for (const [element, items] of after) changes.add(element, compareGroups(schema, before.get(element) ?? [], items))
  for (const [element, items] of before) if (!after.has(element)) changes.add(element, compareGroups(schema, items, []))
  return changes.result()
}

function compareGroups(schema: ListSchema, left: readonly unknown[], right: readonly unknown[]): Change | undefined {
  if (left.length <= 1 && right.length <= 1) return compareValues(schema.items, left[0], right[0])
  if (left.length >= 2 && right.length >= 2) return deepEqual(left, right) ? undefined : LEAF_CHANGED
  return left.length >= 2 ? { changed: right.length > 0 ? wholeSet(schema.items, right[0]) : undefined, removed: LEAF } : LEAF_CHANGED
}

export function groupByElement(schema: ListSchema, items: readonly unknown[]): Map<string, unknown[]> {
  const groups = new Map<string, unknown[]>()
  items.forEach((item, i) => {
    const element = elementOf(schema, item) ?? `i:${i}`
    const group = groups.get(element)
    if (group === undefined) groups.set(element, [item])
    else group.push(item)
  })
  return groups
}

/** Every node of a value that came or went, containers included. */
function wholeSet(schema: Schema | undefined, value: unknown): FieldSet {
  const shape = shapeOf(schema, value)
  let set: Record<string, FieldSet> | undefined
  if (shape === 'map' && isObject(value)) {
    for (const key in value) {
      const item = value[key]
      if (item !== undefined) (set ??= { [SELF]: LEAF })[`f:${key}`] = wholeSet(childSchema(schema, key), item)
    }
  } else if (shape === 'list' && Array.isArray(value) && schema !== undefined && isAssociative(schema)) {
    for (let i = 0; i < value.length; i += 1)
      (set ??= { [SELF]: LEAF })[elementOf(schema, value[i]) ?? `i:${i}`] = wholeSet(schema.items, value[i])
  }
  return set ?? LEAF
}

/** Gathers the changes of the children of one node. */
class Changes {
  #changed: Record<string, FieldSet> | undefined
  #removed: Record<string, FieldSet> | undefined

  add(element: string, change: Change | undefined): void {
    if (change?.changed !== undefined) (this.#changed ??= {})[element] = change.changed
    if (change?.removed !== undefined) (this.#removed ??= {})[element] = change.removed
  }

  result(): Change | undefined {
    if (this.#changed === undefined && this.#removed === undefined) return undefined
    return { changed: this.#changed, removed: this.#removed }
  }
}
