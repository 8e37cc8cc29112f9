import type { Service, ServiceSpec } from '../../../api/types/core-v1.ts'
import { deepEqual } from '../../../meta/deep-equal.ts'
import { duplicate, invalid, notSupported, required } from '../../../meta/field-error.ts'
import type { ApiSettings } from '../resource-def.ts'
import { checkEnum, type Problems } from '../validation/common.ts'
import { checkIp, isIpAddress } from '../validation/network.ts'
import { clusterFamilies, familyOf, HEADLESS, hasSelector, isHeadless, needsClusterIp } from './service-rules.ts'

const FAMILIES = ['IPv4', 'IPv6']
const FAMILY_POLICIES = ['PreferDualStack', 'RequireDualStack', 'SingleStack']
const MAX_ADDRESSES = 2

/** Addresses, families and policy against each other and against what the cluster has. */
export function checkAddressFields(next: Service, old: Service | undefined, settings: ApiSettings, problems: Problems): void {
  const { spec } = next
  if (!needsClusterIp(spec)) return
  checkLists(spec, problems)
  checkEnum(spec.ipFamilyPolicy, 'spec.ipFamilyPolicy', FAMILY_POLICIES, problems)
  // Stored services outlive a change of the cluster's ranges: only what is new is held against them.
  const untouched = old !== undefined && sameFamilies(spec, old.spec)
  if (!untouched && !(isHeadless(spec) && !hasSelector(next))) checkCluster(spec, settings, problems)
}

const sameFamilies = (next: ServiceSpec, old: ServiceSpec): boolean =>
  deepEqual(next.ipFamilies, old.ipFamilies) && next.ipFamilyPolicy === old.ipFamilyPolicy

function checkLists({ clusterIP = '', clusterIPs = [], ipFamilies = [] }: ServiceSpec, problems: Problems): void {
  const path = 'spec.clusterIPs'
  if (clusterIP === '' && clusterIPs.length > 0) problems.push(invalid(path, clusterIPs, 'must be empty when `clusterIP` is not specified'))
  if (clusterIP !== '' && clusterIPs.length === 0) problems.push(required(path))
  else if (clusterIP !== '' && clusterIPs[0] !== clusterIP) problems.push(invalid(path, clusterIPs, 'first value must match `clusterIP`'))
  const seen = new Set<string>()
  ipFamilies.forEach((family, i) => {
    const at = `spec.ipFamilies[${i}]`
    if (!FAMILIES.includes(family)) problems.push(notSupported(at, family, FAMILIES))
    else if (seen.has(family)) problems.push(duplicate(at, family))
    seen.add(family)
  })
  if (clusterIPs.includes(HEADLESS)) {
    if (clusterIPs.length > 1) problems.push(invalid(path, clusterIPs, "'None' must be the first and only value"))
    return
  }
  checkAddresses(clusterIPs, ipFamilies, problems)
}

function checkAddresses(addresses: readonly string[], families: readonly string[], problems: Problems): void {
  const path = 'spec.clusterIPs'
  if (addresses.length > MAX_ADDRESSES) problems.push(invalid(path, addresses, 'may only hold up to 2 values'))
  addresses.forEach((address, i) => {
    checkIp(address, `${path}[${i}]`, problems)
    const family = families[i]
    if (family !== undefined && FAMILIES.includes(family) && isIpAddress(address) && familyOf(address) !== family)
      problems.push(invalid(`${path}[${i}]`, address, `expected an ${family} value as indicated by \`ipFamilies[${i}]\``))
  })
  const distinct = new Set(addresses.map(familyOf))
  if (addresses.length === MAX_ADDRESSES && addresses.every(isIpAddress) && distinct.size === 1)
    problems.push(invalid(path, addresses, 'may specify no more than one IP for each IP family'))
}

function checkCluster(spec: ServiceSpec, { serviceCidrs }: ApiSettings, problems: Problems): void {
  const cluster = clusterFamilies(serviceCidrs)
  const { ipFamilyPolicy: policy, ipFamilies = [], clusterIPs = [] } = spec
  if (policy === 'SingleStack') {
    const text = 'must be RequireDualStack or PreferDualStack when multiple'
    if (clusterIPs.length > 1) problems.push(invalid('spec.ipFamilyPolicy', policy, `${text} clusterIPs are specified`))
    else if (ipFamilies.length > 1) problems.push(invalid('spec.ipFamilyPolicy', policy, `${text} ipFamilies are specified`))
  }
  if (policy === 'RequireDualStack' && cluster.length < 2)
    problems.push(invalid('spec.ipFamilyPolicy', policy, 'this cluster is not configured for dual-stack services'))
  ipFamilies.forEach((family, i) => {
    if (FAMILIES.includes(family) && !cluster.some((own) => own === family))
      problems.push(invalid(`spec.ipFamilies[${i}]`, family, 'not configured on this cluster'))
  })
}

/** The first address and family never change; the second may come, and go with the policy. */
export function checkAddressUpdate({ spec }: Service, old: Service, problems: Problems): void {
  if (!needsClusterIp(old.spec) || !needsClusterIp(spec)) return
  checkPrimary({ next: spec.clusterIPs ?? [], old: old.spec.clusterIPs ?? [] }, 'clusterIP', spec, problems)
  checkPrimary({ next: spec.ipFamilies ?? [], old: old.spec.ipFamilies ?? [] }, 'ipFamily', spec, problems)
}

const LIST_OF = { clusterIP: 'clusterIPs', ipFamily: 'ipFamilies' } as const

interface Lists {
  readonly next: readonly string[]
  readonly old: readonly string[]
}

function checkPrimary({ next, old }: Lists, kind: 'clusterIP' | 'ipFamily', { ipFamilyPolicy }: ServiceSpec, problems: Problems): void {
  const path = `spec.${LIST_OF[kind]}`
  if (old.length > 0 && next.length === 0) {
    problems.push(invalid(`${path}[0]`, next, `primary ${kind} can not be unset`))
    return
  }
  old.forEach((before, i) => {
    const after = next[i]
    if (after !== undefined && before !== after) problems.push(invalid(`${path}[${i}]`, next, 'may not change once set'))
  })
  if (old.length === 2 && next.length === 1 && ipFamilyPolicy !== 'SingleStack')
    problems.push(
      invalid('spec.ipFamilyPolicy', ipFamilyPolicy ?? null, `must be set to 'SingleStack' when releasing the secondary ${kind}`),
    )
}
