import type { Pod } from '../../../api/types/core-v1.ts'
import { violationsOf } from './evaluate.ts'
import { type Standard, showStandard } from './policy.ts'

/** A bound on the work of one request; what was left out is said. */
const MAX_PODS = 3000

/** Which pods that exist would violate a level about to be enforced; equal violations are told once, with a count. */
export function namespaceWarnings(namespace: string, enforce: Standard, pods: readonly Pod[]): readonly string[] {
  const checked = oneOfEachController(pods).slice(0, MAX_PODS)
  const groups = new Map<string, string[]>()
  for (const pod of checked) {
    const reasons = violationsOf(enforce, pod).map(({ reason }) => reason)
    if (reasons.length === 0) continue
    const text = reasons.join(', ')
    groups.set(text, [...(groups.get(text) ?? []), pod.metadata.name])
  }
  const warnings: string[] = []
  if (checked.length < pods.length) {
    warnings.push(`new PodSecurity enforce level only checked against the first ${checked.length} of ${pods.length} existing pods`)
  }
  if (groups.size > 0) {
    warnings.push(
      `existing pods in namespace ${JSON.stringify(namespace)} violate the new PodSecurity enforce level ${JSON.stringify(showStandard(enforce))}`,
    )
  }
  return [...warnings, ...[...groups].map(([text, names]) => `${showNames(names)}: ${text}`).sort()]
}

function showNames(names: readonly string[]): string {
  const [first = ''] = [...names].sort()
  const others = names.length - 1
  if (others === 0) return first
  return `${first} (and ${others} other ${others === 1 ? 'pod' : 'pods'})`
}

/** The replicas of one workload are alike: one of each first, the rest behind. */
function oneOfEachController(pods: readonly Pod[]): readonly Pod[] {
  const seen = new Set<string>()
  const rest: Pod[] = []
  const first = pods.filter((pod) => {
    const owner = pod.metadata.ownerReferences?.find(({ controller }) => controller === true)?.uid
    if (owner === undefined) return true
    if (seen.has(owner)) {
      rest.push(pod)
      return false
    }
    seen.add(owner)
    return true
  })
  return [...first, ...rest]
}
