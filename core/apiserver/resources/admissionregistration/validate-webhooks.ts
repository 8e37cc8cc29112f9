import type {
  MutatingWebhook,
  MutatingWebhookConfiguration,
  ValidatingWebhook,
  ValidatingWebhookConfiguration,
  WebhookClientConfig,
} from '../../../api/types/admissionregistration-v1.ts'
import { deepEqual } from '../../../meta/deep-equal.ts'
import { duplicate, type FieldError, invalid, required } from '../../../meta/field-error.ts'
import { dns1035LabelProblems, dns1123SubdomainProblems, portNumberProblems } from '../../../meta/names.ts'
import { checkEnum, checkFormat, checkRequired, type Problems } from '../validation/common.ts'
import { checkLabelSelector } from '../validation/labels.ts'
import { checkConditionExpressions, checkMatchConditions, checkRule, FAILURE_POLICIES, MATCH_POLICIES } from './validate-rules.ts'

type Webhook = ValidatingWebhook | MutatingWebhook
type Configuration = ValidatingWebhookConfiguration | MutatingWebhookConfiguration

const SIDE_EFFECTS = ['None', 'NoneOnDryRun']
const REVIEW_VERSIONS = ['v1', 'v1beta1']
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
  checkReviewVersions(webhook.admissionReviewVersions, `${path}.admissionReviewVersions`, problems)
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
  checkClient(webhook.clientConfig, `${path}.clientConfig`, problems)
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

function checkReviewVersions(versions: readonly string[], path: string, problems: Problems): void {
  if (versions.length === 0) {
    problems.push(required(path, `must specify one of ${REVIEW_VERSIONS.join(', ')}`))
    return
  }
  versions.forEach((version, i) => {
    if (versions.indexOf(version) < i) problems.push(invalid(`${path}[${i}]`, version, 'duplicate version'))
    else checkFormat(version, `${path}[${i}]`, dns1035LabelProblems, problems)
  })
  if (!versions.some((version) => REVIEW_VERSIONS.includes(version)))
    problems.push(invalid(path, versions, `must include at least one of ${REVIEW_VERSIONS.join(', ')}`))
}

function checkClient({ url, service }: WebhookClientConfig, path: string, problems: Problems): void {
  if ((url === undefined) === (service === undefined)) {
    problems.push(required(path, 'exactly one of url or service is required'))
    return
  }
  if (url !== undefined) checkUrl(url, `${path}.url`, problems)
  if (service === undefined) return
  const at = `${path}.service`
  checkRequired(service.name, `${at}.name`, problems, 'service name is required')
  checkRequired(service.namespace, `${at}.namespace`, problems, 'service namespace is required')
  for (const text of portNumberProblems(service.port ?? 0))
    problems.push(invalid(`${at}.port`, service.port ?? 0, `port is not valid: ${text}`))
  if (service.path !== undefined) checkServicePath(service.path, `${at}.path`, problems)
}

const URL_FORM = '; desired format: https://host[/path]'

/** Only HTTPS, and nothing that belongs into the request. */
function checkUrl(url: string, path: string, problems: Problems): void {
  if (!URL.canParse(url)) {
    problems.push(required(path, `url must be a valid URL: parse ${JSON.stringify(url)}${URL_FORM}`))
    return
  }
  const parsed = new URL(url)
  const fail = (value: string, text: string): void => {
    problems.push(invalid(path, value, `${text}${URL_FORM}`))
  }
  if (parsed.protocol !== 'https:') fail(parsed.protocol.slice(0, -1), "'https' is the only allowed URL scheme")
  if (parsed.host === '') fail(parsed.host, 'host must be specified')
  if (parsed.username !== '') fail(parsed.username, 'user information is not permitted in the URL')
  if (parsed.hash !== '') fail(parsed.hash.slice(1), 'fragments are not permitted in the URL')
  if (parsed.search !== '') fail(parsed.search.slice(1), 'query parameters are not permitted in the URL')
}

function checkServicePath(text: string, path: string, problems: Problems): void {
  const fail = (problem: string): void => {
    problems.push(invalid(path, text, problem))
  }
  if (!text.startsWith('/')) {
    fail("must start with a '/'")
    return
  }
  if (text === '/') return
  const parts = text.slice(1).replace(/\/$/, '').split('/')
  parts.forEach((part, i) => {
    if (part === '') fail(`segment[${i}] may not be empty`)
    else for (const problem of dns1123SubdomainProblems(part)) fail(`segment[${i}]: ${problem}`)
  })
}
