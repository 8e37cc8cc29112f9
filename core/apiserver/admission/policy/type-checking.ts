import type { ExpressionWarning, NamedRuleWithOperations, ValidatingAdmissionPolicy } from '../../../api/types/admissionregistration-v1.ts'
import { apiVersionOf } from '../../../meta/resource-type.ts'
import { type AdmissionNames, admissionEnvironment } from '../../cel/admission.ts'
import { compile } from '../../cel/program.ts'
import { typeOfSchema } from '../../cel/schema-type.ts'
import { BOOL, DYN, STRING, type Type } from '../../cel/types.ts'
import type { ResourceDef } from '../../resources/resource-def.ts'

type Spec = ValidatingAdmissionPolicy['spec']

/** More kinds than these are not looked at. Source: apiserver, policy/validating, maxTypesToCheck. */
const MAX_KINDS = 10

/** What the fields of the kinds that a policy names tell about its expressions. Rules with stars name no kind. */
export function expressionWarnings(spec: Spec, defs: readonly ResourceDef[]): readonly ExpressionWarning[] {
  const kinds = defs.filter((def) => spec.matchConstraints?.resourceRules?.some((rule) => names(rule, def))).slice(0, MAX_KINDS)
  return (spec.validations ?? []).flatMap(({ expression, messageExpression = '' }, i) => [
    ...warningsOf(spec, kinds, { fieldRef: `spec.validations[${i}].expression`, expression, types: [BOOL] }),
    ...warningsOf(spec, kinds, { fieldRef: `spec.validations[${i}].messageExpression`, expression: messageExpression, types: [STRING] }),
  ])
}

function names({ apiGroups = [], apiVersions = [], resources = [] }: NamedRuleWithOperations, def: ResourceDef): boolean {
  return apiGroups.includes(def.group) && apiVersions.includes(def.version) && resources.includes(def.resource)
}

interface Checked {
  readonly fieldRef: string
  readonly expression: string
  readonly types: readonly Type[]
}

function warningsOf(spec: Spec, kinds: readonly ResourceDef[], { fieldRef, expression, types }: Checked): readonly ExpressionWarning[] {
  if (expression.trim() === '') return []
  const problems = kinds.flatMap((def) => {
    const compiled = compile(expression, admissionEnvironment(namesFor(spec, def)), types)
    if (!('problem' in compiled)) return []
    return [`${apiVersionOf(def)}, Kind=${def.kind}: ${compiled.problem.replace(/^compilation failed: /, '')}`]
  })
  return problems.length === 0 ? [] : [{ fieldRef, warning: problems.join('\n') }]
}

/** Variables that do not fit are told about where they stand; here they are open. */
function namesFor({ paramKind, variables = [] }: Spec, def: ResourceDef): AdmissionNames {
  const known = new Map<string, Type>()
  const all: AdmissionNames = { isPolicy: true, hasParams: paramKind !== undefined, variables: known, object: typeOfSchema(def.schema) }
  for (const { name, expression } of variables) {
    const compiled = compile(expression, admissionEnvironment({ ...all, variables: new Map(known) }), [DYN])
    known.set(name, 'program' in compiled ? compiled.program.type : DYN)
  }
  return all
}
