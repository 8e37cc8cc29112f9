import type { IPAddress, ServiceCIDR } from '../../../api/types/networking-v1.ts'
import { type FieldError, invalid, required } from '../../../meta/field-error.ts'
import { dns1123LabelProblems, dns1123SubdomainProblems, pathSegmentProblems } from '../../../meta/names.ts'
import { checkFormat, checkImmutable, checkRequiredFormat, IMMUTABLE, type Problems } from '../validation/common.ts'
import { addressBits, checkCidr, isIpAddress, parseCidr } from '../validation/network.ts'

/** The one way to write an address: groups without leading zeros, the longest run of zeros left out. */
export function addressNameProblem(name: string): string | undefined {
  if (!isIpAddress(name)) return 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'
  return canonicalAddress(name) === name ? undefined : `must be in canonical form (${JSON.stringify(canonicalAddress(name))})`
}

function canonicalAddress(text: string): string {
  if (!text.includes(':')) return text
  // The URL parser writes IPv6 hosts in the form of RFC 5952.
  return new URL(`http://[${text}]`).hostname.slice(1, -1)
}

/** Source: shared validation facts, networking.k8s.io/v1 IPAddress. */
export function validateIpAddress({ spec }: IPAddress, old: IPAddress | undefined): readonly FieldError[] {
  const problems: Problems = []
  const ref = spec.parentRef
  if (ref === undefined) problems.push(required('spec.parentRef'))
  else {
    if ((ref.group ?? '') !== '') checkFormat(ref.group ?? '', 'spec.parentRef.group', dns1123SubdomainProblems, problems)
    checkRequiredFormat(ref.resource, 'spec.parentRef.resource', pathSegmentProblems, problems)
    checkRequiredFormat(ref.name, 'spec.parentRef.name', pathSegmentProblems, problems)
    if ((ref.namespace ?? '') !== '') checkFormat(ref.namespace ?? '', 'spec.parentRef.namespace', dns1123LabelProblems, problems)
  }
  if (old !== undefined) checkImmutable(spec.parentRef, old.spec.parentRef, 'spec.parentRef', problems)
  return problems
}

/** Source: shared validation facts, networking.k8s.io/v1 ServiceCIDR. */
export function validateServiceCidr({ spec }: ServiceCIDR, old: ServiceCIDR | undefined): readonly FieldError[] {
  const problems: Problems = []
  const { cidrs = [] } = spec
  if (old !== undefined) {
    checkKeptRanges(cidrs, old.spec.cidrs ?? [], problems)
    return problems
  }
  if (cidrs.length === 0) problems.push(required('spec.cidrs', 'at least one CIDR required'))
  else if (cidrs.length > 2) problems.push(invalid('spec.cidrs', cidrs, 'may only hold up to 2 values'))
  else if (cidrs.length === 2 && new Set(cidrs.map((cidr) => parseCidr(cidr)?.family)).size === 1)
    problems.push(invalid('spec.cidrs', cidrs, 'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64'))
  cidrs.forEach((cidr, i) => {
    const at = `spec.cidrs[${i}]`
    checkCidr(cidr, at, problems)
    const parsed = parseCidr(cidr)
    if (parsed !== undefined && hasHostBits(parsed)) problems.push(invalid(at, cidr, 'must not have bits set beyond the prefix length'))
  })
  return problems
}

function hasHostBits({ address, prefix, family }: NonNullable<ReturnType<typeof parseCidr>>): boolean {
  const free = BigInt((family === 'IPv4' ? 32 : 128) - prefix)
  const bits = addressBits(address) ?? 0n
  return bits !== (bits >> free) << free
}

/** A second family may be added; nothing else changes. */
function checkKeptRanges(next: readonly string[], old: readonly string[], problems: Problems): void {
  const grows = old.length === 1 && next.length === 2
  if (!grows) {
    checkImmutable(next, old, 'spec.cidrs', problems)
    return
  }
  if (next[0] !== old[0]) problems.push(invalid('spec.cidrs[0]', next[0], IMMUTABLE))
  checkCidr(next[1] ?? '', 'spec.cidrs[1]', problems)
}
