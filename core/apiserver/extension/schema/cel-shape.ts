import { fingerprint } from '../../cel/equality.ts'
import { DYN_SHAPE, fromJson, JsonList, type JsonField, JsonMap, objectShape as fieldsShape, type Shape } from '../../cel/json.ts'
import { parseGoDuration, parseTimestamp } from '../../cel/library/time.ts'
import { BOOL, BYTES, DOUBLE, DURATION, INT, list, map, STRING, TIMESTAMP, type Type } from '../../cel/types.ts'
import { type Identity, MapValue, type Value } from '../../cel/values.ts'
import { additionalOf, isObject, itemsOf, type JsonSchema } from './json-schema.ts'

/**
 * How rules see values of a schema; undefined where they cannot look (no type, unknown fields). `isResource`: whole objects,
 * whose type and names are there whatever the schema says. Source: Kubernetes documentation, "Validation rules".
 */
export function shapeOf(schema: JsonSchema, isResource = false): Shape | undefined {
  if (schema['x-kubernetes-int-or-string'] === true) return DYN_SHAPE
  switch (schema.type) {
    case 'array':
      return listShape(schema)
    case 'object':
      return objectShape(schema, isResource || schema['x-kubernetes-embedded-resource'] === true)
    case 'string':
      return stringShape(schema.format ?? '')
    case 'boolean':
      return { type: BOOL, read: fromJson }
    case 'integer':
      return { type: INT, read: fromJson }
    case 'number':
      return { type: DOUBLE, read: (json) => (typeof json === 'number' ? json : fromJson(json)) }
    case undefined:
    default:
      return undefined
  }
}

const FORMATS: Readonly<Record<string, { readonly type: Type; readonly parse: (text: string) => Value | undefined }>> = {
  byte: { type: BYTES, parse: (text) => new Uint8Array(Buffer.from(text, 'base64')) },
  duration: { type: DURATION, parse: parseGoDuration },
  date: { type: TIMESTAMP, parse: (text) => parseTimestamp(`${text}T00:00:00Z`) },
  'date-time': { type: TIMESTAMP, parse: parseTimestamp },
}

function stringShape(format: string): Shape {
  const known = Object.hasOwn(FORMATS, format) ? FORMATS[format] : undefined
  if (known === undefined) return { type: STRING, read: fromJson }
  return { type: known.type, read: (json) => (typeof json === 'string' ? (known.parse(json) ?? json) : fromJson(json)) }
}

function listShape(schema: JsonSchema): Shape | undefined {
  const items = itemsOf(schema)
  const item = items === undefined ? undefined : shapeOf(items)
  if (item === undefined) return undefined
  const identity = identityOf(schema)
  return { type: list(item.type), read: (json) => (Array.isArray(json) ? new JsonList(json, item, identity) : fromJson(json)) }
}

function identityOf(schema: JsonSchema): Identity | undefined {
  if (schema['x-kubernetes-list-type'] === 'set') return fingerprint
  const keys = schema['x-kubernetes-list-map-keys']?.flatMap((key) => escapeName(key) ?? [])
  if (schema['x-kubernetes-list-type'] !== 'map' || keys === undefined) return undefined
  return (item, meter) => keys.map((key) => (item instanceof MapValue ? fingerprint(item.get(key) ?? null, meter) : '')).join()
}

const META: JsonSchema = { type: 'object', properties: { name: { type: 'string' }, generateName: { type: 'string' } } }
const RESOURCE: Readonly<Record<string, JsonSchema>> = { apiVersion: { type: 'string' }, kind: { type: 'string' }, metadata: META }

function objectShape(schema: JsonSchema, isResource: boolean): Shape | undefined {
  const additional = additionalOf(schema)
  if (additional !== undefined) {
    const value = additional === true ? DYN_SHAPE : shapeOf(additional)
    if (value === undefined) return undefined
    return { type: map(STRING, value.type), read: (json) => (isObject(json) ? new JsonMap(json, value) : fromJson(json)) }
  }
  const fields = new Map<string, JsonField>()
  for (const [jsonName, property] of Object.entries({ ...schema.properties, ...(isResource && RESOURCE) })) {
    const [name, shape] = [escapeName(jsonName), shapeOf(property)]
    if (name !== undefined && shape !== undefined) fields.set(name, { jsonName, shape })
  }
  return fieldsShape('object', fields)
}

const KEYWORDS: ReadonlySet<string> = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(' '),
)

/** The name of a property in expressions; undefined for those that cannot be named there. */
export function escapeName(name: string): string | undefined {
  if (KEYWORDS.has(name)) return `__${name}__`
  const escaped = name
    .replaceAll('__', '__underscores__')
    .replaceAll('.', '__dot__')
    .replaceAll('-', '__dash__')
    .replaceAll('/', '__slash__')
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(escaped) ? escaped : undefined
}
