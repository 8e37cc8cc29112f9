import type { Meter } from './meter.ts'
import type { Type } from './types.ts'
import type { Value } from './values.ts'

/** One signature of a function. Methods have their receiver as first parameter. */
export interface Overload {
  readonly name: string
  readonly isMethod: boolean
  readonly params: readonly Type[]
  readonly result: Type
  /** Throws EvaluationError. */
  readonly call: (args: readonly Value[], meter: Meter) => Value
}

type Values<P extends readonly Type[]> = { readonly [K in keyof P]: P[K] extends Type<infer V> ? V : never }

/** A function called as `name(a, b)`; names may have dots. */
export function global<const P extends readonly Type[]>(
  name: string,
  params: P,
  result: Type,
  call: (...args: [...Values<P>, Meter]) => Value,
): Overload {
  return { name, isMethod: false, params, result, call: (args, meter) => call(...(args as Values<P>), meter) }
}

/** A function called as `a.name(b)`. */
export function method<const P extends readonly Type[]>(
  name: string,
  params: P,
  result: Type,
  call: (...args: [...Values<P>, Meter]) => Value,
): Overload {
  return { ...global(name, params, result, call), isMethod: true }
}

/** Both ways of calling. */
export function either<const P extends readonly Type[]>(
  name: string,
  params: P,
  result: Type,
  call: (...args: [...Values<P>, Meter]) => Value,
): readonly Overload[] {
  return [global(name, params, result, call), method(name, params, result, call)]
}
