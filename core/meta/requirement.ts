import { type FieldError, invalid } from './field-error.ts'
import { labelValueProblems, problemText, qualifiedNameProblems } from './names.ts'

export type SelectorOperator = 'in' | 'notin' | '=' | '==' | '!=' | 'exists' | '!' | 'gt' | 'lt'

/** One condition on labels. `values` is sorted and free of duplicates; empty for `exists` and `!`. */
export interface Requirement {
  readonly key: string
  readonly operator: SelectorOperator
  readonly values: readonly string[]
}

export type Labels = Readonly<Record<string, string>> | undefined

const INTEGER = /^[+-]?\d+$/

/** NotIn and DoesNotExist hold for labels that are absent. */
export function matchesRequirement({ key, operator, values }: Requirement, labels: Labels): boolean {
  const has = labels !== undefined && Object.hasOwn(labels, key)
  const value = has ? (labels[key] ?? '') : ''
  switch (operator) {
    case 'exists':
      return has
    case '!':
      return !has
    case '=':
    case '==':
    case 'in':
      return has && values.includes(value)
    case '!=':
    case 'notin':
      return !has || !values.includes(value)
    case 'gt':
    case 'lt':
      return has && comparesInteger(operator, value, values[0] ?? '')
  }
}

/** The string form of one requirement, as selectors are printed. */
export function formatRequirement({ key, operator, values }: Requirement): string {
  switch (operator) {
    case 'exists':
      return key
    case '!':
      return `!${key}`
    case 'in':
    case 'notin':
      return `${key} ${operator} (${values.join(',')})`
    case 'gt':
      return `${key}>${values[0] ?? ''}`
    case 'lt':
      return `${key}<${values[0] ?? ''}`
    case '=':
    case '==':
    case '!=':
      return `${key}${operator}${values[0] ?? ''}`
  }
}

/** Problems of one requirement, with the paths that Kubernetes reports for selectors given as text. */
export function requirementProblems({ key, operator, values }: Requirement): FieldError[] {
  const errors: FieldError[] = []
  const keyProblem = problemText(qualifiedNameProblems(key))
  if (keyProblem !== undefined) errors.push(invalid('key', key, keyProblem))
  const count = countProblem(operator, values)
  if (count !== undefined) errors.push(invalid('values', values, count))
  values.forEach((value, i) => {
    if ((operator === 'gt' || operator === 'lt') && !INTEGER.test(value))
      errors.push(invalid(`values[${i}]`, value, "for 'Gt', 'Lt' operators, the value must be an integer"))
    const problem = problemText(labelValueProblems(value))
    if (problem !== undefined) errors.push(invalid(`values[${i}][${key}]`, value, problem))
  })
  return errors
}

/** Text of several field errors as Go's aggregate prints them. */
export function aggregateText(errors: readonly FieldError[]): string {
  const texts = [...new Set(errors.map((e) => `${e.field}: ${e.message}`))]
  return texts.length === 1 ? (texts[0] ?? '') : `[${texts.join(', ')}]`
}

function countProblem(operator: SelectorOperator, values: readonly string[]): string | undefined {
  switch (operator) {
    case 'in':
    case 'notin':
      return values.length === 0 ? "for 'in', 'notin' operators, values set can't be empty" : undefined
    case '=':
    case '==':
    case '!=':
      return values.length === 1 ? undefined : 'exact-match compatibility requires one single value'
    case 'exists':
    case '!':
      return values.length === 0 ? undefined : 'values set must be empty for exists and does not exist'
    case 'gt':
    case 'lt':
      return values.length === 1 ? undefined : "for 'Gt', 'Lt' operators, exactly one value is required"
  }
}

/** Whole numbers of any size, compared; false when either text is none. */
export function comparesInteger(operator: 'gt' | 'lt', value: string, bound: string): boolean {
  if (!INTEGER.test(value) || !INTEGER.test(bound)) return false
  return operator === 'gt' ? BigInt(value) > BigInt(bound) : BigInt(value) < BigInt(bound)
}
