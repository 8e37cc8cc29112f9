import type { ValidatingAdmissionPolicy, Validation } from '../../../api/types/admissionregistration-v1.ts'
import { type AdmissionNames, admissionEnvironment } from '../../cel/admission.ts'
import type { Environment } from '../../cel/environment.ts'
import { type Compiled, compile } from '../../cel/program.ts'
import { BOOL, DYN, NULL, STRING, type Type } from '../../cel/types.ts'
import { type Conditions, compileConditions } from '../conditions.ts'

/** The expressions of a policy. Those that do not compile say so when they are evaluated. */
export interface CompiledPolicy {
  readonly conditions: Conditions
  readonly variables: ReadonlyMap<string, Compiled>
  readonly validations: readonly CompiledValidation[]
  readonly annotations: readonly CompiledAnnotation[]
}

export interface CompiledAnnotation {
  readonly key: string
  readonly expression: string
  readonly value: Compiled
}

export interface CompiledValidation {
  readonly validation: Validation
  readonly check: Compiled
  readonly message: Compiled | undefined
}

/** One expression that does not compile. */
export interface ExpressionProblem {
  readonly field: string
  readonly expression: string
  readonly problem: string
}

type Spec = ValidatingAdmissionPolicy['spec']

/** Compiles every expression once; a broken one is kept as its error and told when it is evaluated. */
export function compilePolicy(spec: Spec): CompiledPolicy {
  const { names, variables } = compileVariables(spec)
  const env = admissionEnvironment(names)
  return {
    conditions: compileConditions(spec.matchConditions ?? [], conditionEnvironment(spec)),
    variables,
    validations: (spec.validations ?? []).map((validation) => ({
      validation,
      check: compile(validation.expression, env, [BOOL]),
      message: (validation.messageExpression ?? '') === '' ? undefined : compile(validation.messageExpression ?? '', env, [STRING]),
    })),
    annotations: (spec.auditAnnotations ?? []).map(({ key, valueExpression }) => ({
      key,
      expression: valueExpression,
      value: compile(valueExpression, env, [STRING, NULL]),
    })),
  }
}

/** Conditions come first, so they cannot name variables. */
function conditionEnvironment({ paramKind }: Spec): Environment {
  return admissionEnvironment({ isPolicy: true, hasParams: paramKind !== undefined })
}

/** Each variable may name those before it. */
function compileVariables({ paramKind, variables: list = [] }: Spec): {
  readonly names: AdmissionNames
  readonly variables: ReadonlyMap<string, Compiled>
} {
  const types = new Map<string, Type>()
  const variables = new Map<string, Compiled>()
  const names: AdmissionNames = { isPolicy: true, hasParams: paramKind !== undefined, variables: types }
  for (const { name, expression } of list) {
    const compiled = compile(expression, admissionEnvironment({ ...names, variables: new Map(types) }), [DYN])
    variables.set(name, compiled)
    types.set(name, 'program' in compiled ? compiled.program.type : DYN)
  }
  return { names, variables }
}

/** Every expression of a policy that does not compile, by its field. */
export function policyProblems(spec: Spec): readonly ExpressionProblem[] {
  const { names, variables } = compileVariables(spec)
  const env = admissionEnvironment(names)
  const conditionEnv = conditionEnvironment(spec)
  const checked = (field: string, expression: string, compiled: Compiled): readonly ExpressionProblem[] =>
    'problem' in compiled && expression.trim() !== '' ? [{ field, expression, problem: compiled.problem }] : []
  return [
    ...(spec.variables ?? []).flatMap(({ name, expression }, i) => {
      const compiled = variables.get(name)
      return compiled === undefined ? [] : checked(`spec.variables[${i}].expression`, expression, compiled)
    }),
    ...(spec.matchConditions ?? []).flatMap(({ expression }, i) =>
      checked(`spec.matchConditions[${i}].expression`, expression, compile(expression, conditionEnv, [BOOL])),
    ),
    ...(spec.validations ?? []).flatMap(({ expression, messageExpression = '' }, i) => [
      ...checked(`spec.validations[${i}].expression`, expression, compile(expression, env, [BOOL])),
      ...checked(`spec.validations[${i}].messageExpression`, messageExpression, compile(messageExpression, env, [STRING])),
    ]),
    ...(spec.auditAnnotations ?? []).flatMap(({ valueExpression }, i) =>
      checked(`spec.auditAnnotations[${i}].valueExpression`, valueExpression, compile(valueExpression, env, [STRING, NULL])),
    ),
  ]
}
