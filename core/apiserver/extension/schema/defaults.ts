import { additionalOf, isNullable, isObject, itemsOf, type Json, type JsonSchema } from './json-schema.ts'

/** Fills the defaults of one value in place. */
export type Defaulter = (value: unknown) => void

/**
 * Compiles the defaults of a schema; undefined when it has none. A default stands in for an absent value and for null where
 * null is not allowed. Each use gets its own copy. Source: Kubernetes documentation, "Defaulting".
 */
export function compileDefaults(schema: JsonSchema): Defaulter | undefined {
  if (schema.type === 'object') return objectDefaults(schema)
  return schema.type === 'array' ? listDefaults(itemsOf(schema)) : undefined
}

interface Property {
  readonly name: string
  readonly standIn: (() => unknown) | undefined
  readonly nullable: boolean
  readonly inner: Defaulter | undefined
}

function propertyOf(name: string, schema: JsonSchema): Property {
  const { default: text } = schema
  const standIn = text === undefined ? undefined : typeof text === 'object' && text !== null ? () => structuredClone(text) : () => text
  return { name, standIn, nullable: isNullable(schema), inner: compileDefaults(schema) }
}

function objectDefaults(schema: JsonSchema): Defaulter | undefined {
  const properties = Object.entries(schema.properties ?? {})
    .map(([name, property]) => propertyOf(name, property))
    .filter(({ standIn, inner }) => standIn !== undefined || inner !== undefined)
  const additional = additionalOf(schema)
  const values = additional === undefined || additional === true ? undefined : propertyOf('', additional)
  const everyValue = values?.standIn === undefined && values?.inner === undefined ? undefined : values
  if (properties.length === 0 && everyValue === undefined) return undefined
  return (value) => {
    if (!isObject(value)) return
    for (const property of properties) fill(value, property.name, property, true)
    if (everyValue !== undefined) for (const key of Object.keys(value)) fill(value, key, everyValue, false)
  }
}

function fill(object: Json, key: string, { standIn, nullable, inner }: Property, whenAbsent: boolean): void {
  const value = object[key]
  const isMissing = value === undefined ? whenAbsent : value === null && !nullable
  if (isMissing && standIn !== undefined) object[key] = standIn()
  inner?.(object[key])
}

function listDefaults(items: JsonSchema | undefined): Defaulter | undefined {
  if (items === undefined) return undefined
  const { standIn, nullable, inner } = propertyOf('', items)
  if (standIn === undefined && inner === undefined) return undefined
  return (value) => {
    if (!Array.isArray(value)) return
    const list = value as unknown[]
    for (const [index, item] of list.entries()) {
      if (item === null && !nullable && standIn !== undefined) list[index] = standIn()
      inner?.(list[index])
    }
  }
}
