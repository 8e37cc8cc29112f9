import type { FieldError } from '../../../meta/field-error.ts'
import { isObject, type JsonSchema } from './json-schema.ts'
import { duplicateError, indexPath, type Path } from './value-errors.ts'

export type ListRule = (list: readonly unknown[], path: Path, errors: FieldError[]) => void

/**
 * Uniqueness of the items of a set or map list; undefined for other lists. The second and later ones of equals are named.
 * Source: Kubernetes documentation, "Merge strategy", x-kubernetes-list-type.
 */
export function listTypeRule(schema: JsonSchema): ListRule | undefined {
  if (schema['x-kubernetes-list-type'] === 'set') return uniqueBy((item) => item)
  if (schema['x-kubernetes-list-type'] !== 'map') return undefined
  const keys = schema['x-kubernetes-list-map-keys'] ?? []
  return uniqueBy((item) => (isObject(item) ? keysOf(item, keys) : item))
}

function keysOf(item: Readonly<Record<string, unknown>>, keys: readonly string[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(keys.filter((key) => item[key] !== undefined).map((key) => [key, item[key]]))
}

function uniqueBy(identity: (item: unknown) => unknown): ListRule {
  return (list, path, errors) => {
    const seen = new Set<string>()
    for (const [index, item] of list.entries()) {
      const shown = identity(item)
      const key = canonical(shown)
      if (seen.has(key)) errors.push(duplicateError(indexPath(path, index), shown))
      seen.add(key)
    }
  }
}

/** JSON text that does not depend on the order of keys. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  if (!isObject(value)) return JSON.stringify(value)
  const keys = Object.keys(value).sort()
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join()}}`
}
