import type { Schema } from '../../schema.ts'
import type { JsonObject } from './path-element.ts'

const made = new WeakMap<Schema, JsonObject>()

/**
 * What a fresh object of a built-in kind looks like before anything is set: always-written structs are there, lists and maps are null.
 * A create is compared with it, so that nobody comes to own containers which exist in every object.
 */
export function emptyObjectOf(schema: Schema): JsonObject {
  let object = made.get(schema)
  if (object === undefined) {
    object = (build(schema, 0) ?? {}) as JsonObject
    made.set(schema, object)
  }
  return object
}

/** Required structs do not nest in themselves, but a custom schema may claim so. */
const MAX_DEPTH = 12

const ZERO: Partial<Record<Schema['type'], unknown>> = {
  boolean: false,
  int32: 0,
  int64: 0,
  uint32: 0,
  double: 0,
  'int-or-string': 0,
  string: '',
  quantity: '0',
}

function build(schema: Schema, depth: number): unknown {
  if (schema.type !== 'object') return ZERO[schema.type] ?? null
  const object: Record<string, unknown> = {}
  if (depth > MAX_DEPTH || schema.name === undefined) return object
  for (const field of schema.fields.values()) if (field.always && !field.pointer) object[field.name] = build(field.schema, depth + 1)
  return object
}
