import type {
  MutatingWebhook,
  MutatingWebhookConfiguration,
  ValidatingWebhook,
  ValidatingWebhookConfiguration,
} from '../../../api/types/admissionregistration-v1.ts'
import { deepEqual } from '../../../meta/deep-equal.ts'
import { duplicate, type FieldError, invalid, required } from '../../../meta/field-error.ts'
import { dns1123SubdomainProblems } from '../../../meta/names.ts'
import { checkEnum, checkFormat, type Problems } from '../validation/common.ts'
import { checkLabelSelector } from '../validation/labels.ts'
import { checkReviewVersions, checkWebhookClient, REVIEW_VERSIONS } from '../validation/webhook-client.ts'
import { checkConditionExpressions, checkMatchConditions, checkRule, FAILURE_POLICIES, MATCH_POLICIES } from './validate-rules.ts'

type Webhook = ValidatingWebhook | MutatingWebhook
type Configuration = ValidatingWebhookConfiguration | MutatingWebhookConfiguration

const SIDE_EFFECTS = ['None', 'NoneOnDryRun']
const MAX_TIMEOUT_SECONDS = 30

/** Source: shared validation facts, admissionregistration/ValidatingWebhook and MutatingWebhook. */
export function validateWebhooks({ webhooks }: Configuration, old: Configuration | undefined): readonly FieldError[] {
  const problems: Problems = []
  const names = new Set<string>()
  webhooks?.forEach((webhook, i) => {
    const at = `webhooks[${i}]`
    checkWebhook(webhook, at, problems)
    const { matchConditions = [] } = webhook
    // What was accepted once stays, so that other changes remain possible.
    if (!deepEqual(matchConditions, old?.webhooks?.[i]?.matchConditions ?? []))
      checkConditionExpressions(matchConditions, `${at}.matchConditions`, problems)
    const { reinvocationPolicy } = webhook as Partial<MutatingWebhook>
    checkEnum(reinvocationPolicy, `${at}.reinvocationPolicy`, ['IfNeeded', 'Never'], problems)
    if (names.has(webhook.name)) problems.push(duplicate(`${at}.name`, webhook.name))
    names.add(webhook.name)
  })
  return problems
}

function checkWebhook(webhook: Webhook, path: string, problems: Problems): void {
  checkQualified(webhook.name, `${path}.name`, problems)
  const versions = webhook.admissionReviewVersions
  if (versions.length > 0) checkReviewVersions(versions, `${path}.admissionReviewVersions`, problems)
  else problems.push(required(`${path}.admissionReviewVersions`, `must specify one of ${REVIEW_VERSIONS.join(', ')}`))
  webhook.rules?.forEach((rule, i) => {
    checkRule(rule, `${path}.rules[${i}]`, problems)
  })
  checkEnum(webhook.failurePolicy, `${path}.failurePolicy`, FAILURE_POLICIES, problems)
  checkEnum(webhook.matchPolicy, `${path}.matchPolicy`, MATCH_POLICIES, problems)
  const effects = (webhook.sideEffects as string | null) ?? ''
  if (effects === '') problems.push(required(`${path}.sideEffects`, `must specify one of ${SIDE_EFFECTS.join(', ')}`))
  else checkEnum(effects, `${path}.sideEffects`, SIDE_EFFECTS, problems)
  const seconds = webhook.timeoutSeconds
  if (seconds !== undefined && (seconds < 1 || seconds > MAX_TIMEOUT_SECONDS))
    problems.push(invalid(`${path}.timeoutSeconds`, seconds, 'the timeout value must be between 1 and 30 seconds'))
  checkLabelSelector(webhook.namespaceSelector, `${path}.namespaceSelector`, problems)
  checkLabelSelector(webhook.objectSelector, `${path}.objectSelector`, problems)
  checkWebhookClient(webhook.clientConfig, `${path}.clientConfig`, problems)
  if (webhook.matchConditions !== undefined) checkMatchConditions(webhook.matchConditions, `${path}.matchConditions`, problems)
}

/** `name.example.com`: a name within a domain of at least two parts. */
function checkQualified(name: string, path: string, problems: Problems): void {
  if (name === '') {
    problems.push(required(path))
    return
  }
  checkFormat(name, path, dns1123SubdomainProblems, problems)
  if (name.split('.').length < 3) problems.push(invalid(path, name, 'should be a domain with at least three segments separated by dots'))
}
