import type { Node, Taint } from '../../../api/types/core-v1.ts'
import { deepEqual } from '../../../meta/deep-equal.ts'
import { duplicate, type FieldError, forbidden, invalid } from '../../../meta/field-error.ts'
import { labelValueProblems } from '../../../meta/names.ts'
import { checkResourceQuantity } from '../pod/validate/resources.ts'
import { TAINT_EFFECTS } from '../pod/validate/tolerations.ts'
import { checkRequiredEnum, type Problems } from '../validation/common.ts'
import { checkLabelName } from '../validation/labels.ts'
import { parseCidr } from '../validation/network.ts'

/** Source: shared validation facts, core/v1 Node. NOTE: taints are reported under metadata, as Kubernetes does. */
export function validateNode(next: Node, old: Node | undefined): readonly FieldError[] {
  const problems: Problems = []
  checkTaints(next.spec.taints ?? [], 'metadata.taints', problems)
  checkAmounts(next, problems)
  checkPodRanges(next.spec.podCIDRs, problems)
  if (old !== undefined) checkUpdate(next, old, problems)
  return problems
}

function checkTaints(taints: readonly Taint[], path: string, problems: Problems): void {
  const seen = new Set<string>()
  taints.forEach((taint, i) => {
    const at = `${path}[${i}]`
    checkLabelName(taint.key, `${at}.key`, problems)
    const found = labelValueProblems(taint.value ?? '')
    if (found.length > 0) problems.push(invalid(`${at}.value`, taint.value, found.join(';')))
    checkRequiredEnum(taint.effect, `${at}.effect`, TAINT_EFFECTS, problems)
    const key = `${taint.effect}/${taint.key}`
    if (seen.has(key)) problems.push(duplicate(at, taint))
    seen.add(key)
  })
}

function checkAmounts({ status }: Node, problems: Problems): void {
  for (const list of ['capacity', 'allocatable'] as const)
    for (const [name, text] of Object.entries(status[list] ?? {})) checkResourceQuantity(name, text, `status.${list}[${name}]`, problems)
}

function checkPodRanges(ranges: readonly string[] | undefined, problems: Problems): void {
  if (ranges === undefined) return
  const parsed = ranges.map(parseCidr)
  parsed.forEach((range, i) => {
    if (range === undefined)
      problems.push(invalid(`spec.podCIDRs[${i}]`, ranges[i], 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'))
  })
  const families = new Set(parsed.map((range) => range?.family))
  if (!parsed.includes(undefined) && ranges.length > families.size)
    problems.push(invalid('spec.podCIDRs', ranges, 'may specify no more than one CIDR for each IP family'))
}

/** What the cloud and the range allocator set stays once it is set. */
function checkUpdate(next: Node, old: Node, problems: Problems): void {
  checkAddresses(next, problems)
  if ((old.spec.podCIDRs?.length ?? 0) > 0 && !deepEqual(next.spec.podCIDRs, old.spec.podCIDRs))
    problems.push(forbidden('spec.podCIDRs', 'node updates may not change podCIDR except from "" to valid'))
  if ((old.spec.providerID ?? '') !== '' && next.spec.providerID !== old.spec.providerID)
    problems.push(forbidden('spec.providerID', 'node updates may not change providerID except from "" to valid'))
}

function checkAddresses({ status }: Node, problems: Problems): void {
  const seen = new Set<string>()
  status.addresses?.forEach((address, i) => {
    const key = `${address.type}/${address.address}`
    if (seen.has(key)) problems.push(duplicate(`status.addresses[${i}]`, address))
    seen.add(key)
  })
}

export function validateNodeStatus(next: Node): readonly FieldError[] {
  const problems: Problems = []
  checkAmounts(next, problems)
  checkAddresses(next, problems)
  return problems
}
