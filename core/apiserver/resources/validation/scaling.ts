import { invalid } from '../../../meta/field-error.ts'
import type { IntOrString } from '../../../meta/int-or-string.ts'
import { percentProblems } from '../../../meta/names.ts'
import { checkFormat, checkNonNegative, type Problems } from './common.ts'

/** Counts that may be given as a share: never negative. */
export function checkIntOrPercent(value: IntOrString | undefined, path: string, problems: Problems): void {
  if (typeof value === 'string') checkFormat(value, path, percentProblems, problems)
  else checkNonNegative(value, path, problems)
}

/** A share above 100% is no share. */
export function checkAtMostAll(value: IntOrString | undefined, path: string, problems: Problems): void {
  if (typeof value === 'string' && /^\d+%$/.test(value) && Number(value.slice(0, -1)) > 100)
    problems.push(invalid(path, value, 'must not be greater than 100%'))
}

/** The number in front of a percent sign, or the number itself; other texts count as zero. */
export function plainAmount(value: IntOrString | undefined): number {
  if (typeof value !== 'string') return value ?? 0
  return /^\d+%$/.test(value) ? Number(value.slice(0, -1)) : 0
}

type Counts = object

/** Counters of a status are never negative. */
export function checkCounters(status: Counts, path: string, fields: readonly string[], problems: Problems): void {
  const open = status as Readonly<Record<string, number | undefined>>
  for (const field of fields) checkNonNegative(open[field], `${path}.${field}`, problems)
}

/** None of the fields counts more than `limit`, the field that `limitName` names in the message. */
export function checkAtMost(
  status: Counts,
  fields: readonly string[],
  { path, limit, text }: { readonly path: string; readonly limit: number; readonly text: string },
  problems: Problems,
): void {
  const open = status as Readonly<Record<string, number | undefined>>
  for (const field of fields) {
    const value = open[field] ?? 0
    if (value > limit) problems.push(invalid(`${path}.${field}`, value, text))
  }
}

export function checkNotDecremented(next: number | undefined, old: number | undefined, path: string, problems: Problems): void {
  if (old !== undefined && (next ?? 0) < old) problems.push(invalid(path, next ?? null, 'cannot be decremented'))
}
