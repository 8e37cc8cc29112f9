import type { Environment } from './environment.ts'
import { check } from './checker.ts'
import { link } from './evaluator.ts'
import { CostError, describeIssue, EvaluationError, Issue } from './issue.ts'
import { Meter } from './meter.ts'
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

/** Units of work that one expression may take. Source: apiserver, apis/cel/config.go. */
const CALL_LIMIT = 1_000_000

/** What Kubernetes says when the limit of all is reached. Source: apiserver, cel, ErrOutOfBudget. */
export const OUT_OF_BUDGET = 'validation failed due to running out of cost budget, no further validation rules will be run'

/** Evaluates with the limit of one expression, within what is left of `total` for all that belong together. Never throws. */
export function evaluateWithin({ evaluate }: Program, variable: (name: string) => Value | undefined, total: Meter): Outcome {
  const meter = new Meter(Math.min(CALL_LIMIT, total.left))
  const result = evaluate(variable, meter)
  total.charge(meter.spent)
  return result
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
