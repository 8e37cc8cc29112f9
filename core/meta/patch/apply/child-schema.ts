import type { Schema } from '../../schema.ts'

/**
 * How server-side apply looks at a value: `leaf` has one owner as a whole, `map` is walked by key, `list` by item.
 * A value without a schema is judged by what it is: objects by key, everything else whole.
 */
export type Shape = 'leaf' | 'map' | 'list'

export function shapeOf(schema: Schema | undefined, value: unknown): Shape {
  if (schema === undefined || (schema.type === 'any' && schema.granular === true))
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? 'map' : 'leaf'
  if (schema.type === 'object' || schema.type === 'map') return schema.atomic === true ? 'leaf' : 'map'
  return schema.type === 'list' && (schema.listType === 'map' || schema.listType === 'set') ? 'list' : 'leaf'
}

/** The schema of what stands under `key`; undefined for keys that no schema describes. */
export function childSchema(schema: Schema | undefined, key: string): Schema | undefined {
  if (schema === undefined) return undefined
  if (schema.type === 'object') return schema.fields.get(key)?.schema
  return schema.type === 'map' ? schema.values : undefined
}

/** A field that the schema names, as opposed to a key of a map or of unknown content. */
export function isNamedField(schema: Schema | undefined, key: string): boolean {
  return schema?.type === 'object' && schema.fields.has(key)
}
