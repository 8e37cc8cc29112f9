import type { Field, Schema } from '../schema.ts'
import { StatusError } from '../status-error.ts'
import { isObject, type JsonObject } from './apply/path-element.ts'
import { goMap, PATCH, withoutDirectives } from './strategic-directives.ts'

/** How the items of one list merge. */
export interface ListMerge {
  readonly field: Field
  merge(schema: Schema | undefined, target: JsonObject, patch: JsonObject): JsonObject
}

type Items = readonly unknown[]

/** Merges by merge key, or as a set of scalars; the patch decides the order of what it names. */
export function mergeList(step: ListMerge, live: Items, patch: Items): Items {
  if (live.length === 0 && patch.length === 0) return live
  const merged = [...live, ...patch].some(isObject)
    ? mergeObjects(step, live, patch)
    : { items: [...new Set([...live, ...patch])], plain: patch }
  return orderList(step.field, merged.items, merged.plain, live)
}

export function deleteFromList(items: Items, values: Items): Items {
  return items.filter((item) => !values.includes(item))
}

function mergeObjects(step: ListMerge, live: Items, patch: Items): { readonly items: Items; readonly plain: Items } {
  const key = step.field.patchMergeKey
  if (key === undefined) throw new StatusError('InternalError', `cannot merge lists without merge key for ${step.field.name}`)
  const { items, plain } = applyDirectives(key, live, patch)
  const result = [...items]
  for (const item of plain) {
    const value = mergeValueOf(item, key)
    const at = result.findIndex((other) => isObject(other) && other[key] === value)
    if (at < 0) result.push(withoutDirectives(item))
    else result[at] = step.merge(itemSchema(step.field), result[at] as JsonObject, item)
  }
  return { items: result, plain }
}

/** Items with `$patch` delete their like or clear the whole list; the others are merged. */
function applyDirectives(key: string, live: Items, patch: Items): { readonly items: Items; readonly plain: readonly JsonObject[] } {
  const plain: JsonObject[] = []
  let items = live
  let isReplaced = false
  for (const item of patch) {
    if (!isObject(item)) throw new StatusError('InternalError', 'list element types are not identical')
    switch (item[PATCH]) {
      case undefined:
        plain.push(item)
        break
      case 'delete': {
        const value = mergeValueOf(item, key)
        items = items.filter((other) => !(isObject(other) && other[key] === value))
        break
      }
      case 'replace':
        isReplaced = true
        break
      case 'merge':
        throw new StatusError('InternalError', 'merging lists cannot yet be specified in the patch')
      default:
        throw new StatusError('InternalError', `unknown patch type: ${String(item[PATCH])} in map: ${goMap(item)}`)
    }
  }
  return isReplaced ? { items: plain.map(withoutDirectives), plain: [] } : { items, plain }
}

function mergeValueOf(item: JsonObject, key: string): unknown {
  if (!(key in item)) throw new StatusError('InternalError', `map: ${goMap(item)} does not contain declared merge key: ${key}`)
  return item[key]
}

function itemSchema(field: Field): Schema | undefined {
  return field.schema.type === 'list' ? field.schema.items : undefined
}

/**
 * Puts `items` in the order of `order`, a list of items or of stubs that carry the merge key. Items that `order` does not name keep
 * their order of `live` and go before the first named one that followed them there.
 */
export function orderList(field: Field, items: Items, order: Items, live: Items): Items {
  const key = field.patchMergeKey
  const identity = (item: unknown): unknown => (key !== undefined && isObject(item) ? item[key] : item)
  const rank = ranks(order, identity)
  const liveRank = ranks(live, identity)
  const byRank = (places: ReadonlyMap<unknown, number>) => (a: unknown, b: unknown) =>
    (places.get(identity(a)) ?? Infinity) - (places.get(identity(b)) ?? Infinity) || 0
  const named = items.filter((item) => rank.has(identity(item))).sort(byRank(rank))
  const others = items.filter((item) => !rank.has(identity(item))).sort(byRank(liveRank))
  const result: unknown[] = []
  let at = 0
  for (const item of named) {
    const place = liveRank.get(identity(item))
    while (place !== undefined && at < others.length && (liveRank.get(identity(others[at])) ?? Infinity) < place) result.push(others[at++])
    result.push(item)
  }
  return [...result, ...others.slice(at)]
}

function ranks(items: Items, identity: (item: unknown) => unknown): Map<unknown, number> {
  const places = new Map<unknown, number>()
  items.forEach((item, i) => {
    if (!places.has(identity(item))) places.set(identity(item), i)
  })
  return places
}
