import { additionalOf, type JsonSchema } from './json-schema.ts'

/** One step of a `fieldPath`: `isKey` for those in brackets. */
export interface PathPart {
  readonly name: string
  readonly isKey: boolean
}

const PART = /\.([A-Za-z_][A-Za-z0-9_-]*)|\['((?:[^'\\]|\\.)*)'\]/y

/** `.spec.map['a.b']` in steps; none for a text that is no such path. Source: Kubernetes API reference, ValidationRule.fieldPath. */
export function rulePath(text: string): readonly PathPart[] {
  const parts: PathPart[] = []
  PART.lastIndex = 0
  while (PART.lastIndex < text.length) {
    const [, name, key] = PART.exec(text) ?? []
    if (name === undefined && key === undefined) return []
    parts.push(name === undefined ? { name: (key ?? '').replaceAll(/\\(.)/g, '$1'), isKey: true } : { name, isKey: false })
  }
  return parts
}

/** Why a path leads nowhere in a schema; undefined when it leads somewhere. */
export function rulePathProblem(text: string, schema: JsonSchema): string | undefined {
  const parts = rulePath(text)
  if (parts.length === 0) return 'fieldPath must be a valid path'
  let place: JsonSchema | undefined = schema
  for (const { name } of parts) {
    const additional: JsonSchema | true | undefined = additionalOf(place)
    place = place.properties?.[name] ?? (additional === true ? undefined : additional)
    if (place === undefined) return 'fieldPath must be a valid path: does not refer to a valid field'
  }
  return undefined
}
