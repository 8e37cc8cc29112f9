import type { KubeObject } from '../../../meta/object.ts'
import { EvaluationError } from '../../cel/issue.ts'
import { fromJson } from '../../cel/json.ts'
import { Meter } from '../../cel/meter.ts'
import { type Compiled, evaluateWithin, OUT_OF_BUDGET, type Outcome } from '../../cel/program.ts'
import { MapValue, type Value } from '../../cel/values.ts'
import type { CompiledAnnotation, CompiledPolicy, CompiledValidation } from './compiled.ts'
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
  /** Place of the validation in the policy; 0 for what stands in none. */
  readonly index: number
}

/** Values for the audit record, by key. */
export type Annotations = readonly (readonly [key: string, value: string])[]

export interface Verdict {
  readonly failures: readonly Failure[]
  /** Of annotations that cannot be evaluated: they deny, whatever the binding does about failures. */
  readonly errors: readonly Failure[]
  readonly annotations: Annotations
}

export const NO_OBJECTION: Verdict = { failures: [], errors: [], annotations: [] }

export interface Subject {
  readonly variable: (name: string) => Value | undefined
  readonly params: KubeObject | null
}

/** What a policy has against a write, and what it wants recorded of it, with one of its parameters. */
export function judge({ policy, compiled }: BoundPolicy, { variable: base, params }: Subject): Verdict {
  const parts = compiled()
  const isLenient = policy.spec.failurePolicy === 'Ignore'
  const meter = new Meter(POLICY_LIMIT)
  const variables = new Variables(parts.variables, (name) => variable(name), meter)
  const variable = (name: string): Value | undefined => {
    if (name === 'params') return fromJson(params)
    return name === 'variables' ? variables : base(name)
  }
  const verdict = parts.conditions(variable)
  if (verdict.problem !== undefined) return isLenient ? NO_OBJECTION : refusedFor(verdict.problem)
  if (!verdict.matches) return NO_OBJECTION
  const run = { variable, meter, isLenient }
  const failures: Failure[] = []
  for (const [index, one] of parts.validations.entries()) {
    failures.push(...failureOf(one, run).map((found) => ({ ...found, index })))
    if (meter.left < 0) return isLenient ? NO_OBJECTION : refusedFor(OUT_OF_BUDGET)
  }
  const values = parts.annotations.map((one) => annotationOf(one, run))
  return {
    failures,
    errors: values.flatMap((value) => (value.error === undefined ? [] : [failure(value.error)])),
    annotations: values.flatMap((value) => (value.pair === undefined ? [] : [value.pair])),
  }
}

function refusedFor(problem: string): Verdict {
  return { ...NO_OBJECTION, failures: [failure(problem)] }
}

function failure(message: string, reason = 'Invalid'): Failure {
  return { message, reason, isConfiguration: false, index: 0 }
}

/** Longer values are cut. Source: apiserver, policy/validating, maxAuditAnnotationValueLength. */
const MAX_ANNOTATION = 10 * 1024

/** An empty value and null mean that there is nothing to record. */
function annotationOf(
  { key, expression, value }: CompiledAnnotation,
  run: Run,
): { readonly pair?: readonly [string, string]; readonly error?: string } {
  const outcome = evaluate(value, run)
  if ('error' in outcome) return run.isLenient ? {} : { error: `valueExpression '${expression}' resulted in error: ${outcome.error}` }
  const text = typeof outcome.value === 'string' ? outcome.value.trim() : ''
  return text === '' ? {} : { pair: [key, text.slice(0, MAX_ANNOTATION)] }
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
    return [failure(`expression '${expression.trim()}' resulted in error: ${outcome.error}`)]
  }
  return outcome.value === true ? [] : [failure(messageOf(one, run), reason)]
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
