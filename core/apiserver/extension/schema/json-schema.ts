import type { JSONSchemaProps } from '../../../api/types/apiextensions-v1.ts'

/** A schema as it stands in a CustomResourceDefinition. */
export type JsonSchema = JSONSchemaProps

export type Json = Record<string, unknown>

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The one schema of list items; arrays of schemas are not structural. */
export function itemsOf(schema: JsonSchema): JsonSchema | undefined {
  return isObject(schema.items) ? schema.items : undefined
}

/** Schema of keys that `properties` does not name; `true` accepts anything. */
export function additionalOf(schema: JsonSchema): JsonSchema | true | undefined {
  const { additionalProperties } = schema
  if (additionalProperties === true) return true
  return isObject(additionalProperties) ? additionalProperties : undefined
}

/** `nullable` may stand in the schema itself alone. */
export function isNullable(schema: JsonSchema): boolean {
  return schema.nullable === true
}
