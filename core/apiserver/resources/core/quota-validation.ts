import { isHugePages } from '../../../api/rules/pod-resources.ts'
import type { LimitRange, LimitRangeItem, ResourceQuota, ResourceQuotaSpec } from '../../../api/types/core-v1.ts'
import { deepEqual } from '../../../meta/deep-equal.ts'
import { duplicate, type FieldError, forbidden, invalid, required } from '../../../meta/field-error.ts'
import { qualifiedNameProblems } from '../../../meta/names.ts'
import { compareQuantity, parseQuantity, toApproximate } from '../../../meta/quantity.ts'
import { checkResourceName, checkResourceQuantity } from '../pod/validate/resources.ts'
import { checkFormat, IMMUTABLE, type Problems } from '../validation/common.ts'

const STANDARD_TYPES = new Set(['Pod', 'Container', 'PersistentVolumeClaim'])
const LISTS = ['max', 'min', 'default', 'defaultRequest', 'maxLimitRequestRatio'] as const

/** Source: shared validation facts, core/v1 LimitRange. */
export function validateLimitRange({ spec }: LimitRange): readonly FieldError[] {
  const problems: Problems = []
  const types = new Set<string>()
  spec.limits.forEach((item, i) => {
    const at = `spec.limits[${i}]`
    const before = problems.length
    checkFormat(item.type, `${at}.type`, qualifiedNameProblems, problems)
    if (problems.length === before && !item.type.includes('/') && !STANDARD_TYPES.has(item.type))
      problems.push(invalid(`${at}.type`, item.type, 'must be a standard limit type or fully qualified'))
    if (types.has(item.type)) problems.push(duplicate(`${at}.type`, item.type))
    types.add(item.type)
    checkItem(item, at, problems)
  })
  return problems
}

function checkItem(item: LimitRangeItem, path: string, problems: Problems): void {
  const names = new Set<string>()
  for (const list of LISTS)
    for (const name of Object.keys(item[list] ?? {})) {
      checkResourceName(name, `${path}.${list}[${name}]`, problems)
      names.add(name)
    }
  if (item.type === 'Pod')
    for (const list of ['default', 'defaultRequest'] as const)
      if (Object.keys(item[list] ?? {}).length > 0) problems.push(forbidden(`${path}.${list}`, "may not be specified when `type` is 'Pod'"))
  if (item.type === 'PersistentVolumeClaim' && item.min?.['storage'] === undefined && item.max?.['storage'] === undefined)
    problems.push(required(`${path}.limits`, 'either minimum or maximum storage value is required, but neither was provided'))
  for (const name of names) checkBounds(item, name, path, problems)
}

type Pair = readonly [list: (typeof LISTS)[number], small: (typeof LISTS)[number], large: (typeof LISTS)[number], text: string]

/** In every pair the first amount may not be above the second; `list` is where a breach is reported. */
const ORDER: readonly Pair[] = [
  ['min', 'min', 'max', 'min value %a is greater than max value %b'],
  ['defaultRequest', 'min', 'defaultRequest', 'min value %a is greater than default request value %b'],
  ['defaultRequest', 'defaultRequest', 'max', 'default request value %a is greater than max value %b'],
  ['defaultRequest', 'defaultRequest', 'default', 'default request value %a is greater than default limit value %b'],
  ['default', 'min', 'default', 'min value %a is greater than default value %b'],
  ['default', 'default', 'max', 'default value %a is greater than max value %b'],
]

function checkBounds(item: LimitRangeItem, name: string, path: string, problems: Problems): void {
  for (const [list, small, large, text] of ORDER) {
    const [a, b] = [item[small]?.[name], item[large]?.[name]]
    if (a === undefined || b === undefined || compareQuantity(parseQuantity(a), parseQuantity(b)) <= 0) continue
    // An absent member of a pair is never reported, so `list` is there.
    problems.push(invalid(`${path}.${list}[${name}]`, item[list]?.[name], text.replace('%a', a).replace('%b', b)))
  }
  checkRatio(item, name, `${path}.maxLimitRequestRatio[${name}]`, problems)
  const [limit, request] = [item.default?.[name], item.defaultRequest?.[name]]
  const overcommits = !isHugePages(name) && (!name.includes('/') || name.includes('kubernetes.io/'))
  if (limit !== undefined && request !== undefined && !overcommits && limit !== request)
    problems.push(
      invalid(
        `${path}.defaultRequest[${name}]`,
        request,
        `default value ${limit} must equal to defaultRequest value ${request} in ${name}`,
      ),
    )
}

function checkRatio({ maxLimitRequestRatio, max, min }: LimitRangeItem, name: string, path: string, problems: Problems): void {
  const text = maxLimitRequestRatio?.[name]
  if (text === undefined) return
  const ratio = toApproximate(parseQuantity(text))
  if (ratio < 1) problems.push(invalid(path, text, `ratio ${text} is less than 1`))
  const [high, low] = [max?.[name], min?.[name]]
  if (high === undefined || low === undefined) return
  const limit = toApproximate(parseQuantity(high)) / toApproximate(parseQuantity(low))
  if (ratio > limit) problems.push(invalid(path, text, `ratio ${text} is greater than max/min = ${limit.toFixed(6)}`))
}

const QUOTA_RESOURCES = new Set([
  ...['cpu', 'memory', 'ephemeral-storage', 'requests.cpu', 'requests.memory', 'requests.storage', 'requests.ephemeral-storage'],
  ...['limits.cpu', 'limits.memory', 'limits.ephemeral-storage', 'pods', 'resourcequotas', 'services', 'replicationcontrollers'],
  ...['secrets', 'persistentvolumeclaims', 'configmaps', 'services.nodeports', 'services.loadbalancers'],
])
const COMPUTE_SCOPE = new Set([
  ...['pods', 'cpu', 'memory', 'requests.cpu', 'requests.memory', 'limits.cpu', 'limits.memory'],
  ...['ephemeral-storage', 'requests.ephemeral-storage', 'limits.ephemeral-storage'],
])
const SCOPES = new Set([
  ...['Terminating', 'NotTerminating', 'BestEffort', 'NotBestEffort', 'PriorityClass', 'CrossNamespacePodAffinity'],
  'VolumeAttributesClass',
])
const CONFLICTS = [
  ['BestEffort', 'NotBestEffort'],
  ['Terminating', 'NotTerminating'],
] as const

/** Source: shared validation facts, core/v1 ResourceQuota. */
export function validateResourceQuota(next: ResourceQuota, old: ResourceQuota | undefined): readonly FieldError[] {
  const problems: Problems = []
  checkAmounts(next.spec.hard, 'spec.hard', problems)
  checkScopes(next.spec, problems)
  checkScopeSelector(next.spec, problems)
  checkAmounts(next.status.hard, 'status.hard', problems)
  checkAmounts(next.status.used, 'status.used', problems)
  if (old !== undefined && !deepEqual(scopeSet(next.spec), scopeSet(old.spec)))
    problems.push(invalid('spec.scopes', next.spec.scopes ?? null, IMMUTABLE))
  return problems
}

const scopeSet = ({ scopes }: ResourceQuotaSpec): readonly string[] => [...new Set<string>(scopes)].sort()

export function validateResourceQuotaStatus({ status }: ResourceQuota): readonly FieldError[] {
  const problems: Problems = []
  checkAmounts(status.hard, 'status.hard', problems)
  checkAmounts(status.used, 'status.used', problems)
  return problems
}

function checkAmounts(list: Readonly<Record<string, string>> | undefined, path: string, problems: Problems): void {
  for (const [name, text] of Object.entries(list ?? {})) {
    const at = `${path}[${name}]`
    const before = problems.length
    checkFormat(name, at, qualifiedNameProblems, problems)
    const hugePages = /^(requests\.|limits\.)?hugepages-/.test(name)
    if (problems.length === before && !name.includes('/') && !QUOTA_RESOURCES.has(name) && !hugePages)
      problems.push(invalid(at, name, 'must be a standard resource for quota'))
    checkResourceQuantity(name, text, at, problems)
  }
}

/** Which resources a scope can count: pods alone for those about the quality of pods. */
function fitsScope(scope: string, resource: string): boolean {
  if (scope === 'BestEffort') return resource === 'pods'
  if (scope === 'VolumeAttributesClass') return resource === 'persistentvolumeclaims' || resource === 'requests.storage'
  return COMPUTE_SCOPE.has(resource) || resource.startsWith('requests.hugepages-')
}

function checkScopes({ scopes = [], hard = {} }: ResourceQuotaSpec, problems: Problems): void {
  for (const scope of scopes) {
    if (!SCOPES.has(scope)) problems.push(invalid('spec.scopes', scopes, 'unsupported scope'))
    for (const resource of Object.keys(hard).sort())
      if (QUOTA_RESOURCES.has(resource) && !fitsScope(scope, resource))
        problems.push(invalid('spec.scopes', scopes, 'unsupported scope applied to resource'))
  }
  if (CONFLICTS.some(([a, b]) => scopes.includes(a) && scopes.includes(b)))
    problems.push(invalid('spec.scopes', scopes, 'conflicting scopes'))
}

const EXISTS_ONLY = new Set(['Terminating', 'NotTerminating', 'BestEffort', 'NotBestEffort', 'CrossNamespacePodAffinity'])
const EXISTS_TEXT =
  "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity"

function checkScopeSelector({ scopeSelector, hard = {} }: ResourceQuotaSpec, problems: Problems): void {
  const path = 'spec.scopeSelector.matchExpressions'
  const expressions = scopeSelector?.matchExpressions ?? []
  for (const { scopeName, operator, values = [] } of expressions) {
    if (!SCOPES.has(scopeName)) problems.push(invalid(`${path}.scopeName`, scopeName, 'unsupported scope'))
    for (const resource of Object.keys(hard).sort())
      if (QUOTA_RESOURCES.has(resource) && !fitsScope(scopeName, resource))
        problems.push(invalid(path, expressions, 'unsupported scope applied to resource'))
    if (EXISTS_ONLY.has(scopeName) && operator !== 'Exists') problems.push(invalid(`${path}.operator`, operator, EXISTS_TEXT))
    checkOperator(operator, values, path, problems)
  }
  const names: readonly string[] = expressions.map(({ scopeName }) => scopeName)
  if (CONFLICTS.some(([a, b]) => names.includes(a) && names.includes(b))) problems.push(invalid(path, expressions, 'conflicting scopes'))
}

function checkOperator(operator: string, values: readonly string[], path: string, problems: Problems): void {
  if (operator === 'In' || operator === 'NotIn') {
    if (values.length === 0)
      problems.push(required(`${path}.values`, "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"))
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    if (values.length > 0)
      problems.push(invalid(`${path}.values`, values, "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"))
  } else problems.push(invalid(`${path}.operator`, operator, 'not a valid selector operator'))
}
