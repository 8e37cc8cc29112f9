import type { KubeObject } from '../../../meta/object.ts'
import { fromJson } from '../../cel/json.ts'
import { Meter } from '../../cel/meter.ts'
import { type Compiled, evaluateWithin, OUT_OF_BUDGET, type Outcome } from '../../cel/program.ts'
import { MapValue, type Value } from '../../cel/values.ts'
import { EvaluationError } from '../../cel/issue.ts'
import type { CompiledPolicy, CompiledValidation } from './compiled.ts'
import type { BoundPolicy } from './source.ts'

/** Units of work for one policy with one parameter. Source: apiserver, apis/cel/config.go. */
const POLICY_LIMIT = 10_000_000
const MAX_MESSAGE = 5_120

export interface Failure {
  readonly message: string
  /** A reason of Status: Invalid when the validation names none. */
  readonly reason: string
  /** The policy itself cannot be applied, whatever its binding does about failures. */
  readonly isConfiguration: boolean
}

export interface Subject {
  readonly variable: (name: string) => Value | undefined
  readonly params: KubeObject | null
}

/** What a policy has against a write, with one of its parameters. */
export function judge({ policy, compiled }: BoundPolicy, { variable: base, params }: Subject): readonly Failure[] {
  const parts = compiled()
  const isLenient = policy.spec.failurePolicy === 'Ignore'
  const meter = new Meter(POLICY_LIMIT)
  const variables = new Variables(parts.variables, (name) => variable(name), meter)
  const variable = (name: string): Value | undefined => {
    if (name === 'params') return fromJson(params)
    return name === 'variables' ? variables : base(name)
  }
  const verdict = parts.conditions(variable)
  if (verdict.problem !== undefined) return isLenient ? [] : [{ message: verdict.problem, reason: 'Invalid', isConfiguration: false }]
  if (!verdict.matches) return []
  const failures: Failure[] = []
  for (const one of parts.validations) {
    failures.push(...failureOf(one, { variable, meter, isLenient }))
    if (meter.left < 0) return isLenient ? [] : [{ message: OUT_OF_BUDGET, reason: 'Invalid', isConfiguration: false }]
  }
  return failures
}

interface Run {
  readonly variable: (name: string) => Value | undefined
  readonly meter: Meter
  readonly isLenient: boolean
}

function evaluate(compiled: Compiled, { variable, meter }: Run): Outcome {
  return 'problem' in compiled ? { error: compiled.problem, exceeded: false } : evaluateWithin(compiled.program, variable, meter)
}

function failureOf(one: CompiledValidation, run: Run): readonly Failure[] {
  const { expression, reason = 'Invalid' } = one.validation
  const outcome = evaluate(one.check, run)
  if ('error' in outcome) {
    if (run.isLenient) return []
    return [{ message: `expression '${expression.trim()}' resulted in error: ${outcome.error}`, reason: 'Invalid', isConfiguration: false }]
  }
  return outcome.value === true ? [] : [{ message: messageOf(one, run), reason, isConfiguration: false }]
}

function messageOf({ validation, message: compiled }: CompiledValidation, run: Run): string {
  const { message = '', expression } = validation
  const fallback = message.trim() === '' ? `failed expression: ${expression.trim()}` : message.trim()
  const outcome = compiled === undefined ? undefined : evaluate(compiled, run)
  if (outcome === undefined || 'error' in outcome || typeof outcome.value !== 'string') return fallback
  const text = outcome.value.trim()
  return text === '' || text.includes('\n') || text.length > MAX_MESSAGE ? fallback : text
}

/** `variables`: each is evaluated when it is first named, and once. */
class Variables extends MapValue {
  override readonly isObject = true
  readonly #programs: CompiledPolicy['variables']
  readonly #variable: (name: string) => Value | undefined
  readonly #meter: Meter
  readonly #outcomes = new Map<string, Outcome>()

  constructor(programs: CompiledPolicy['variables'], variable: (name: string) => Value | undefined, meter: Meter) {
    super()
    this.#programs = programs
    this.#variable = variable
    this.#meter = meter
  }

  get size(): number {
    return this.#programs.size
  }

  get(key: Value): Value | undefined {
    const compiled = typeof key === 'string' ? this.#programs.get(key) : undefined
    if (compiled === undefined || typeof key !== 'string') return undefined
    const outcome = this.#outcomes.get(key) ?? evaluate(compiled, { variable: this.#variable, meter: this.#meter, isLenient: false })
    this.#outcomes.set(key, outcome)
    if ('error' in outcome) throw new EvaluationError(`composited variable ${JSON.stringify(key)} fails to evaluate: ${outcome.error}`)
    return outcome.value
  }

  keys(): Iterable<Value> {
    return this.#programs.keys()
  }
}
