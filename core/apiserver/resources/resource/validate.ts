import type {
  DeviceClaim,
  DeviceClaimConfiguration,
  DeviceClass,
  DeviceConstraint,
  DeviceRequest,
  DeviceSelector,
  DeviceSubRequest,
  DeviceToleration,
  ExactDeviceRequest,
  ResourceClaim,
  ResourceClaimTemplate,
} from '../../../api/types/resource-v1.ts'
import { duplicate, type FieldError, forbidden, invalid, required, tooLong, tooMany } from '../../../meta/field-error.ts'
import { dns1123LabelProblems, dns1123SubdomainProblems, labelValueProblems } from '../../../meta/names.ts'
import { isExtendedResource } from '../pod/validate/resources.ts'
import { checkEnum, checkFormat, checkImmutable, checkRequired, checkRequiredEnum, type Problems } from '../validation/common.ts'
import { checkLabelName } from '../validation/labels.ts'
import { checkOpaque, checkQualifiedName } from './names.ts'

const MAX_REQUESTS = 32
const MAX_ALTERNATIVES = 8
const MAX_SELECTORS = 32
const MAX_CONSTRAINTS = 32
const MAX_CONFIGS = 32
const MAX_TOLERATIONS = 16
const MAX_EXPRESSION = 10 * 1024

/** Source: shared validation facts, resource.k8s.io/v1 ResourceClaim and resource/DeviceRequest and below. */
export function validateResourceClaim(next: ResourceClaim, old: ResourceClaim | undefined): readonly FieldError[] {
  const problems: Problems = []
  checkClaim(next.spec.devices, 'spec.devices', problems)
  if (old !== undefined) checkImmutable(next.spec, old.spec, 'spec', problems)
  return problems
}

export function validateResourceClaimTemplate(next: ResourceClaimTemplate, old: ResourceClaimTemplate | undefined): readonly FieldError[] {
  const problems: Problems = []
  checkClaim(next.spec.spec.devices, 'spec.spec.devices', problems)
  if (old !== undefined) checkImmutable(next.spec, old.spec, 'spec', problems)
  return problems
}

function checkClaim({ requests, constraints = [], config = [] }: DeviceClaim, path: string, problems: Problems): void {
  if (requests.length > MAX_REQUESTS) problems.push(tooMany(`${path}.requests`, requests.length, MAX_REQUESTS))
  const names = new Set<string>()
  requests.forEach((request, i) => {
    const at = `${path}.requests[${i}]`
    checkRequestName(request.name, at, names, problems)
    checkRequest(request, at, problems)
  })
  const known = new Set(requests.flatMap(({ name, firstAvailable = [] }) => [name, ...firstAvailable.map((sub) => `${name}/${sub.name}`)]))
  if (constraints.length > MAX_CONSTRAINTS) problems.push(tooMany(`${path}.constraints`, constraints.length, MAX_CONSTRAINTS))
  constraints.forEach((constraint, i) => {
    checkConstraint(constraint, `${path}.constraints[${i}]`, known, problems)
  })
  if (config.length > MAX_CONFIGS) problems.push(tooMany(`${path}.config`, config.length, MAX_CONFIGS))
  config.forEach((entry, i) => {
    checkConfig(entry, `${path}.config[${i}]`, known, problems)
  })
}

function checkRequestName(name: string, path: string, names: Set<string>, problems: Problems): void {
  if (name === '') problems.push(required(`${path}.name`))
  else checkFormat(name, `${path}.name`, dns1123LabelProblems, problems)
  if (names.has(name)) problems.push(duplicate(path, name))
  names.add(name)
}

function checkRequest({ exactly, firstAvailable }: DeviceRequest, path: string, problems: Problems): void {
  const alternatives = firstAvailable ?? []
  const text = 'exactly one of `exactly` or `firstAvailable` is required'
  if (exactly === undefined && alternatives.length === 0) problems.push(required(path, text))
  else if (exactly !== undefined && alternatives.length > 0) problems.push(invalid(path, '', `${text}, but multiple fields are set`))
  if (exactly !== undefined) checkDevices(exactly, `${path}.exactly`, problems)
  if (alternatives.length > MAX_ALTERNATIVES) problems.push(tooMany(`${path}.firstAvailable`, alternatives.length, MAX_ALTERNATIVES))
  const names = new Set<string>()
  alternatives.forEach((alternative, i) => {
    checkRequestName(alternative.name, `${path}.firstAvailable[${i}]`, names, problems)
    checkDevices(alternative, `${path}.firstAvailable[${i}]`, problems)
  })
}

function checkDevices(request: ExactDeviceRequest | DeviceSubRequest, path: string, problems: Problems): void {
  const { deviceClassName, selectors = [], allocationMode, count = 0, tolerations = [] } = request
  if (deviceClassName === '') problems.push(required(`${path}.deviceClassName`))
  else checkFormat(deviceClassName, `${path}.deviceClassName`, dns1123SubdomainProblems, problems)
  checkSelectors(selectors, `${path}.selectors`, problems)
  if (allocationMode === 'All') {
    if (count !== 0) problems.push(invalid(`${path}.count`, count, "must not be specified when allocationMode is 'All'"))
  } else if (allocationMode === 'ExactCount') {
    if (count <= 0) problems.push(invalid(`${path}.count`, count, 'must be greater than zero'))
  } else checkRequiredEnum(allocationMode, `${path}.allocationMode`, ['All', 'ExactCount'], problems)
  if (tolerations.length > MAX_TOLERATIONS) problems.push(tooMany(`${path}.tolerations`, tolerations.length, MAX_TOLERATIONS))
  tolerations.forEach((toleration, i) => {
    checkToleration(toleration, `${path}.tolerations[${i}]`, problems)
  })
}

function checkSelectors(selectors: readonly DeviceSelector[], path: string, problems: Problems): void {
  if (selectors.length > MAX_SELECTORS) problems.push(tooMany(path, selectors.length, MAX_SELECTORS))
  selectors.forEach(({ cel }, i) => {
    if (cel === undefined) problems.push(required(`${path}[${i}].cel`))
    else if (cel.expression.length > MAX_EXPRESSION) problems.push(tooLong(`${path}[${i}].cel.expression`, MAX_EXPRESSION))
    else checkRequired(cel.expression, `${path}[${i}].cel.expression`, problems)
  })
}

function checkToleration({ key, operator, value, effect }: DeviceToleration, path: string, problems: Problems): void {
  if ((key ?? '') !== '') checkLabelName(key ?? '', `${path}.key`, problems)
  checkRequiredEnum(operator, `${path}.operator`, ['Equal', 'Exists'], problems)
  if (operator === 'Exists') {
    if ((value ?? '') !== '') problems.push(invalid(`${path}.value`, value, 'must be empty for operator `Exists`'))
  } else checkFormat(value ?? '', `${path}.value`, labelValueProblems, problems)
  if ((effect as string | undefined) !== undefined && (effect as string) !== '')
    checkEnum(effect, `${path}.effect`, ['NoExecute', 'NoSchedule', 'None'], problems)
}

function checkNames(names: readonly string[], path: string, known: ReadonlySet<string>, problems: Problems): void {
  if (names.length > MAX_REQUESTS) problems.push(tooMany(path, names.length, MAX_REQUESTS))
  names.forEach((name, i) => {
    const at = `${path}[${i}]`
    if (!known.has(name))
      problems.push(
        invalid(at, name, "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'"),
      )
    if (names.indexOf(name) < i) problems.push(duplicate(at, name))
  })
}

function checkConstraint(constraint: DeviceConstraint, path: string, known: ReadonlySet<string>, problems: Problems): void {
  const { requests = [], matchAttribute, distinctAttribute } = constraint
  checkNames(requests, `${path}.requests`, known, problems)
  if (matchAttribute !== undefined) checkQualifiedName(matchAttribute, `${path}.matchAttribute`, true, problems)
  else if (distinctAttribute === undefined)
    problems.push(required(path, 'exactly one of `matchAttribute` or `distinctAttribute` is required'))
  if (distinctAttribute !== undefined) checkQualifiedName(distinctAttribute, `${path}.distinctAttribute`, true, problems)
}

function checkConfig(config: DeviceClaimConfiguration, path: string, known: ReadonlySet<string>, problems: Problems): void {
  checkNames(config.requests ?? [], `${path}.requests`, known, problems)
  checkOpaque(config.opaque, path, problems)
}

/** Source: shared validation facts, resource/DeviceClassSpec. */
export function validateDeviceClass({ spec }: DeviceClass): readonly FieldError[] {
  const problems: Problems = []
  checkSelectors(spec.selectors ?? [], 'spec.selectors', problems)
  const { config = [], extendedResourceName: name } = spec
  if (config.length > MAX_CONFIGS) problems.push(tooMany('spec.config', config.length, MAX_CONFIGS))
  config.forEach(({ opaque }, i) => {
    checkOpaque(opaque, `spec.config[${i}]`, problems)
  })
  if (name !== undefined && !isExtendedResource(name))
    problems.push(invalid('spec.extendedResourceName', name, 'must be a valid extended resource name'))
  return problems
}

const MAX_CONSUMERS = 256

/** Source: shared validation facts, resource/ResourceClaimStatusUpdate. */
export function validateResourceClaimStatus(next: ResourceClaim, old: ResourceClaim): readonly FieldError[] {
  const problems: Problems = []
  const { allocation, reservedFor = [] } = next.status
  if (reservedFor.length > MAX_CONSUMERS) problems.push(tooMany('status.reservedFor', reservedFor.length, MAX_CONSUMERS))
  const seen = new Set<string>()
  reservedFor.forEach((consumer, i) => {
    const at = `status.reservedFor[${i}]`
    for (const field of ['resource', 'name', 'uid'] as const) checkRequired(consumer[field], `${at}.${field}`, problems)
    if (seen.has(consumer.uid)) problems.push(duplicate(`${at}.uid`, consumer.uid))
    seen.add(consumer.uid)
  })
  if (allocation === undefined && reservedFor.length > 0)
    problems.push(forbidden('status.reservedFor', 'may not be specified when `allocated` is not set'))
  const before = new Set(old.status.reservedFor?.map(({ uid }) => uid))
  if (next.metadata.deletionTimestamp !== undefined && reservedFor.some(({ uid }) => !before.has(uid)))
    problems.push(
      forbidden('status.reservedFor', 'new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set'),
    )
  if (old.status.allocation !== undefined && allocation !== undefined)
    checkImmutable(allocation, old.status.allocation, 'status.allocation', problems)
  return problems
}
