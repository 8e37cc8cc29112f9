import { EvaluationError } from './issue.ts'
import { STANDARD } from './library/index.ts'
import type { Meter } from './meter.ts'
import type { Overload } from './overload.ts'
import {
  accepts,
  BOOL,
  BYTES,
  DOUBLE,
  DURATION,
  DYN,
  INT,
  list,
  map,
  NULL,
  STRING,
  TIMESTAMP,
  type Type,
  TYPE,
  typeNameOf,
  UINT,
} from './types.ts'
import type { Value } from './values.ts'

/** Names that mean types. */
const TYPE_NAMES: ReadonlyMap<string, string> = new Map([
  ...[BOOL, BYTES, DOUBLE, DURATION, INT, NULL, STRING, TIMESTAMP, TYPE, UINT, list(DYN), map(DYN, DYN)].map(
    ({ name }) => [name, name] as const,
  ),
  ...['net.IP', 'net.CIDR', 'kubernetes.Quantity', 'kubernetes.URL', 'kubernetes.Semver', 'kubernetes.NamedFormat', 'optional_type'].map(
    (name) => [name, name] as const,
  ),
])

/** Overloads by name. */
export type Functions = ReadonlyMap<string, readonly Overload[]>

export function functionsOf(overloads: readonly Overload[]): Functions {
  return Map.groupBy(overloads, ({ name }) => name)
}

const STANDARD_FUNCTIONS = functionsOf(STANDARD)

/** What an expression may name: variables with their types, and functions. */
export class Environment {
  readonly #variables: ReadonlyMap<string, Type>
  readonly #functions: Functions

  constructor(variables: Readonly<Record<string, Type>>, functions: Functions = STANDARD_FUNCTIONS) {
    this.#variables = new Map(Object.entries(variables))
    this.#functions = functions
  }

  variable(name: string): Type | undefined {
    return this.#variables.get(name)
  }

  typeName(name: string): string | undefined {
    return TYPE_NAMES.get(name)
  }

  isQualified(name: string): boolean {
    return name.includes('.') && this.#functions.has(name)
  }

  overloads(name: string, isMethod: boolean): readonly Overload[] {
    return (this.#functions.get(name) ?? []).filter((overload) => overload.isMethod === isMethod)
  }
}

/** Runs the first overload whose parameters take the values. Throws EvaluationError when none does. */
export function dispatch(overloads: readonly Overload[], args: readonly Value[], meter: Meter): Value {
  for (const overload of overloads)
    if (overload.params.length === args.length && overload.params.every((type, index) => accepts(type, args[index] ?? null)))
      return overload.call(args, meter)
  throw new EvaluationError(`no such overload: ${overloads[0]?.name ?? ''}(${args.map(typeNameOf).join(', ')})`)
}
