import { type FieldError, forbidden, invalid, notSupported, required } from '../../../meta/field-error.ts'
import { itemsOf, type JsonSchema } from '../schema/json-schema.ts'

const LIST_TYPE = 'x-kubernetes-list-type'
const MAP_TYPE = 'x-kubernetes-map-type'
const MAP_KEYS = 'x-kubernetes-list-map-keys'

/** Merge markers of lists and maps. Source: shared validation facts, CustomResourceDefinitionOpenAPISchema, MapListKeysMapSet. */
export function listTypeErrors(schema: JsonSchema, path: string): readonly FieldError[] {
  return [...mapTypeErrors(schema, path), ...listErrors(schema, path), ...setErrors(schema, path), ...mapListErrors(schema, path)]
}

function mapTypeErrors(schema: JsonSchema, path: string): readonly FieldError[] {
  const mapType = schema[MAP_TYPE]
  if (mapType === undefined) return []
  const errors = [...typeErrors(schema, path, 'object', `must be object if ${MAP_TYPE} is specified`)]
  if (mapType !== 'atomic' && mapType !== 'granular') errors.push(notSupported(`${path}.${MAP_TYPE}`, mapType, ['atomic', 'granular']))
  return errors
}

function typeErrors({ type }: JsonSchema, path: string, wanted: string, text: string): readonly FieldError[] {
  if (type === wanted) return []
  return [type === undefined ? required(`${path}.type`, text) : invalid(`${path}.type`, type, text)]
}

function listErrors(schema: JsonSchema, path: string): readonly FieldError[] {
  const listType = schema[LIST_TYPE]
  const keys = schema[MAP_KEYS] ?? []
  const errors: FieldError[] = []
  if (listType !== undefined) {
    errors.push(...typeErrors(schema, path, 'array', `must be array if ${LIST_TYPE} is specified`))
    if (!['atomic', 'set', 'map'].includes(listType)) errors.push(notSupported(`${path}.${LIST_TYPE}`, listType, ['atomic', 'set', 'map']))
  }
  if (keys.length > 0 && listType !== 'map') {
    const text = `must be map if ${MAP_KEYS} is non-empty`
    errors.push(listType === undefined ? required(`${path}.${LIST_TYPE}`, text) : invalid(`${path}.${LIST_TYPE}`, listType, text))
  }
  return errors
}

function setErrors(schema: JsonSchema, path: string): readonly FieldError[] {
  const items = itemsOf(schema)
  if (schema[LIST_TYPE] !== 'set' || items === undefined) return []
  const text = `as item of a list with ${LIST_TYPE}=set`
  const errors: FieldError[] = []
  if (items.nullable === true) errors.push(forbidden(`${path}.items.nullable`, `cannot be nullable when ${LIST_TYPE} is set`))
  if (items.type === 'object' && items[MAP_TYPE] !== 'atomic')
    errors.push(invalid(`${path}.items.${MAP_TYPE}`, items[MAP_TYPE] ?? null, `must be atomic ${text}`))
  const inner = items[LIST_TYPE]
  if (items.type === 'array' && inner !== undefined && inner !== 'atomic')
    errors.push(invalid(`${path}.items.${LIST_TYPE}`, inner, `must be atomic ${text}`))
  return errors
}

function mapListErrors(schema: JsonSchema, path: string): readonly FieldError[] {
  if (schema[LIST_TYPE] !== 'map') return []
  const keys = schema[MAP_KEYS] ?? []
  const items = itemsOf(schema)
  const errors: FieldError[] = []
  if (keys.length === 0) errors.push(required(`${path}.${MAP_KEYS}`, `must not be empty if ${LIST_TYPE} is map`))
  if (items === undefined) return [...errors, required(`${path}.items`, `must have a schema if ${LIST_TYPE} is map`)]
  if (items.type !== 'object')
    errors.push(invalid(`${path}.items.type`, items.type ?? '', `must be object if parent array's ${LIST_TYPE} is map`))
  if (items.nullable === true) errors.push(forbidden(`${path}.items.nullable`, `cannot be nullable when ${LIST_TYPE} is map`))
  if (new Set(keys).size < keys.length) errors.push(invalid(`${path}.${MAP_KEYS}`, keys, 'must not contain duplicate entries'))
  return [...errors, ...keys.flatMap((key) => mapKeyErrors(items, key, path))]
}

function mapKeyErrors(items: JsonSchema, key: string, path: string): readonly FieldError[] {
  const property = items.properties?.[key]
  if (property === undefined) return [invalid(`${path}.${MAP_KEYS}`, [key], 'entries must all be names of item properties')]
  const at = `${path}.items.properties[${key}]`
  const errors: FieldError[] = []
  if (property.type === 'object' || property.type === 'array')
    errors.push(invalid(`${at}.type`, property.type, `must be a scalar type if parent array's ${LIST_TYPE} is map`))
  if (property.nullable === true) errors.push(forbidden(`${at}.nullable`, `this property is in ${MAP_KEYS}, so it cannot be nullable`))
  if (property.default === undefined && items.required?.includes(key) !== true)
    errors.push(required(`${at}.default`, `this property is in ${MAP_KEYS}, so it must have a default or be a required property`))
  return errors
}
