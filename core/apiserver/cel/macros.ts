import type { Macro } from './ast.ts'
import { sizeOf } from './equality.ts'
import { type Frame, isTrue, type Run } from './frame.ts'
import { CostError, EvaluationError } from './issue.ts'
import { typeNameOf } from './types.ts'
import { ListValue, MapValue, NativeList, NativeMap, Optional, type Value } from './values.ts'

/** The linked parts of a macro: its range, its arguments, and where the values of its names go. */
interface Parts {
  readonly target: Run
  readonly args: readonly Run[]
  readonly slot: number
}

/** Macros over lists, maps and optionals as functions. */
export function comprehension({ name, vars }: Macro, { target, args, slot }: Parts): Run {
  const [first, second] = args
  if (first === undefined) throw new Error(`macro ${name} without arguments`)
  const last = second ?? first
  const passes = second === undefined ? () => true : (frame: Frame) => isTrue(first(frame))
  const rounds = (frame: Frame): Iterable<readonly Value[]> => bind(frame, { range: target(frame), count: vars.length, slot })
  switch (name) {
    case 'all':
      return (frame) => quantify(frame, rounds(frame), { test: first, decisive: false })
    case 'exists':
      return (frame) => quantify(frame, rounds(frame), { test: first, decisive: true })
    case 'exists_one':
    case 'existsOne':
      return (frame) => count(frame, rounds(frame), first) === 1
    case 'filter':
      return (frame) => collect(rounds(frame), ([value = null]) => (isTrue(first(frame)) ? [value] : []))
    case 'map':
    case 'transformList':
      return (frame) => collect(rounds(frame), () => (passes(frame) ? [last(frame)] : []))
    case 'transformMap':
      return (frame) => new NativeMap(entries(rounds(frame), ([key = null]) => (passes(frame) ? [[key, last(frame)]] : [])))
    case 'transformMapEntry':
      return (frame) => new NativeMap(entries(rounds(frame), () => (passes(frame) ? entriesOf(last(frame)) : [])))
    case 'optMap':
      return (frame) => withOptional(frame, { range: target(frame), slot }, (value) => Optional.of(value), first)
    default:
      return (frame) => withOptional(frame, { range: target(frame), slot }, (value) => value, first)
  }
}

interface Range {
  readonly range: Value
  readonly slot: number
}

/** Puts each element into its places, one after the other. Lists give items or index and item, maps keys or key and value. */
function* bind(frame: Frame, { range, slot, count: names }: Range & { readonly count: number }): Iterable<readonly Value[]> {
  // Keys are gathered ahead, whether all are asked for or not.
  if (range instanceof MapValue) sizeOf(range, frame.meter)
  for (const values of elements(range, names)) {
    frame.meter.spend(1)
    for (const value of values) if (value instanceof Uint8Array) frame.meter.spend(value.length * 0.1)
    frame.locals.length = slot
    frame.locals.push(...values)
    yield values
  }
  frame.locals.length = slot
}

function* elements(range: Value, names: number): Iterable<readonly Value[]> {
  if (range instanceof ListValue) {
    for (let index = 0; index < range.length; index++) yield names === 1 ? [range.at(index)] : [BigInt(index), range.at(index)]
  } else if (range instanceof MapValue) {
    for (const key of range.keys()) yield names === 1 ? [key] : [key, range.get(key) ?? null]
  } else throw new EvaluationError(`no such overload: ${typeNameOf(range)} cannot be iterated`)
}

/** An element that decides makes up for failures of others. */
function quantify(
  frame: Frame,
  rounds: Iterable<readonly Value[]>,
  { test, decisive }: { readonly test: Run; readonly decisive: boolean },
): boolean {
  let failure: unknown
  for (const values of rounds) {
    try {
      if (values.length > 0 && isTrue(test(frame)) === decisive) return decisive
    } catch (err) {
      if (err instanceof CostError) throw err
      failure ??= err
    }
  }
  if (failure !== undefined) throw failure as Error
  return !decisive
}

function count(frame: Frame, rounds: Iterable<readonly Value[]>, test: Run): number {
  let found = 0
  for (const values of rounds) if (values.length > 0 && isTrue(test(frame))) found++
  return found
}

function collect(rounds: Iterable<readonly Value[]>, make: (values: readonly Value[]) => readonly Value[]): ListValue {
  const items: Value[] = []
  for (const values of rounds) items.push(...make(values))
  return new NativeList(items)
}

function* entries(
  rounds: Iterable<readonly Value[]>,
  make: (values: readonly Value[]) => readonly (readonly [Value, Value])[],
): Iterable<readonly [Value, Value]> {
  for (const values of rounds) yield* make(values)
}

function entriesOf(value: Value): readonly (readonly [Value, Value])[] {
  if (!(value instanceof MapValue)) throw new EvaluationError(`no such overload: ${typeNameOf(value)} is no map`)
  return Array.from(value.keys(), (key) => [key, value.get(key) ?? null])
}

function withOptional(frame: Frame, { range, slot }: Range, wrap: (value: Value) => Value, run: Run): Value {
  if (!(range instanceof Optional)) throw new EvaluationError(`no such overload: ${typeNameOf(range)} is no optional`)
  if (range.value === undefined) return range
  frame.locals.length = slot
  frame.locals.push(range.value)
  const result = wrap(run(frame))
  frame.locals.length = slot
  return result
}
