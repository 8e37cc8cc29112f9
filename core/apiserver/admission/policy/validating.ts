import type { StatusReason } from '../../../meta/status-error.ts'
import { STATUS_CODES, StatusError } from '../../../meta/status-error.ts'
import type { AdmissionAttributes, AdmissionPlugin } from '../admission.ts'
import { denied } from '../denied.ts'
import { requestVariables } from '../request-variables.ts'
import type { MatchDeps } from '../webhook/match.ts'
import { type Annotations, type Failure, judge, NO_OBJECTION, type Verdict } from './judge.ts'
import { matchResources } from './match.ts'
import { collectParams, type ParamDeps } from './params.ts'
import { type BoundPolicy, boundPolicies } from './source.ts'

export interface PolicyDeps extends MatchDeps, ParamDeps {}

/** Policies about policies could lock everybody out. */
const EXEMPT: ReadonlySet<string> = new Set([
  'validatingadmissionpolicies',
  'validatingadmissionpolicybindings',
  'mutatingadmissionpolicies',
  'mutatingadmissionpolicybindings',
])

/** Admission by the expressions of ValidatingAdmissionPolicies. Source: apiserver, admission/plugin/policy/validating. */
export function validatingAdmissionPolicy(deps: PolicyDeps): AdmissionPlugin {
  const bound = boundPolicies(deps.reader)
  return {
    name: 'ValidatingAdmissionPolicy',
    handles: ({ def }) => bound().length > 0 && !(def.group === 'admissionregistration.k8s.io' && EXEMPT.has(def.resource)),
    validate: (attributes) => {
      const annotations = new Map<string, Set<string>>()
      const refusals = bound().flatMap((one) => outcome(one, attributes, { ...deps, annotations }))
      for (const [key, values] of annotations) attributes.annotate?.(key, [...values].join(', '))
      const [first] = refusals
      if (first !== undefined) throw refusal(attributes, first)
    },
  }
}

interface Refusal {
  readonly text: string
  readonly reason: string
}

/** Values for the audit record, by key; those of all bindings of a policy are told together. */
type Collected = Map<string, Set<string>>

/** Warns, records, and answers what is to be refused. */
function outcome(
  one: BoundPolicy,
  attributes: AdmissionAttributes,
  deps: PolicyDeps & { readonly annotations: Collected },
): readonly Refusal[] {
  const { policy, binding } = one
  const { failures, errors, annotations } = verdictOf(one, attributes, deps)
  collect(deps.annotations, policy.metadata.name, annotations)
  if (failures.length === 0 && errors.length === 0) return []
  const names = `'${policy.metadata.name}' with binding '${binding.metadata.name}'`
  const actions = binding.spec.validationActions ?? []
  if (actions.includes('Warn'))
    for (const { message } of failures) attributes.warn(`Validation failed for ValidatingAdmissionPolicy ${names}: ${message}`)
  if (actions.includes('Audit')) for (const failure of failures) recordFailure(attributes, one, failure)
  const denials = [...failures.filter(({ isConfiguration }) => isConfiguration || actions.includes('Deny')), ...errors]
  return denials.map(({ message, reason, isConfiguration }) => ({
    text: isConfiguration
      ? `ValidatingAdmissionPolicy ${names} configuration error: ${message}`
      : `ValidatingAdmissionPolicy ${names} denied request: ${message}`,
    reason,
  }))
}

function collect(into: Collected, policy: string, annotations: Annotations): void {
  for (const [key, value] of annotations) {
    const full = `${policy}/${key}`
    const values = into.get(full) ?? new Set()
    into.set(full, values.add(value))
  }
}

/** The first of a request stays. Source: apiserver, policy/validating/dispatcher.go. */
function recordFailure(
  { annotate }: AdmissionAttributes,
  { policy, binding }: BoundPolicy,
  { message, index, isConfiguration }: Failure,
): void {
  if (isConfiguration || annotate === undefined) return
  const names = { policy: policy.metadata.name, binding: binding.metadata.name }
  const value = [{ message, ...names, expressionIndex: index, validationActions: binding.spec.validationActions ?? [] }]
  annotate('validation.policy.admission.k8s.io/validation_failure', JSON.stringify(value))
}

function verdictOf(one: BoundPolicy, attributes: AdmissionAttributes, deps: PolicyDeps): Verdict {
  const { policy, binding } = one
  const { matchConstraints, failurePolicy } = policy.spec
  const def = matchConstraints === undefined ? undefined : matchResources(matchConstraints, attributes, deps)
  if (def === undefined) return NO_OBJECTION
  if (binding.spec.matchResources !== undefined && matchResources(binding.spec.matchResources, attributes, deps) === undefined)
    return NO_OBJECTION
  const found = collectParams(one, attributes, deps)
  if ('problem' in found)
    return failurePolicy === 'Ignore'
      ? NO_OBJECTION
      : {
          ...NO_OBJECTION,
          failures: [{ message: `failed to configure binding: ${found.problem}`, reason: 'Invalid', isConfiguration: true, index: 0 }],
        }
  const variable = requestVariables(attributes, def, deps)
  const verdicts = found.params.map((params) => judge(one, { variable, params }))
  return {
    failures: verdicts.flatMap(({ failures }) => failures),
    errors: verdicts.flatMap(({ errors }) => errors),
    annotations: verdicts.flatMap(({ annotations }) => annotations),
  }
}

/** `deployments.apps "web" is forbidden: …` with the reason and code that the validation asks for. */
function refusal(attributes: AdmissionAttributes, { text, reason }: Refusal): StatusError {
  const { message, details } = denied(attributes, text)
  const known = reason as StatusReason
  return new StatusError(known, message, { ...details, causes: [{ message: text }] }, { code: STATUS_CODES[known] })
}
