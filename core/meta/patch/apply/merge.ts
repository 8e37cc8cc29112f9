import type { ListSchema, Schema } from '../../schema.ts'
import { childSchema, shapeOf } from './child-schema.ts'
import { elementOf, isAssociative, isObject, type JsonObject } from './path-element.ts'

/** The live object with the configuration laid over it. Neither is changed; untouched parts are shared. */
export function mergeObjects(schema: Schema, live: JsonObject, config: JsonObject): JsonObject {
  return mergeMaps(schema, live, config)
}

/** `undefined` is absent; an explicit null or empty container of the configuration wins over nothing but another empty one. */
function mergeValues(schema: Schema | undefined, live: unknown, config: unknown): unknown {
  if (config === undefined) return live
  if (live === undefined) return config
  const shape = shapeOf(schema, config ?? live)
  if (shape === 'map' && isMapOrNull(live) && isMapOrNull(config))
    return isEmpty(live) && isEmpty(config) ? config : mergeMaps(schema, live ?? {}, config ?? {})
  if (shape === 'list' && isListOrNull(live) && isListOrNull(config) && schema !== undefined && isAssociative(schema))
    return isEmpty(live) && isEmpty(config) ? config : mergeLists(schema, live ?? [], config ?? [])
  return config
}

const isMapOrNull = (value: unknown): value is JsonObject | null => value === null || isObject(value)
const isListOrNull = (value: unknown): value is readonly unknown[] | null => value === null || Array.isArray(value)
const isEmpty = (value: object | null): boolean => value === null || Object.keys(value).length === 0

function mergeMaps(schema: Schema | undefined, live: JsonObject, config: JsonObject): JsonObject {
  let merged: Record<string, unknown> | undefined
  for (const key in config) {
    const value = mergeValues(childSchema(schema, key), live[key], config[key])
    if (value !== live[key]) (merged ??= { ...live })[key] = value
  }
  return merged ?? live
}

/**
 * Items of both lists, each once. The order of the configuration holds for the items it names; items only in the live list keep
 * their place between their neighbours as far as that allows. Duplicates in the live list stay, unless the configuration names them.
 */
function mergeLists(schema: ListSchema, live: readonly unknown[], config: readonly unknown[]): readonly unknown[] {
  const left = named(schema, live)
  const right = named(schema, config)
  const liveItems = uniqueItems(left)
  const configItems = new Map(right.map(({ element, item }) => [element, item]))
  const shared = right.map(({ element }) => element).filter((element) => liveItems.has(element))
  const done = new Set<string>()
  const out: unknown[] = []
  let [l, r, nextShared] = [0, 0, 0]
  const take = (element: string): void => {
    done.add(element)
    out.push(mergeValues(schema.items, liveItems.get(element), configItems.get(element)))
    if (shared[nextShared] === element) nextShared += 1
    r += 1
  }
  while (l < left.length || r < right.length) {
    const [mine, theirs] = [left[l], right[r]]
    if (mine === undefined) {
      if (theirs !== undefined) take(theirs.element)
    } else if (!configItems.has(mine.element)) {
      out.push(mine.item)
      l += 1
    } else if (mine.element === theirs?.element) {
      take(mine.element)
      l += 1
    } else if (done.has(mine.element) || shared[nextShared] !== mine.element) l += 1
    else if (theirs !== undefined) take(theirs.element)
  }
  return out
}

interface Named {
  readonly element: string
  readonly item: unknown
}

function named(schema: ListSchema, items: readonly unknown[]): Named[] {
  return items.map((item, i) => ({ element: elementOf(schema, item) ?? `i:${i}`, item }))
}

/** An item that stands twice in the live list is not merged with: the configuration replaces it. */
function uniqueItems(items: readonly Named[]): Map<string, unknown> {
  const unique = new Map<string, unknown>()
  for (const { element, item } of items) unique.set(element, unique.has(element) ? undefined : item)
  return unique
}
