import { deepEqual } from '../../../meta/deep-equal.ts'
import { type FieldError, invalid, notSupported, required } from '../../../meta/field-error.ts'
import { portNameProblems, portNumberProblems, rangeText } from '../../../meta/names.ts'

/**
 * Validators add what they find to one list that the caller owns: no list is made and no path is put together for an
 * object without faults beyond the paths handed down.
 */
export type Problems = FieldError[]

export const NON_NEGATIVE = 'must be greater than or equal to 0'
export const POSITIVE = 'must be greater than zero'
export const IMMUTABLE = 'field is immutable'
const MAX_INT32 = 2_147_483_647

type Format = (value: string) => readonly string[]

/** One Invalid for each problem that the format finds. */
export function checkFormat(value: string, path: string, format: Format, problems: Problems): void {
  for (const text of format(value)) problems.push(invalid(path, value, text))
}

/** A field that must be there and of a format. */
export function checkRequiredFormat(value: string | undefined, path: string, format: Format, problems: Problems): void {
  if (value === undefined || value === '') problems.push(required(path))
  else checkFormat(value, path, format, problems)
}

export function checkRequired(value: string | undefined, path: string, problems: Problems, text = ''): void {
  if (value === undefined || value === '') problems.push(required(path, text))
}

/** One of a closed set, or absent. */
export function checkEnum(value: string | undefined, path: string, supported: readonly string[], problems: Problems): void {
  if (value !== undefined && !supported.includes(value)) problems.push(notSupported(path, value, supported))
}

/** One of a closed set; empty is Required. */
export function checkRequiredEnum(value: string | undefined, path: string, supported: readonly string[], problems: Problems): void {
  if (value === undefined || value === '') problems.push(required(path))
  else checkEnum(value, path, supported, problems)
}

export function checkNonNegative(value: number | undefined, path: string, problems: Problems): void {
  if (value !== undefined && value < 0) problems.push(invalid(path, value, NON_NEGATIVE))
}

function checkRange(value: number | undefined, path: string, [low, high]: readonly [number, number], problems: Problems): void {
  if (value !== undefined && (value < low || value > high)) problems.push(invalid(path, value, rangeText(low, high)))
}

/** User and group ids. */
export function checkId(value: number | undefined, path: string, problems: Problems): void {
  checkRange(value, path, [0, MAX_INT32], problems)
}

export function checkPort(value: number, path: string, problems: Problems): void {
  for (const text of portNumberProblems(value)) problems.push(invalid(path, value, text))
}

/** A port by number, or by the name that a container gives it. */
export function checkPortOrName(value: number | string, path: string, problems: Problems): void {
  if (typeof value === 'number') checkPort(value, path, problems)
  else checkFormat(value, path, portNameProblems, problems)
}

/** Fields that stay as they were created. */
export function checkImmutable(next: unknown, old: unknown, path: string, problems: Problems): void {
  if (!deepEqual(next, old)) problems.push(invalid(path, next ?? null, IMMUTABLE))
}

/** A plain map whose keys are checked one by one; absent counts as empty. */
export const isEmpty = (map: object | undefined): boolean => map === undefined || Object.keys(map).length === 0
