import type {
  MatchResources,
  MutatingWebhook,
  NamedRuleWithOperations,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  ValidatingWebhook,
} from '../../../api/types/admissionregistration-v1.ts'
import type { Work } from '../resource-def.ts'

const TIMEOUT_SECONDS = 10

/** Source for this file: shared facts on defaults, admissionregistration.k8s.io_v1. */
export function defaultWebhook(webhook: Work<ValidatingWebhook> | Work<MutatingWebhook>): void {
  webhook.failurePolicy ??= 'Fail'
  webhook.matchPolicy ??= 'Equivalent'
  webhook.namespaceSelector ??= {}
  webhook.objectSelector ??= {}
  webhook.timeoutSeconds ??= TIMEOUT_SECONDS
  if (webhook.clientConfig.service !== undefined) webhook.clientConfig.service.port ??= 443
  for (const rule of webhook.rules ?? []) rule.scope ??= '*'
}

export function defaultPolicy({ spec }: Work<ValidatingAdmissionPolicy>): void {
  spec.failurePolicy ??= 'Fail'
  if (spec.matchConstraints !== undefined) defaultMatch(spec.matchConstraints)
}

export function defaultPolicyBinding({ spec }: Work<ValidatingAdmissionPolicyBinding>): void {
  if (spec.matchResources !== undefined) defaultMatch(spec.matchResources)
}

function defaultMatch(match: Work<MatchResources>): void {
  match.matchPolicy ??= 'Equivalent'
  match.namespaceSelector ??= {}
  match.objectSelector ??= {}
  defaultRules(match.resourceRules)
  defaultRules(match.excludeResourceRules)
}

function defaultRules(rules: Work<NamedRuleWithOperations>[] | undefined): void {
  for (const rule of rules ?? []) rule.scope ??= '*'
}
