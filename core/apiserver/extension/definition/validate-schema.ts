import { RE2JS } from 're2js'
import { type FieldError, forbidden, invalid, notSupported } from '../../../meta/field-error.ts'
import { additionalOf, itemsOf, type JsonSchema } from '../schema/json-schema.ts'
import { listTypeErrors } from './validate-list-types.ts'

const TYPES = ['array', 'boolean', 'integer', 'number', 'object', 'string']
/** JSON schema has these; structural schemas do not. */
const UNSUPPORTED = ['id', 'additionalItems', 'patternProperties', 'definitions', 'dependencies', '$ref'] as const

/** Keywords of one schema and all below it. Source: shared validation facts, CustomResourceDefinitionOpenAPISchema. */
export function schemaErrors(schema: JsonSchema, path: string): readonly FieldError[] {
  return [...keywordErrors(schema, path), ...listTypeErrors(schema, path), ...childErrors(schema, path)]
}

function childErrors(schema: JsonSchema, path: string): readonly FieldError[] {
  const errors: FieldError[] = []
  const visit = (child: JsonSchema, childPath: string): void => void errors.push(...schemaErrors(child, childPath))
  const items = itemsOf(schema)
  const additional = additionalOf(schema)
  for (const [name, property] of Object.entries(schema.properties ?? {})) visit(property, `${path}.properties[${name}]`)
  if (additional !== undefined && additional !== true) visit(additional, `${path}.additionalProperties`)
  if (items !== undefined) visit(items, `${path}.items`)
  for (const key of ['allOf', 'anyOf', 'oneOf'] as const) schema[key]?.forEach((part, index) => visit(part, `${path}.${key}[${index}]`))
  if (schema.not !== undefined) visit(schema.not, `${path}.not`)
  return errors
}

function keywordErrors(schema: JsonSchema, path: string): readonly FieldError[] {
  const errors: FieldError[] = []
  const { type, additionalProperties, pattern } = schema
  if (type === 'null') errors.push(forbidden(`${path}.type`, 'type cannot be set to null, use nullable as an alternative'))
  else if (type !== undefined && !TYPES.includes(type)) errors.push(notSupported(`${path}.type`, type, TYPES))
  for (const key of UNSUPPORTED)
    if (schema[key] !== undefined && schema[key] !== '') errors.push(forbidden(`${path}.${key}`, `${key} is not supported`))
  if (schema.uniqueItems === true)
    errors.push(forbidden(`${path}.uniqueItems`, 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic'))
  if (additionalProperties !== undefined && Object.keys(schema.properties ?? {}).length > 0)
    errors.push(forbidden(`${path}.additionalProperties`, 'additionalProperties and properties are mutual exclusive'))
  else if (additionalProperties === false)
    errors.push(forbidden(`${path}.additionalProperties`, 'additionalProperties cannot be set to false'))
  if (Array.isArray(schema.items)) errors.push(forbidden(`${path}.items`, 'items must be a schema object and not an array'))
  if (schema['x-kubernetes-preserve-unknown-fields'] === false)
    errors.push(invalid(`${path}.x-kubernetes-preserve-unknown-fields`, false, 'must be true or undefined'))
  if (pattern !== undefined) errors.push(...patternErrors(pattern, `${path}.pattern`))
  return errors
}

function patternErrors(pattern: string, path: string): readonly FieldError[] {
  try {
    RE2JS.compile(pattern)
    return []
  } catch (err) {
    return [invalid(path, pattern, `must be a valid regular expression, but isn't: ${err instanceof Error ? err.message : ''}`)]
  }
}
