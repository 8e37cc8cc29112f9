import type {
  CustomResourceColumnDefinition,
  CustomResourceDefinitionVersion,
  CustomResourceSubresourceScale,
} from '../../../api/types/apiextensions-v1.ts'
import { decodeObject } from '../../../meta/decode/decode.ts'
import { duplicate, type FieldError, invalid, required, tooMany } from '../../../meta/field-error.ts'
import { compileJsonPath } from '../json-path.ts'
import { additionalOf, isObject, itemsOf, type JsonSchema } from '../schema/json-schema.ts'
import { compileRules } from '../schema/rules.ts'
import { toObjectSchema } from '../schema/to-schema.ts'
import { compileValidator } from '../schema/validator.ts'
import type { VersionPaths } from './field-paths.ts'
import { ruleErrors } from './validate-rules.ts'
import { schemaErrors } from './validate-schema.ts'
import { structuralErrors } from './validate-structural.ts'

/** Schema, subresources, columns and selectable fields of one version. */
export function versionErrors(version: CustomResourceDefinitionVersion, paths: VersionPaths): readonly FieldError[] {
  const schema = version.schema?.openAPIV3Schema
  const { subresources, additionalPrinterColumns = [], selectableFields = [] } = version
  return [
    ...(schema === undefined ? [required(paths.schema, 'schemas are required')] : wholeSchemaErrors(schema, paths.schema)),
    ...(subresources?.scale === undefined ? [] : scaleErrors(subresources.scale, `${paths.subresources}.scale`)),
    ...additionalPrinterColumns.flatMap((column, index) => columnErrors(column, `${paths.columns}[${index}]`)),
    ...selectableErrors(
      selectableFields.map(({ jsonPath }) => jsonPath),
      schema,
      paths.selectableFields,
    ),
  ]
}

function wholeSchemaErrors(schema: JsonSchema, path: string): readonly FieldError[] {
  const errors = [...schemaErrors(schema, path), ...structuralErrors(schema, path)]
  // Rules and defaults are judged by the schema they stand in, which must hold first.
  if (errors.length > 0) return errors
  const rules = ruleErrors(schema, path)
  return rules.length > 0 ? rules : defaultErrors(schema, path)
}

function defaultErrors(schema: JsonSchema, path: string): readonly FieldError[] {
  const errors: FieldError[] = []
  if (schema.default !== undefined) errors.push(...ownDefaultErrors(schema, `${path}.default`))
  for (const [name, property] of Object.entries(schema.properties ?? {}))
    errors.push(...defaultErrors(property, `${path}.properties[${name}]`))
  const items = itemsOf(schema)
  if (items !== undefined) errors.push(...defaultErrors(items, `${path}.items`))
  const additional = additionalOf(schema)
  if (additional !== undefined && additional !== true) errors.push(...defaultErrors(additional, `${path}.additionalProperties`))
  return errors
}

function ownDefaultErrors(schema: JsonSchema, path: string): readonly FieldError[] {
  const wrapped: JsonSchema = { type: 'object', properties: { value: schema } }
  const value: unknown = schema.default
  const { unknownFields } = decodeObject({ value: structuredClone(value) }, toObjectSchema(wrapped))
  if (unknownFields.length > 0) return [invalid(path, value, 'must not have unknown fields')]
  const problems = compileValidator(schema)(value)
  return (problems.length > 0 ? problems : (compileRules(schema, false)?.(value) ?? [])).map((error) => ({
    ...error,
    field: below(path, error.field),
  }))
}

/** `<nil>` is the value itself. */
function below(path: string, field: string): string {
  if (field === '<nil>') return path
  return field.startsWith('[') ? path + field : `${path}.${field}`
}

function scaleErrors(scale: CustomResourceSubresourceScale, path: string): readonly FieldError[] {
  const { specReplicasPath, statusReplicasPath, labelSelectorPath = '' } = scale
  const errors: FieldError[] = []
  if (specReplicasPath === '') errors.push(required(`${path}.specReplicasPath`))
  else errors.push(...simplePathErrors(`${path}.specReplicasPath`, specReplicasPath, ['.spec.'], 'should be a json path under .spec'))
  if (statusReplicasPath === '') errors.push(required(`${path}.statusReplicasPath`))
  else
    errors.push(...simplePathErrors(`${path}.statusReplicasPath`, statusReplicasPath, ['.status.'], 'should be a json path under .status'))
  if (labelSelectorPath !== '')
    errors.push(
      ...simplePathErrors(
        `${path}.labelSelectorPath`,
        labelSelectorPath,
        ['.spec.', '.status.'],
        'should be a json path under either .spec or .status',
      ),
    )
  return errors
}

function simplePathErrors(field: string, path: string, roots: readonly string[], text: string): readonly FieldError[] {
  if (!path.startsWith('.')) return [invalid(field, path, 'must be a simple json path starting with .')]
  if (!/^(?:\.[A-Za-z0-9_-]+)+$/.test(path)) return [invalid(field, path, 'must be a json path in the dot notation')]
  return roots.some((root) => path.startsWith(root)) ? [] : [invalid(field, path, text)]
}

const COLUMN_TYPES = ['boolean', 'date', 'integer', 'number', 'string']
const COLUMN_FORMATS = ['byte', 'date', 'date-time', 'double', 'float', 'int32', 'int64', 'password']

function columnErrors({ name, type, format = '', jsonPath }: CustomResourceColumnDefinition, path: string): readonly FieldError[] {
  const errors: FieldError[] = []
  const types = `must be one of ${COLUMN_TYPES.join(',')}`
  if (name === '') errors.push(required(`${path}.name`))
  if (type === '') errors.push(required(`${path}.type`, types))
  else if (!COLUMN_TYPES.includes(type)) errors.push(invalid(`${path}.type`, type, types))
  if (format !== '' && !COLUMN_FORMATS.includes(format))
    errors.push(invalid(`${path}.format`, format, `must be one of ${COLUMN_FORMATS.join(',')}`))
  if (jsonPath === '') return [...errors, required(`${path}.JSONPath`)]
  return [...errors, ...pathErrors(`${path}.JSONPath`, jsonPath)]
}

function pathErrors(field: string, path: string): readonly FieldError[] {
  if (!path.startsWith('.') && !path.startsWith('{')) return [invalid(field, path, 'must be a simple json path starting with .')]
  try {
    compileJsonPath(path)
    return []
  } catch (err) {
    return [invalid(field, path, `is an invalid path: ${err instanceof Error ? err.message : ''}`)]
  }
}

const MAX_SELECTABLE_FIELDS = 8
const SELECTABLE_TYPES: ReadonlySet<string | undefined> = new Set(['string', 'boolean', 'integer'])

function selectableErrors(fields: readonly string[], schema: JsonSchema | undefined, path: string): readonly FieldError[] {
  const errors: FieldError[] = []
  if (fields.length > MAX_SELECTABLE_FIELDS) errors.push(tooMany(path, fields.length, MAX_SELECTABLE_FIELDS))
  for (const [index, field] of fields.entries()) {
    const at = `${path}[${index}].jsonPath`
    if (field === '') errors.push(required(at))
    else if (!/^(?:\.[A-Za-z0-9_-]+)+$/.test(field))
      errors.push(invalid(at, field, 'is an invalid path: must be a simple json path starting with .'))
    else if (field.startsWith('.metadata.')) errors.push(invalid(at, field, 'must not point to fields in metadata'))
    else if (!SELECTABLE_TYPES.has(typeAt(schema, field)))
      errors.push(
        invalid(
          at,
          field,
          'must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.',
        ),
      )
    if (fields.indexOf(field) < index) errors.push(duplicate(at, field))
  }
  return errors
}

function typeAt(schema: JsonSchema | undefined, path: string): string | undefined {
  let current = schema
  for (const key of path.split('.').slice(1)) current = isObject(current?.properties) ? current.properties[key] : undefined
  return current?.type
}
