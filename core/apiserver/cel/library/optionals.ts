import { sizeOf } from '../equality.ts'
import { EvaluationError } from '../issue.ts'
import type { Meter } from '../meter.ts'
import { global, method, type Overload } from '../overload.ts'
import { A, BOOL, list, optional } from '../types.ts'
import { Duration, ListValue, MapValue, NativeList, Optional, Timestamp, Uint, type Value } from '../values.ts'

function isZero(value: Value, meter: Meter): boolean {
  if (value instanceof ListValue) return value.length === 0
  if (value instanceof MapValue) return sizeOf(value, meter) === 0
  if (value instanceof Uint) return value.value === 0n
  if (value instanceof Duration || value instanceof Timestamp) return value.nanos === 0n
  if (value instanceof Uint8Array) return value.length === 0
  return value === null || value === false || value === '' || value === 0 || value === 0n
}

function present(items: ListValue): ListValue {
  return new NativeList(Array.from(items).flatMap((item) => (item instanceof Optional && item.value !== undefined ? [item.value] : [])))
}

/** Optional values. Source: cel-go, OptionalTypes. */
export const OPTIONALS: readonly Overload[] = [
  global('optional.of', [A], optional(A), (value) => Optional.of(value)),
  global('optional.ofNonZeroValue', [A], optional(A), (value, meter) => (isZero(value, meter) ? Optional.none : Optional.of(value))),
  global('optional.none', [], optional(A), () => Optional.none),
  method('hasValue', [optional(A)], BOOL, ({ value }) => value !== undefined),
  method('value', [optional(A)], A, ({ value }) => {
    if (value === undefined) throw new EvaluationError('optional.none() dereference')
    return value
  }),
  method('or', [optional(A), optional(A)], optional(A), (value, other) => (value.value === undefined ? other : value)),
  method('orValue', [optional(A), A], A, ({ value }, other) => value ?? (value === null ? null : other)),
  method('first', [list(A)], optional(A), (items) => (items.length === 0 ? Optional.none : Optional.of(items.at(0)))),
  method('last', [list(A)], optional(A), (items) => (items.length === 0 ? Optional.none : Optional.of(items.at(items.length - 1)))),
  global('optional.unwrap', [list(optional(A))], list(A), present),
  method('unwrapOpt', [list(optional(A))], list(A), present),
]
