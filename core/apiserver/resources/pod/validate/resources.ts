import { isHugePages } from '../../../../api/rules/pod-resources.ts'
import type { ResourceRequirements } from '../../../../api/types/core-v1.ts'
import { duplicate, type FieldError, forbidden, invalid, notFound, required } from '../../../../meta/field-error.ts'
import { qualifiedNameProblems } from '../../../../meta/names.ts'
import { compareQuantity, formatQuantity, parseQuantity } from '../../../../meta/quantity.ts'
import { checkFormat, NON_NEGATIVE, type Problems } from '../../validation/common.ts'

const CONTAINER_RESOURCES: ReadonlySet<string> = new Set(['cpu', 'memory', 'ephemeral-storage'])
const QUOTA_OF = ['cpu', 'memory', 'ephemeral-storage', 'storage'].flatMap((name) => [`requests.${name}`, `limits.${name}`])
/** Resource names that need no domain, wherever they may stand. */
const STANDARD_RESOURCES: ReadonlySet<string> = new Set([
  ...CONTAINER_RESOURCES,
  ...QUOTA_OF.filter((name) => name !== 'limits.storage'),
  'pods',
  'resourcequotas',
  'services',
  'replicationcontrollers',
  'secrets',
  'persistentvolumeclaims',
  'storage',
  'services.nodeports',
  'services.loadbalancers',
  'configmaps',
])
/** Resources counted in whole objects. */
const INTEGER_RESOURCES: ReadonlySet<string> = new Set([
  'pods',
  'resourcequotas',
  'services',
  'replicationcontrollers',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
  'services.nodeports',
  'services.loadbalancers',
])
const MILLI_PER_UNIT = 1_000_000_000n

const isNative = (name: string): boolean => !name.includes('/') || name.includes('kubernetes.io/')

export function isExtendedResource(name: string): boolean {
  return !isNative(name) && !name.startsWith('requests.') && qualifiedNameProblems(`requests.${name}`).length === 0
}

/** Containers may get more than they asked for; for the rest limit and request are one. */
const isOvercommitAllowed = (name: string): boolean => isNative(name) && !isHugePages(name)

function isIntegerResource(name: string): boolean {
  return INTEGER_RESOURCES.has(name) || isExtendedResource(name)
}

/** A resource name as it may stand anywhere: standard, or with a domain. */
export function checkResourceName(name: string, path: string, problems: Problems): void {
  const before = problems.length
  checkFormat(name, path, qualifiedNameProblems, problems)
  if (problems.length === before && !name.includes('/') && !STANDARD_RESOURCES.has(name) && !isHugePages(name))
    problems.push(invalid(path, name, 'must be a standard resource type or fully qualified'))
}

function checkContainerResourceName(name: string, path: string, problems: Problems): void {
  if (CONTAINER_RESOURCES.has(name)) return
  checkResourceName(name, path, problems)
  if (!name.includes('/')) {
    if (!isHugePages(name)) problems.push(invalid(path, name, 'must be a standard resource for containers'))
  } else if (!isNative(name) && !isExtendedResource(name))
    problems.push(invalid(path, name, "doesn't follow extended resource name standard"))
}

/** Never below zero, and whole where whole things are counted. */
export function checkResourceQuantity(name: string, text: string, path: string, problems: Problems): void {
  const quantity = parseQuantity(text)
  if (quantity.nano < 0n) problems.push(invalid(path, text, NON_NEGATIVE))
  if (quantity.nano % MILLI_PER_UNIT !== 0n && isIntegerResource(name)) problems.push(invalid(path, text, 'must be an integer'))
}

interface Seen {
  cpuOrMemory: boolean
  hugePages: boolean
}

/** Limits and requests of a container, each alone and against the other. `claims` holds the pod's resource claim names. */
export function checkRequirements(resources: ResourceRequirements, path: string, claims: ReadonlySet<string>, problems: Problems): void {
  const seen: Seen = { cpuOrMemory: false, hugePages: false }
  const { limits, requests } = resources
  if (limits !== undefined) checkList(limits, `${path}.limits`, seen, problems)
  if (requests !== undefined) {
    checkList(requests, `${path}.requests`, seen, problems)
    for (const name in requests) checkAgainstLimit(name, resources, path, problems)
  }
  if (seen.hugePages && !seen.cpuOrMemory) problems.push(forbidden(path, 'HugePages require cpu or memory'))
  if (resources.claims !== undefined) checkClaims(resources.claims, `${path}.claims`, claims, problems)
}

function checkList(list: Readonly<Record<string, string>>, path: string, seen: Seen, problems: Problems): void {
  for (const name in list) {
    const text = list[name] ?? '0'
    const at = `${path}[${name}]`
    checkContainerResourceName(name, at, problems)
    checkResourceQuantity(name, text, at, problems)
    if (isHugePages(name)) {
      seen.hugePages = true
      checkHugePages(name, text, at, problems)
    }
    if (name === 'cpu' || name === 'memory') seen.cpuOrMemory = true
  }
}

/** Huge pages are handed out whole. */
function checkHugePages(name: string, text: string, path: string, problems: Problems): void {
  const page = parseQuantity(name.slice('hugepages-'.length))
  const amount = parseQuantity(text)
  if (page.nano <= 0n || amount.nano % page.nano !== 0n)
    problems.push(invalid(path, text, `${text} is not positive integer multiple of ${name}`))
}

function checkAgainstLimit(name: string, { limits, requests }: ResourceRequirements, path: string, problems: Problems): void {
  const request = parseQuantity(requests?.[name])
  const limitText = limits?.[name]
  const overcommit = isOvercommitAllowed(name)
  if (limitText === undefined) {
    if (!overcommit) problems.push(required(`${path}.limits`, 'Limit must be set for non overcommitable resources'))
    return
  }
  const order = compareQuantity(request, parseQuantity(limitText))
  const shown = (): string => formatQuantity(request)
  if (order !== 0 && !overcommit) problems.push(invalid(`${path}.requests`, shown(), `must be equal to ${name} limit of ${limitText}`))
  else if (order > 0) problems.push(invalid(`${path}.requests`, shown(), `must be less than or equal to ${name} limit of ${limitText}`))
}

type Claims = NonNullable<ResourceRequirements['claims']>

function checkClaims(used: Claims, path: string, known: ReadonlySet<string>, problems: Problems): void {
  const seen = new Set<string>()
  used.forEach(({ name, request }, i) => {
    if (name === '') {
      problems.push(required(`${path}[${i}]`))
      return
    }
    const key = (request ?? '') === '' ? name : `${name}/${request ?? ''}`
    // A claim used as a whole leaves nothing for a request of it.
    if (seen.has(name) || seen.has(key)) problems.push(duplicate(`${path}[${i}]`, key))
    else seen.add(key)
    if (!known.has(name)) problems.push(unknownClaim(`${path}[${i}]`, name, known))
  })
}

function unknownClaim(path: string, name: string, known: ReadonlySet<string>): FieldError {
  const choice = known.size === 0 ? ' which is empty' : `: ${[...known].sort().join(', ')}`
  const error = notFound(path, name)
  return { ...error, message: `${error.message}: must be one of the names in pod.spec.resourceClaims${choice}` }
}
