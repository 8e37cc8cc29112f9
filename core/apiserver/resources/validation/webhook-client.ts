import { X509Certificate } from 'node:crypto'
import type { WebhookClientConfig } from '../../../api/types/admissionregistration-v1.ts'
import { invalid, required } from '../../../meta/field-error.ts'
import { dns1035LabelProblems, dns1123SubdomainProblems, portNumberProblems } from '../../../meta/names.ts'
import { checkFormat, checkRequired, type Problems } from './common.ts'

export const REVIEW_VERSIONS = ['v1', 'v1beta1']

/** Versions of a review that a webhook accepts: each once, and one at least that we speak. */
export function checkReviewVersions(versions: readonly string[], path: string, problems: Problems): void {
  versions.forEach((version, i) => {
    if (versions.indexOf(version) < i) problems.push(invalid(`${path}[${i}]`, version, 'duplicate version'))
    else checkFormat(version, `${path}[${i}]`, dns1035LabelProblems, problems)
  })
  if (!versions.some((version) => REVIEW_VERSIONS.includes(version)))
    problems.push(invalid(path, versions, `must include at least one of ${REVIEW_VERSIONS.join(', ')}`))
}

/** How webhooks of admission and of conversion are reached. Source: apiserver, pkg/util/webhook/validation.go. */
export function checkWebhookClient({ url, service }: Pick<WebhookClientConfig, 'url' | 'service'>, path: string, problems: Problems): void {
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

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g

/** Why a bundle of authorities (base64 of PEM) is unusable; undefined for a good one. */
export function caBundleProblem(caBundle: string): string | undefined {
  const blocks = Buffer.from(caBundle, 'base64').toString().match(CERTIFICATE)
  if (blocks === null) return 'unable to load root certificates: unable to parse bytes as PEM block'
  try {
    for (const block of blocks) new X509Certificate(block)
    return undefined
  } catch {
    return 'unable to load root certificates: failed to parse certificate'
  }
}
