import type { FieldError } from '../../../meta/field-error.ts'
import { dns1035LabelProblems } from '../../../meta/names.ts'
import { additionalOf, isObject, itemsOf, type JsonSchema } from './json-schema.ts'
import { childPath, fieldOf, indexPath, type Path } from './value-errors.ts'

export type EmbeddedRule = (value: unknown, path: Path, errors: FieldError[]) => void

/**
 * Checks apiVersion and kind of objects that stand inside custom objects (x-kubernetes-embedded-resource); undefined when
 * the schema has no such place. Source: apiextensions, schema/objectmeta.
 */
export function embeddedRule(schema: JsonSchema): EmbeddedRule | undefined {
  const isEmbedded = schema['x-kubernetes-embedded-resource'] === true
  const properties = Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const rule = embeddedRule(property)
    return rule === undefined ? [] : [{ name, rule }]
  })
  const items = itemsOf(schema)
  const item = items === undefined ? undefined : embeddedRule(items)
  const additional = additionalOf(schema)
  const value = additional === undefined || additional === true ? undefined : embeddedRule(additional)
  if (!isEmbedded && properties.length === 0 && item === undefined && value === undefined) return undefined
  return (subject, path, errors) => {
    if (Array.isArray(subject)) {
      for (const [index, entry] of subject.entries()) item?.(entry, indexPath(path, index), errors)
      return
    }
    if (!isObject(subject)) return
    if (isEmbedded) checkType(subject, path, errors)
    for (const { name, rule } of properties) if (subject[name] !== undefined) rule(subject[name], childPath(path, name), errors)
    if (value !== undefined) for (const key of Object.keys(subject)) value(subject[key], childPath(path, key), errors)
  }
}

function checkType(object: Readonly<Record<string, unknown>>, path: Path, errors: FieldError[]): void {
  for (const name of ['apiVersion', 'kind']) {
    const value = object[name]
    const field = fieldOf(childPath(path, name))
    if (value === undefined || value === '')
      errors.push({ reason: 'FieldValueRequired', field, message: 'Required value: must not be empty' })
    else if (name === 'kind' && typeof value === 'string') errors.push(...kindProblems(value, field))
    else if (typeof value === 'string' && value.split('/').length > 2)
      errors.push({
        reason: 'FieldValueInvalid',
        field,
        message: `Invalid value: ${JSON.stringify(value)}: unexpected GroupVersion string: ${value}`,
      })
  }
}

function kindProblems(kind: string, field: string): readonly FieldError[] {
  const problems = dns1035LabelProblems(kind.toLowerCase())
  if (problems.length === 0) return []
  const text = `may have mixed case, but should otherwise match: ${problems.join(',')}`
  return [{ reason: 'FieldValueInvalid', field, message: `Invalid value: ${JSON.stringify(kind)}: ${text}` }]
}
