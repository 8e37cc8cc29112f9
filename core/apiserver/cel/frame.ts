import { EvaluationError } from './issue.ts'
import type { Meter } from './meter.ts'
import { typeNameOf } from './types.ts'
import type { Value } from './values.ts'

/** One evaluation: what names mean, and what it may cost. */
export interface Frame {
  readonly variable: (name: string) => Value | undefined
  readonly meter: Meter
  /** Values of the names that macros bind, by nesting. */
  readonly locals: Value[]
}

/** A linked expression. Throws EvaluationError and CostError. */
export type Run = (frame: Frame) => Value

/** The value as a condition. Throws EvaluationError for anything but a bool. */
export function isTrue(value: Value): boolean {
  if (typeof value !== 'boolean') throw new EvaluationError(`no such overload: expected bool, found ${typeNameOf(value)}`)
  return value
}
