import { type FieldError, forbidden, invalid, required } from '../../../meta/field-error.ts'
import { additionalOf, itemsOf, type JsonSchema } from '../schema/json-schema.ts'
import { misplacedRules } from './validate-rules.ts'

type Level = 'root' | 'field' | 'item'

const EMPTY_TYPE: Readonly<Record<Level, string>> = {
  root: 'must not be empty at the root',
  field: 'must not be empty for specified object fields',
  item: 'must not be empty for specified array items',
}

/**
 * What makes a schema structural: every place has a type, and combinations add value rules to places that exist.
 * Source: Kubernetes documentation, "Specifying a structural schema"; apiextensions, schema validation.
 */
export function structuralErrors(schema: JsonSchema, path: string, level: Level = 'root'): readonly FieldError[] {
  const errors: FieldError[] = []
  for (const [name, property] of Object.entries(schema.properties ?? {}))
    errors.push(...structuralErrors(property, `${path}.properties[${name}]`, 'field'))
  const items = itemsOf(schema)
  if (items !== undefined) errors.push(...structuralErrors(items, `${path}.items`, 'item'))
  const additional = additionalOf(schema)
  if (additional !== undefined && additional !== true) errors.push(...structuralErrors(additional, `${path}.additionalProperties`, 'field'))
  errors.push(...typeErrors(schema, path, level), ...embeddedErrors(schema, path), ...metadataErrors(schema, path, level))
  if (schema.type === 'array' && items === undefined && !Array.isArray(schema.items))
    errors.push(required(`${path}.items`, 'must be specified'))
  if (level === 'root' && schema.additionalProperties !== undefined)
    errors.push(forbidden(`${path}.additionalProperties`, 'must not be used at the root'))
  if (level === 'root' && schema.nullable === true) errors.push(forbidden(`${path}.nullable`, 'nullable cannot be true at the root'))
  return [...errors, ...combinationErrors(schema, path)]
}

function typeErrors(schema: JsonSchema, path: string, level: Level): readonly FieldError[] {
  const { type = '' } = schema
  const isOpen = schema['x-kubernetes-int-or-string'] === true || schema['x-kubernetes-preserve-unknown-fields'] === true
  if (schema['x-kubernetes-embedded-resource'] === true && type !== 'object') {
    const text = 'must be object if x-kubernetes-embedded-resource is true'
    return [type === '' ? required(`${path}.type`, text) : invalid(`${path}.type`, type, text)]
  }
  if (schema['x-kubernetes-int-or-string'] === true && type !== '')
    return [invalid(`${path}.type`, type, 'must be empty if x-kubernetes-int-or-string is true')]
  if (type === '') return isOpen && level !== 'root' ? [] : [required(`${path}.type`, EMPTY_TYPE[level])]
  return level === 'root' && type !== 'object' ? [invalid(`${path}.type`, type, 'must be object at the root')] : []
}

function embeddedErrors(schema: JsonSchema, path: string): readonly FieldError[] {
  if (schema['x-kubernetes-embedded-resource'] !== true) return []
  const errors: FieldError[] = []
  if (schema.additionalProperties !== undefined)
    errors.push(forbidden(`${path}.additionalProperties`, 'must not be used if x-kubernetes-embedded-resource is set'))
  if (schema['x-kubernetes-preserve-unknown-fields'] !== true && Object.keys(schema.properties ?? {}).length === 0) {
    const text = 'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields'
    errors.push(required(`${path}.properties`, text))
  }
  return errors
}

/** apiVersion, kind and metadata belong to the API server; a schema may restrict names alone. */
function metadataErrors(schema: JsonSchema, path: string, level: Level): readonly FieldError[] {
  if (level !== 'root' && schema['x-kubernetes-embedded-resource'] !== true) return []
  const { kind, apiVersion, metadata } = schema.properties ?? {}
  const errors: FieldError[] = []
  for (const [name, property] of Object.entries({ kind, apiVersion }))
    if (property !== undefined && property.type !== 'string')
      errors.push(invalid(`${path}.properties[${name}].type`, property.type ?? '', 'must be string'))
  if (metadata === undefined) return errors
  const at = `${path}.properties[metadata]`
  if (metadata.type !== 'object') errors.push(invalid(`${at}.type`, metadata.type ?? '', 'must be object'))
  const allowed = new Set(['type', 'description', 'properties'])
  const isOpen = Object.entries(metadata).some(([key, value]) => !allowed.has(key) && value !== undefined)
  const others = Object.keys(metadata.properties ?? {}).filter((name) => name !== 'name' && name !== 'generateName')
  if (isOpen || others.length > 0)
    errors.push(forbidden(at, 'must not specify anything other than name and generateName, but metadata is implicitly specified'))
  return errors
}

/** Keywords that shape a value; combinations may only judge it. */
const SHAPING = ['type', 'title', 'description', 'default', 'nullable', 'additionalProperties'] as const
const EXTENSIONS = [
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-embedded-resource',
  'x-kubernetes-int-or-string',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-map-type',
] as const

function combinationErrors(schema: JsonSchema, path: string): readonly FieldError[] {
  const isEither = schema['x-kubernetes-int-or-string'] === true
  const errors: FieldError[] = []
  for (const key of ['allOf', 'anyOf', 'oneOf'] as const) {
    for (const [index, part] of (schema[key] ?? []).entries()) {
      const mayHaveTypes = isEither && (key === 'anyOf' || (key === 'allOf' && index === 0))
      errors.push(...fragmentErrors(part, schema, `${path}.${key}[${index}]`, mayHaveTypes))
    }
  }
  if (schema.not !== undefined) errors.push(...fragmentErrors(schema.not, schema, `${path}.not`, false))
  return errors
}

/** `mayHaveTypes`: the two spellings `anyOf: [{type: integer}, {type: string}]` of int-or-string, alone or in allOf[0]. */
function fragmentErrors(part: JsonSchema, place: JsonSchema, path: string, mayHaveTypes: boolean): readonly FieldError[] {
  const errors: FieldError[] = []
  for (const key of SHAPING) {
    if (isEmpty(part[key]) || (key === 'type' && mayHaveTypes)) continue
    errors.push(
      forbidden(`${path}.${key}`, key === 'additionalProperties' ? 'must be undefined to be structural' : 'must be empty to be structural'),
    )
  }
  errors.push(...misplacedRules(part, path))
  for (const key of EXTENSIONS) if (!isEmpty(part[key])) errors.push(forbidden(`${path}.${key}`, 'must be false to be structural'))
  for (const [name, property] of Object.entries(part.properties ?? {})) {
    const target = place.properties?.[name] ?? additionalSchema(place)
    const at = `${path}.properties[${name}]`
    if (target === undefined)
      errors.push(required(at.replace(/\.(?:allOf|anyOf|oneOf)\[\d+\]|\.not/g, ''), `because it is defined in ${at}`))
    else errors.push(...fragmentErrors(property, target, at, false))
  }
  const items = itemsOf(part)
  const target = itemsOf(place)
  if (items !== undefined && target !== undefined) errors.push(...fragmentErrors(items, target, `${path}.items`, false))
  for (const key of ['allOf', 'anyOf', 'oneOf'] as const) {
    part[key]?.forEach((inner, index) =>
      errors.push(...fragmentErrors(inner, place, `${path}.${key}[${index}]`, mayHaveTypes && key === 'anyOf')),
    )
  }
  if (part.not !== undefined) errors.push(...fragmentErrors(part.not, place, `${path}.not`, false))
  return errors
}

function additionalSchema(schema: JsonSchema): JsonSchema | undefined {
  const additional = additionalOf(schema)
  if (additional === true || schema['x-kubernetes-preserve-unknown-fields'] === true) return {}
  return additional
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === '' || value === false || (Array.isArray(value) && value.length === 0)
}
