import { schemaOf } from '../../../api/schemas.ts'
import type { Field, ListSchema, ObjectSchema, ScalarType, Schema } from '../../../meta/schema.ts'
import { additionalOf, itemsOf, type JsonSchema } from './json-schema.ts'

/** What stands where anything is allowed: kept as it is, and owned by key in server-side apply. */
const ANYTHING: Schema = { type: 'any', granular: true }
const STRING: Schema = { type: 'string' }

/**
 * The schema of a custom kind: apiVersion, kind and metadata as in every object, the rest as its definition says. Decoding,
 * pruning and server-side apply read it; values are checked by `compileValidator`, which reads the definition itself.
 */
export function toObjectSchema(schema: JsonSchema | undefined): ObjectSchema {
  const fields = new Map<string, Field>(typeFields())
  for (const [name, property] of Object.entries(schema?.properties ?? {})) {
    if (!fields.has(name)) fields.set(name, fieldOf(name, toSchema(property), schema))
  }
  const preserves = schema === undefined || schema['x-kubernetes-preserve-unknown-fields'] === true
  return { type: 'object', fields, ...(preserves && { preserveUnknown: true }) }
}

function typeFields(): readonly (readonly [string, Field])[] {
  const metadata = { name: 'metadata', schema: schemaOf('meta_v1.ObjectMeta'), required: false, always: false, pointer: true }
  const text = ['kind', 'apiVersion'].map((name) => ({ name, schema: STRING, required: false, always: false, pointer: true }))
  return [...text, metadata].map((field) => [field.name, field])
}

/** Custom values are never dropped for being empty, which is what a pointer means to decoding. */
function fieldOf(name: string, schema: Schema, parent: JsonSchema | undefined): Field {
  return { name, schema, required: parent?.required?.includes(name) === true, always: false, pointer: true }
}

function toSchema(schema: JsonSchema): Schema {
  const base = {
    ...(schema.nullable === true && { nullable: true }),
    ...(schema.default !== undefined && { default: schema.default }),
  }
  if (schema['x-kubernetes-int-or-string'] === true) return { ...base, type: 'int-or-string' }
  if (schema.type === 'object') return { ...base, ...objectLike(schema) }
  if (schema.type === 'array') return { ...base, ...listOf(schema) }
  const scalar = SCALARS[schema.type ?? '']
  if (scalar === undefined) return { ...ANYTHING, ...base }
  return { ...base, type: schema.format === 'int32' && scalar === 'int64' ? 'int32' : scalar }
}

const SCALARS: Readonly<Record<string, ScalarType>> = { string: 'string', integer: 'int64', number: 'double', boolean: 'boolean' }

function objectLike(schema: JsonSchema): Schema {
  const atomic = schema['x-kubernetes-map-type'] === 'atomic' ? { atomic: true } : {}
  const additional = additionalOf(schema)
  if (additional !== undefined) return { type: 'map', values: additional === true ? ANYTHING : toSchema(additional), ...atomic }
  const embedded = schema['x-kubernetes-embedded-resource'] === true
  const fields = new Map<string, Field>(embedded ? typeFields() : [])
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    if (!fields.has(name)) fields.set(name, fieldOf(name, toSchema(property), schema))
  }
  const preserves = schema['x-kubernetes-preserve-unknown-fields'] === true
  return { type: 'object', fields, ...atomic, ...(preserves && { preserveUnknown: true }), ...(embedded && { embeddedResource: true }) }
}

function listOf(schema: JsonSchema): ListSchema {
  const items = itemsOf(schema)
  const listType = schema['x-kubernetes-list-type']
  const keys = schema['x-kubernetes-list-map-keys']
  return {
    type: 'list',
    items: items === undefined ? ANYTHING : toSchema(items),
    ...(listType !== undefined && { listType: listType as 'atomic' | 'set' | 'map' }),
    ...(keys && { listMapKeys: keys }),
  }
}
