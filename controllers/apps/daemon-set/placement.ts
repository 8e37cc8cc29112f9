import { matchesRequiredAffinity, untoleratedTaints } from '../../../core/api/rules/node-match.ts'
import type { DaemonSet } from '../../../core/api/types/apps-v1.ts'
import type { Node, Pod, PodSpec, Toleration } from '../../../core/api/types/core-v1.ts'

/** Where the pods of a DaemonSet belong. Source: Kubernetes documentation, "DaemonSet", how daemon pods are scheduled. */
export interface Placement {
  readonly shouldRun: boolean
  /** A pod that is there already may stay, although none would be started. */
  readonly mayStay: boolean
}

/** Decides by selector, affinity and taints of one node. */
export function placementOn(daemonSet: DaemonSet, node: Node): Placement {
  const spec = specFor(daemonSet.spec.template.spec, node.metadata.name)
  const { nodeName } = daemonSet.spec.template.spec
  const elsewhere = nodeName !== undefined && nodeName !== '' && nodeName !== node.metadata.name
  // The user's own affinity counts; the one put in its place below would match by construction.
  if (elsewhere || !matchesRequiredAffinity(daemonSet.spec.template, node)) return { shouldRun: false, mayStay: false }
  const blocked = untoleratedTaints(node.spec.taints, spec.tolerations, ['NoSchedule', 'NoExecute'])
  return { shouldRun: blocked.length === 0, mayStay: blocked.every(({ effect }) => effect !== 'NoExecute') }
}

/** The template's spec, bound by affinity to one node and tolerating what nodes in trouble are tainted with. */
export function specFor(spec: PodSpec, nodeName: string): PodSpec {
  const requiredDuringSchedulingIgnoredDuringExecution = {
    nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In' as const, values: [nodeName] }] }],
  }
  const nodeAffinity = { ...spec.affinity?.nodeAffinity, requiredDuringSchedulingIgnoredDuringExecution }
  return { ...spec, affinity: { ...spec.affinity, nodeAffinity }, tolerations: withTolerations(spec) }
}

const TOLERATED: readonly (readonly [name: string, effect: 'NoExecute' | 'NoSchedule'])[] = [
  ['not-ready', 'NoExecute'],
  ['unreachable', 'NoExecute'],
  ['disk-pressure', 'NoSchedule'],
  ['memory-pressure', 'NoSchedule'],
  ['pid-pressure', 'NoSchedule'],
  ['unschedulable', 'NoSchedule'],
]

function withTolerations({ tolerations = [], hostNetwork }: PodSpec): readonly Toleration[] {
  const added = hostNetwork === true ? [...TOLERATED, ['network-unavailable', 'NoSchedule'] as const] : TOLERATED
  const result = [...tolerations]
  for (const [name, effect] of added) {
    const key = `node.kubernetes.io/${name}`
    const at = result.findIndex((each) => each.key === key && each.operator === 'Exists' && each.effect === effect)
    if (at < 0) result.push({ key, operator: 'Exists', effect })
  }
  return result
}

/** The node a daemon pod is on or is meant for. */
export function nodeOf({ spec }: Pod): string | undefined {
  if (spec.nodeName !== undefined && spec.nodeName !== '') return spec.nodeName
  const terms = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? []
  for (const { matchFields = [] } of terms) {
    const field = matchFields.find(({ key, operator }) => key === 'metadata.name' && operator === 'In')
    if (field?.values?.[0] !== undefined) return field.values[0]
  }
  return undefined
}

/** Pods without a node, bound or meant, are left out. */
export function podsByNode(pods: readonly Pod[]): ReadonlyMap<string, readonly Pod[]> {
  const byNode = new Map<string, Pod[]>()
  for (const pod of pods) {
    const node = nodeOf(pod)
    if (node !== undefined) byNode.set(node, [...(byNode.get(node) ?? []), pod])
  }
  return byNode
}
