import { compare } from '../equality.ts'
import { EvaluationError } from '../issue.ts'
import { MAX_INT, MAX_UINT, MIN_INT } from '../lexer.ts'
import type { Meter } from '../meter.ts'
import { global, type Overload } from '../overload.ts'
import { A, BOOL, BYTES, DOUBLE, DURATION, DYN, INT, list, map, STRING, TIMESTAMP, type Type, UINT } from '../types.ts'
import { type ListValue, NativeList, Uint } from '../values.ts'
import { checkedDuration, checkedTimestamp } from './time.ts'

function int(value: bigint): bigint {
  if (value > MAX_INT || value < MIN_INT) throw new EvaluationError('integer overflow')
  return value
}

function uint(value: bigint): Uint {
  if (value > MAX_UINT || value < 0n) throw new EvaluationError('unsigned integer overflow')
  return new Uint(value)
}

function nonZero(value: bigint, text: string): bigint {
  if (value === 0n) throw new EvaluationError(text)
  return value
}

const INTEGERS: Readonly<Record<string, (a: bigint, b: bigint) => bigint>> = {
  '_+_': (a, b) => a + b,
  '_-_': (a, b) => a - b,
  '_*_': (a, b) => a * b,
  '_/_': (a, b) => a / nonZero(b, 'division by zero'),
  '_%_': (a, b) => a % nonZero(b, 'modulus by zero'),
}

const integerOverloads = Object.entries(INTEGERS).flatMap(([name, apply]) => [
  global(name, [INT, INT], INT, (a, b) => int(apply(a, b))),
  global(name, [UINT, UINT], UINT, (a, b) => uint(apply(a.value, b.value))),
])

/** Lists that are sets or maps by key take the place of what they already hold. Source: Kubernetes documentation, "list-type". */
function concat(a: ListValue, b: ListValue, meter: Meter): ListValue {
  const { identity } = a
  if (identity === undefined) return new NativeList([...a, ...b])
  const merged = new Map(Array.from(a, (item) => [identity(item, meter), item]))
  for (const item of b) merged.set(identity(item, meter), item)
  return new NativeList([...merged.values()], identity)
}

const sums: readonly Overload[] = [
  global('_+_', [DOUBLE, DOUBLE], DOUBLE, (a, b) => a + b),
  global('_-_', [DOUBLE, DOUBLE], DOUBLE, (a, b) => a - b),
  global('_*_', [DOUBLE, DOUBLE], DOUBLE, (a, b) => a * b),
  global('_/_', [DOUBLE, DOUBLE], DOUBLE, (a, b) => a / b),
  global('_+_', [STRING, STRING], STRING, (a, b) => a + b),
  global('_+_', [BYTES, BYTES], BYTES, (a, b) => new Uint8Array(Buffer.concat([a, b]))),
  global('_+_', [list(A), list(A)], list(A), (a, b, meter) => {
    meter.spend(a.length + b.length)
    return concat(a, b, meter)
  }),
  global('_+_', [TIMESTAMP, DURATION], TIMESTAMP, (a, b) => checkedTimestamp(a.nanos + b.nanos)),
  global('_+_', [DURATION, TIMESTAMP], TIMESTAMP, (a, b) => checkedTimestamp(a.nanos + b.nanos)),
  global('_+_', [DURATION, DURATION], DURATION, (a, b) => checkedDuration(a.nanos + b.nanos)),
  global('_-_', [TIMESTAMP, TIMESTAMP], DURATION, (a, b) => checkedDuration(a.nanos - b.nanos)),
  global('_-_', [TIMESTAMP, DURATION], TIMESTAMP, (a, b) => checkedTimestamp(a.nanos - b.nanos)),
  global('_-_', [DURATION, DURATION], DURATION, (a, b) => checkedDuration(a.nanos - b.nanos)),
  global('-_', [INT], INT, (a) => int(-a)),
  global('-_', [DOUBLE], DOUBLE, (a) => -a),
  global('!_', [BOOL], BOOL, (a) => !a),
]

const ORDERS: Readonly<Record<string, (order: number) => boolean>> = {
  '_<_': (order) => order < 0,
  '_<=_': (order) => order <= 0,
  '_>_': (order) => order > 0,
  '_>=_': (order) => order >= 0,
}

const NUMBERS: readonly Type[] = [INT, UINT, DOUBLE]
const ORDERED: readonly (readonly [Type, Type])[] = [
  ...[BOOL, STRING, BYTES, TIMESTAMP, DURATION].map((type) => [type, type] as const),
  ...NUMBERS.flatMap((a) => NUMBERS.map((b) => [a, b] as const)),
]

const comparisons = Object.entries(ORDERS).flatMap(([name, holds]) =>
  ORDERED.map(([a, b]) => global(name, [a, b], BOOL, (left, right, meter) => holds(compare(left, right, meter)))),
)

/** Evaluated without dispatch, since a side may fail or decide alone; here for the checker. */
const signatures: readonly Overload[] = [
  global('_&&_', [BOOL, BOOL], BOOL, (a, b) => a && b),
  global('_||_', [BOOL, BOOL], BOOL, (a, b) => a || b),
  ...['_==_', '_!=_'].map((name) => global(name, [A, A], BOOL, () => false)),
  global('@in', [A, list(A)], BOOL, () => false),
  global('@in', [A, map(A, DYN)], BOOL, () => false),
]

/** Operators. Source: CEL language definition, "List of Standard Definitions". */
export const ARITHMETIC: readonly Overload[] = [...integerOverloads, ...sums, ...comparisons, ...signatures]
