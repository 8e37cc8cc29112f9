import type { Environment } from './environment.ts'
import { check } from './checker.ts'
import { link } from './evaluator.ts'
import { CostError, describeIssue, EvaluationError, Issue } from './issue.ts'
import type { Meter } from './meter.ts'
import { parse } from './parser.ts'
import { showType, type Type } from './types.ts'
import type { Value } from './values.ts'

export interface Program {
  readonly type: Type
  /** The variables it names. */
  readonly uses: ReadonlySet<string>
  /** `variable` answers the environment's variables, undefined for one that is absent. Never throws. */
  readonly evaluate: (variable: (name: string) => Value | undefined, meter: Meter) => Outcome
}

export type Outcome =
  | { readonly value: Value }
  /** `exceeded`: the meter's limit was passed; what follows would fail as well. */
  | { readonly error: string; readonly exceeded: boolean }

export type Compiled = { readonly program: Program } | { readonly problem: string }

/** Parses and checks an expression that must be of one of `types` (or dyn). Never throws. */
export function compile(source: string, env: Environment, types: readonly Type[]): Compiled {
  try {
    const expr = parse(source, (name) => env.isQualified(name))
    const type = check(expr, env)
    if (type.kind !== 'dyn' && !types.some((wanted) => wanted.kind === 'dyn' || showType(wanted) === showType(type)))
      return { problem: `must evaluate to ${types.map(showType).join(' or ')}` }
    const uses = new Set<string>()
    const run = link(expr, env, uses)
    return { program: { type, uses, evaluate: (variable, meter) => outcome(() => run({ variable, meter, locals: [] })) } }
  } catch (err) {
    if (err instanceof Issue) return { problem: `compilation failed: ${describeIssue(source, err)}` }
    throw err
  }
}

function outcome(run: () => Value): Outcome {
  try {
    return { value: run() }
  } catch (err) {
    if (err instanceof CostError) return { error: err.message, exceeded: true }
    if (err instanceof EvaluationError) return { error: err.message, exceeded: false }
    // Strings longer than the engine can hold, and nesting deeper than its stack.
    if (err instanceof RangeError) return { error: 'operation cancelled: actual cost limit exceeded', exceeded: true }
    throw err
  }
}
