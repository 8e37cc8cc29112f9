import { compare, equals } from '../equality.ts'
import { EvaluationError } from '../issue.ts'
import type { Meter } from '../meter.ts'
import { method, type Overload } from '../overload.ts'
import { A, BOOL, DOUBLE, DURATION, INT, list, STRING, TIMESTAMP, type Type, UINT } from '../types.ts'
import { Duration, type ListValue, Uint, type Value } from '../values.ts'
import { ARITHMETIC } from './arithmetic.ts'

function isSorted(items: ListValue, meter: Meter): boolean {
  meter.spend(items.length)
  for (let index = 1; index < items.length; index++) if (compare(items.at(index - 1), items.at(index), meter) > 0) return false
  return true
}

function extreme(items: ListValue, sign: 1 | -1, meter: Meter): Value {
  meter.spend(items.length)
  let best: Value | undefined
  for (const item of items) if (best === undefined || compare(item, best, meter) * sign > 0) best = item
  if (best === undefined) throw new EvaluationError(`${sign === 1 ? 'max' : 'min'} called on empty list`)
  return best
}

function indexOf(items: ListValue, wanted: Value, meter: Meter): bigint {
  for (let index = 0; index < items.length; index++) if (equals(items.at(index), wanted, meter)) return BigInt(index)
  return -1n
}

function lastIndexOf(items: ListValue, wanted: Value, meter: Meter): bigint {
  for (let index = items.length - 1; index >= 0; index--) if (equals(items.at(index), wanted, meter)) return BigInt(index)
  return -1n
}

const ADD = ARITHMETIC.filter(({ name }) => name === '_+_')

function adder(type: Type): Overload['call'] {
  const found = ADD.find(({ params }) => params.every(({ kind }) => kind === type.kind))
  if (found === undefined) throw new Error(`no addition of ${type.name}`)
  return found.call
}

function sumOf(type: Type, zero: Value): Overload {
  const add = adder(type)
  return method('sum', [list(type)], type, (items, meter) => {
    meter.spend(items.length)
    return Array.from(items).reduce((total: Value, item) => {
      if (typeof item !== typeof zero) throw new EvaluationError('no such overload: sum of a list with values of several types')
      return add([total, item], meter)
    }, zero)
  })
}

const COMPARABLE: readonly Type[] = [INT, UINT, DOUBLE, BOOL, STRING, DURATION, TIMESTAMP]

/** Sums need the type of the list: of an empty one nothing else tells which zero is meant. */
const sums: readonly Overload[] = [sumOf(INT, 0n), sumOf(UINT, new Uint(0n)), sumOf(DOUBLE, 0), sumOf(DURATION, new Duration(0n))]

const sum: Overload = method('sum', [list(A)], A, (items, meter) => {
  const first = items.length === 0 ? 0n : items.at(0)
  const kind = typeof first === 'bigint' ? 0 : first instanceof Uint ? 1 : typeof first === 'number' ? 2 : 3
  const chosen = sums[kind]
  if (chosen === undefined || (kind === 3 && !(first instanceof Duration))) throw new EvaluationError('no such overload: sum')
  return chosen.call([items], meter)
})

/** The list library of Kubernetes. Source: apiserver, cel/library/lists. */
export const LISTS: readonly Overload[] = [
  ...COMPARABLE.flatMap((type) => [
    method('isSorted', [list(type)], BOOL, (items, meter) => isSorted(items, meter)),
    method('min', [list(type)], type, (items, meter) => extreme(items, -1, meter)),
    method('max', [list(type)], type, (items, meter) => extreme(items, 1, meter)),
  ]),
  ...[INT, UINT, DOUBLE, DURATION].map((type) => ({ ...sum, params: [list(type)], result: type })),
  method('indexOf', [list(A), A], INT, indexOf),
  method('lastIndexOf', [list(A), A], INT, lastIndexOf),
]
