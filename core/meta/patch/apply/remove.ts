import type { ListSchema, Schema } from '../../schema.ts'
import { childSchema, shapeOf } from './child-schema.ts'
import { type FieldSet, isEmptySet, isMember } from './field-set.ts'
import { elementOf, isAssociative, isObject, type JsonObject } from './path-element.ts'

/** The object without the fields and items of `set`, and without containers that became empty by it. */
export function removeItems(schema: Schema, object: JsonObject, set: FieldSet): JsonObject {
  return isEmptySet(set) ? object : (removeFromMap(schema, object, set) ?? {})
}

function removeBelow(schema: Schema | undefined, value: unknown, set: FieldSet): unknown {
  const shape = shapeOf(schema, value)
  if (shape === 'map' && isObject(value)) return removeFromMap(schema, value, set)
  if (shape === 'list' && Array.isArray(value) && schema !== undefined && isAssociative(schema)) return removeFromList(schema, value, set)
  return value
}

function removeFromMap(schema: Schema | undefined, object: JsonObject, set: FieldSet): JsonObject | undefined {
  let result: Record<string, unknown> | undefined
  for (const key in object) {
    const node = set[`f:${key}`]
    if (node === undefined) continue
    const rest = isMember(node) ? undefined : removeBelow(childSchema(schema, key), object[key], node)
    if (rest === object[key]) continue
    result ??= { ...object }
    if (rest === undefined) delete result[key]
    else result[key] = rest
  }
  if (result === undefined) return object
  return Object.keys(result).length === 0 ? undefined : result
}

function removeFromList(schema: ListSchema, items: readonly unknown[], set: FieldSet): readonly unknown[] | undefined {
  let isChanged = false
  const result: unknown[] = []
  for (const item of items) {
    const node = set[elementOf(schema, item) ?? '']
    const rest = node === undefined ? item : isMember(node) ? undefined : removeBelow(schema.items, item, node)
    if (rest !== item) isChanged = true
    if (rest !== undefined) result.push(rest)
  }
  if (!isChanged) return items
  return result.length === 0 ? undefined : result
}
