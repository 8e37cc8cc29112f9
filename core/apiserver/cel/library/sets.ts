import { contains } from '../equality.ts'
import type { Meter } from '../meter.ts'
import { global, type Overload } from '../overload.ts'
import { A, BOOL, list } from '../types.ts'
import type { ListValue } from '../values.ts'

function containsAll(all: ListValue, part: ListValue, meter: Meter): boolean {
  for (const item of part) if (!contains(all, item, meter)) return false
  return true
}

function intersects(a: ListValue, b: ListValue, meter: Meter): boolean {
  for (const item of b) if (contains(a, item, meter)) return true
  return false
}

/** Lists seen as sets. Source: cel-go, ext/sets. */
export const SETS: readonly Overload[] = [
  global('sets.contains', [list(A), list(A)], BOOL, containsAll),
  global('sets.intersects', [list(A), list(A)], BOOL, intersects),
  global('sets.equivalent', [list(A), list(A)], BOOL, (a, b, meter) => containsAll(a, b, meter) && containsAll(b, a, meter)),
]
