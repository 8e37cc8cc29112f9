import type { MatchCondition } from '../../api/types/admissionregistration-v1.ts'
import type { Environment } from '../cel/environment.ts'
import { Meter } from '../cel/meter.ts'
import { compile, evaluateWithin, OUT_OF_BUDGET, type Program } from '../cel/program.ts'
import { BOOL } from '../cel/types.ts'
import type { Value } from '../cel/values.ts'

/** Units of work for all conditions of one webhook or policy. Source: apiserver, apis/cel/config.go. */
const CONDITIONS_LIMIT = 2_500_000

/** Whether conditions let a write through: with `problem` that cannot be said. */
export type Verdict = { readonly matches: boolean; readonly problem?: undefined } | { readonly problem: string }

export type Conditions = (variable: (name: string) => Value | undefined) => Verdict

interface Condition {
  readonly name: string
  readonly program: Program | undefined
  readonly problem: string
}

/**
 * All must hold. One that does not is enough to answer, whatever the others do; else one that fails makes the answer a problem.
 * Source: Kubernetes documentation, "Matching requests: matchConditions".
 */
export function compileConditions(conditions: readonly MatchCondition[], env: Environment): Conditions {
  const compiled = conditions.map(({ name, expression }): Condition => {
    const result = compile(expression, env, [BOOL])
    return 'program' in result ? { name, program: result.program, problem: '' } : { name, program: undefined, problem: result.problem }
  })
  return (variable) => {
    const meter = new Meter(CONDITIONS_LIMIT)
    let problem: string | undefined
    for (const { name, program, problem: broken } of compiled) {
      const outcome = program === undefined ? { error: broken } : evaluateWithin(program, variable, meter)
      if ('error' in outcome) problem ??= `failed to evaluate match condition ${JSON.stringify(name)}: ${outcome.error}`
      else if (outcome.value !== true) return { matches: false }
      if (meter.left < 0) return { problem: OUT_OF_BUDGET }
    }
    return problem === undefined ? { matches: true } : { problem }
  }
}
