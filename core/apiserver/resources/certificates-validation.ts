import type { CertificateSigningRequest, CertificateSigningRequestCondition } from '../../api/types/certificates-v1.ts'
import { deepEqual } from '../../meta/deep-equal.ts'
import { duplicate, type FieldError, forbidden, invalid, notSupported, required } from '../../meta/field-error.ts'
import { dns1123SubdomainProblems } from '../../meta/names.ts'
import { checkRequired, checkRequiredEnum, type Problems } from './validation/common.ts'

const USAGES = [
  ...['signing', 'digital signature', 'content commitment', 'key encipherment', 'key agreement', 'data encipherment'],
  ...['cert sign', 'crl sign', 'encipher only', 'decipher only', 'any', 'server auth', 'client auth', 'code signing'],
  ...['email protection', 's/mime', 'ipsec end system', 'ipsec tunnel', 'ipsec user', 'timestamping', 'ocsp signing'],
  ...['microsoft sgc', 'netscape sgc'],
]
const LEGACY_SIGNER = 'kubernetes.io/legacy-unknown'
const MIN_SECONDS = 600

/** Source: shared validation facts, certificates.k8s.io/v1 CertificateSigningRequest. */
export function validateSigningRequest(next: CertificateSigningRequest, old: CertificateSigningRequest | undefined): readonly FieldError[] {
  const problems: Problems = []
  const { spec } = next
  const request = requestProblem(spec.request)
  if (request !== undefined) problems.push(invalid('spec.request', spec.request, request))
  checkUsages(spec.usages ?? [], problems)
  checkSigner(spec.signerName, problems)
  const seconds = spec.expirationSeconds
  if (seconds !== undefined && seconds < MIN_SECONDS)
    problems.push(invalid('spec.expirationSeconds', seconds, 'may not specify a duration less than 600 seconds (10 minutes)'))
  checkConditions(next.status.conditions ?? [], problems)
  if (old !== undefined) checkStatusChange(next, old, { approval: false, certificate: false }, problems)
  return problems
}

/** The bytes are PEM text in base64. */
function requestProblem(request: string): string | undefined {
  const text = Buffer.from(request, 'base64').toString('latin1')
  const type = /-----BEGIN ([^-]+)-----[\s\S]*-----END \1-----/.exec(text)?.[1]
  return type === 'CERTIFICATE REQUEST' ? undefined : 'PEM block type must be CERTIFICATE REQUEST'
}

function checkUsages(usages: readonly string[], problems: Problems): void {
  if (usages.length === 0) problems.push(required('spec.usages'))
  usages.forEach((usage, i) => {
    if (!USAGES.includes(usage)) problems.push(notSupported(`spec.usages[${i}]`, usage, USAGES))
    if (usages.indexOf(usage) < i) problems.push(duplicate(`spec.usages[${i}]`, usage))
  })
}

function checkSigner(name: string, problems: Problems): void {
  const [domain = '', ...rest] = name.split('/')
  if (name === '') problems.push(required('spec.signerName'))
  else if (rest.length !== 1 || domain === '' || rest[0] === '')
    problems.push(invalid('spec.signerName', name, "must be a fully qualified domain and path of the form 'example.com/signer-name'"))
  else {
    for (const text of dns1123SubdomainProblems(domain))
      problems.push(invalid('spec.signerName', name, `validating label ${JSON.stringify(domain)}: ${text}`))
    if (!domain.includes('.'))
      problems.push(invalid('spec.signerName', domain, 'should be a domain with at least two segments separated by dots'))
  }
  if (name === LEGACY_SIGNER) problems.push(invalid('spec.signerName', name, 'the legacy signerName is not allowed via this API version'))
}

type Conditions = readonly CertificateSigningRequestCondition[]

function checkConditions(conditions: Conditions, problems: Problems): void {
  const seen = new Set<string>()
  conditions.forEach(({ type, status }, i) => {
    const at = `status.conditions[${i}]`
    checkRequired(type, `${at}.type`, problems)
    const decision = type === 'Approved' || type === 'Denied' || type === 'Failed'
    checkRequiredEnum(status, `${at}.status`, decision ? ['True'] : ['False', 'True', 'Unknown'], problems)
    if (seen.has(type)) problems.push(duplicate(`${at}.type`, type))
    seen.add(type)
  })
  if (seen.has('Approved') && seen.has('Denied'))
    problems.push(invalid('status.conditions', conditions, 'Approved and Denied conditions are mutually exclusive'))
}

interface Allowed {
  readonly approval: boolean
  readonly certificate: boolean
}

/** Decisions are made through the approval subresource only and never taken back; a certificate is set once, through status. */
function checkStatusChange(next: CertificateSigningRequest, old: CertificateSigningRequest, allowed: Allowed, problems: Problems): void {
  for (const type of ['Approved', 'Denied', 'Failed'])
    checkDecision(type, next.status.conditions ?? [], old.status.conditions ?? [], { allowed, problems })
  const [before, after] = [old.status.certificate ?? '', next.status.certificate ?? '']
  if (after === before) return
  if (!allowed.certificate) problems.push(forbidden('status.certificate', 'updates may not set certificate content'))
  else if (before !== '') problems.push(forbidden('status.certificate', 'updates may not modify existing certificate content'))
}

function checkDecision(
  type: string,
  next: Conditions,
  old: Conditions,
  { allowed, problems }: { readonly allowed: Allowed; readonly problems: Problems },
): void {
  const before = old.filter((condition) => condition.type === type)
  const after = next.filter((condition) => condition.type === type)
  const text = JSON.stringify(type)
  const mayAdd = allowed.approval || type === 'Failed'
  if (before.length > after.length) problems.push(forbidden('status.conditions', `updates may not remove a condition of type ${text}`))
  else if (before.length < after.length) {
    if (!mayAdd) problems.push(forbidden('status.conditions', `updates may not add a condition of type ${text}`))
  } else if (!deepEqual(before, after))
    problems.push(forbidden('status.conditions', `updates may not modify a condition of type ${text}\n${JSON.stringify(after)}`))
}

export function validateSigningStatus(next: CertificateSigningRequest, old: CertificateSigningRequest): readonly FieldError[] {
  const problems: Problems = []
  checkConditions(next.status.conditions ?? [], problems)
  checkStatusChange(next, old, { approval: false, certificate: true }, problems)
  return problems
}

export function validateApproval(next: CertificateSigningRequest, old: CertificateSigningRequest): readonly FieldError[] {
  const problems: Problems = []
  checkConditions(next.status.conditions ?? [], problems)
  checkStatusChange(next, old, { approval: true, certificate: false }, problems)
  return problems
}
