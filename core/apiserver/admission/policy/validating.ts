import type { StatusReason } from '../../../meta/status-error.ts'
import { STATUS_CODES, StatusError } from '../../../meta/status-error.ts'
import type { AdmissionAttributes, AdmissionPlugin } from '../admission.ts'
import { denied } from '../denied.ts'
import { requestVariables } from '../request-variables.ts'
import type { MatchDeps } from '../webhook/match.ts'
import { type Failure, judge } from './judge.ts'
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
      const refusals = bound().flatMap((one) => outcome(one, attributes, deps))
      const [first] = refusals
      if (first !== undefined) throw refusal(attributes, first)
    },
  }
}

interface Refusal {
  readonly text: string
  readonly reason: string
}

/** Warns, and answers what is to be refused. */
function outcome(one: BoundPolicy, attributes: AdmissionAttributes, deps: PolicyDeps): readonly Refusal[] {
  const { policy, binding } = one
  const failures = failuresOf(one, attributes, deps)
  if (failures.length === 0) return []
  const names = `'${policy.metadata.name}' with binding '${binding.metadata.name}'`
  const actions = binding.spec.validationActions ?? []
  if (actions.includes('Warn'))
    for (const { message } of failures) attributes.warn(`Validation failed for ValidatingAdmissionPolicy ${names}: ${message}`)
  const denials = failures.filter(({ isConfiguration }) => isConfiguration || actions.includes('Deny'))
  return denials.map(({ message, reason, isConfiguration }) => ({
    text: isConfiguration
      ? `ValidatingAdmissionPolicy ${names} configuration error: ${message}`
      : `ValidatingAdmissionPolicy ${names} denied request: ${message}`,
    reason,
  }))
}

function failuresOf(one: BoundPolicy, attributes: AdmissionAttributes, deps: PolicyDeps): readonly Failure[] {
  const { policy, binding } = one
  const { matchConstraints, failurePolicy } = policy.spec
  const def = matchConstraints === undefined ? undefined : matchResources(matchConstraints, attributes, deps)
  if (def === undefined) return []
  if (binding.spec.matchResources !== undefined && matchResources(binding.spec.matchResources, attributes, deps) === undefined) return []
  const found = collectParams(one, attributes, deps)
  if ('problem' in found)
    return failurePolicy === 'Ignore'
      ? []
      : [{ message: `failed to configure binding: ${found.problem}`, reason: 'Invalid', isConfiguration: true }]
  const variable = requestVariables(attributes, def, deps)
  return found.params.flatMap((params) => judge(one, { variable, params }))
}

/** `deployments.apps "web" is forbidden: …` with the reason and code that the validation asks for. */
function refusal(attributes: AdmissionAttributes, { text, reason }: Refusal): StatusError {
  const { message, details } = denied(attributes, text)
  const known = reason as StatusReason
  return new StatusError(known, message, { ...details, causes: [{ message: text }] }, { code: STATUS_CODES[known] })
}
