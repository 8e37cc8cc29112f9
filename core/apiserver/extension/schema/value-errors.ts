import type { FieldError } from '../../../meta/field-error.ts'

/** Where a value stands; the texts of value rules name the place once more. */
export type Path = string

export const childPath = (path: Path, key: string): Path => (path === '' ? key : `${path}.${key}`)
export const indexPath = (path: Path, index: number): Path => `${path}[${index}]`

/** Field of errors about the whole object; Go prints an absent path so. */
const ROOT = '<nil>'

export const fieldOf = (path: Path): string => (path === '' ? ROOT : path)

function show(value: unknown): string {
  return value === undefined ? 'null' : JSON.stringify(value)
}

/** Rules on single values: `spec.replicas in body should be …`. */
export function ruleError(path: Path, value: unknown, text: string): FieldError {
  return { reason: 'FieldValueInvalid', field: fieldOf(path), message: `Invalid value: ${show(value)}: ${path} in body ${text}` }
}

/** A value of the wrong JSON type; what is shown is the name of the type it has. */
export function typeError(path: Path, wanted: string, shown: unknown): FieldError {
  const quoted = typeof shown === 'string' ? JSON.stringify(shown) : show(shown)
  return {
    reason: 'FieldValueTypeInvalid',
    field: fieldOf(path),
    message: `Invalid value: ${quoted}: ${path} in body must be of type ${wanted}: ${quoted}`,
  }
}

/** Combinations of schemas: upstream reports them about the whole object, with the place quoted. */
export function combinationError(path: Path, text: string): FieldError {
  return { reason: 'FieldValueInvalid', field: ROOT, message: `Invalid value: "": ${JSON.stringify(path)} ${text}` }
}

/** Values in the order of the definition. */
export function enumError(path: Path, value: unknown, allowed: readonly unknown[]): FieldError {
  const shown = allowed.map((entry) => JSON.stringify(typeof entry === 'string' ? entry : JSON.stringify(entry))).join(', ')
  return {
    reason: 'FieldValueNotSupported',
    field: fieldOf(path),
    message: `Unsupported value: ${show(value)}: supported values: ${shown}`,
  }
}

export function missingError(path: Path): FieldError {
  return { reason: 'FieldValueRequired', field: fieldOf(path), message: 'Required value' }
}

export function tooManyError(path: Path, actual: number, max: number): FieldError {
  return { reason: 'FieldValueTooMany', field: fieldOf(path), message: `Too many: ${actual}: must have at most ${max} items` }
}

export function tooLongError(path: Path, max: number): FieldError {
  return { reason: 'FieldValueTooLong', field: fieldOf(path), message: `Too long: may not be more than ${max} bytes` }
}

export function duplicateError(path: Path, value: unknown): FieldError {
  return { reason: 'FieldValueDuplicate', field: fieldOf(path), message: `Duplicate value: ${show(value)}` }
}
