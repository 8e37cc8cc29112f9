/**
 * One problem of one field. `field` is a path such as `spec.containers[0].name`; `message` is the body after it
 * (`Invalid value: -1: must be greater than or equal to 0`). Source: shared validation facts, errorShape.
 */
export interface FieldError {
  readonly reason:
    | 'FieldValueRequired'
    | 'FieldValueInvalid'
    | 'FieldValueNotSupported'
    | 'FieldValueDuplicate'
    | 'FieldValueNotFound'
    | 'FieldValueForbidden'
    | 'FieldValueTooLong'
    | 'FieldValueTooMany'
    | 'FieldValueTypeInvalid'
    | 'InternalError'
  readonly field: string
  readonly message: string
}

const detail = (text: string): string => (text === '' ? '' : `: ${text}`)

/** Go's %q for strings, plain numbers and booleans, JSON for the rest. */
function show(value: unknown): string {
  return value === undefined ? 'null' : JSON.stringify(value)
}

export const required = (field: string, text = ''): FieldError => ({
  reason: 'FieldValueRequired',
  field,
  message: `Required value${detail(text)}`,
})
export const invalid = (field: string, value: unknown, text: string): FieldError => ({
  reason: 'FieldValueInvalid',
  field,
  message: `Invalid value: ${show(value)}${detail(text)}`,
})
export const forbidden = (field: string, text: string): FieldError => ({
  reason: 'FieldValueForbidden',
  field,
  message: `Forbidden${detail(text)}`,
})
export const duplicate = (field: string, value: unknown): FieldError => ({
  reason: 'FieldValueDuplicate',
  field,
  message: `Duplicate value: ${show(value)}`,
})
export const notFound = (field: string, value: unknown): FieldError => ({
  reason: 'FieldValueNotFound',
  field,
  message: `Not found: ${show(value)}`,
})
export const tooLong = (field: string, maxBytes: number): FieldError => ({
  reason: 'FieldValueTooLong',
  field,
  message: `Too long: may not be more than ${maxBytes} bytes`,
})
export const tooMany = (field: string, actual: number, max: number): FieldError => ({
  reason: 'FieldValueTooMany',
  field,
  message: `Too many: ${actual}: must have at most ${max} items`,
})
export const notSupported = (field: string, value: unknown, supported: readonly string[]): FieldError => ({
  reason: 'FieldValueNotSupported',
  field,
  message: `Unsupported value: ${show(value)}: supported values: ${[...supported]
    .sort()
    .map((s) => JSON.stringify(s))
    .join(', ')}`,
})
