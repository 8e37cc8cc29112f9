import type { Node, Taint } from '../../../core/api/types/core-v1.ts'
import { findCondition } from '../../../core/meta/conditions.ts'

/** Taints that follow from what a node says about itself. Source: Kubernetes documentation, "Taints and Tolerations", by condition. */
const PREFIX = 'node.kubernetes.io/'
const NOT_READY = `${PREFIX}not-ready`
const UNREACHABLE = `${PREFIX}unreachable`
const PRESSURES = [
  ['MemoryPressure', `${PREFIX}memory-pressure`],
  ['DiskPressure', `${PREFIX}disk-pressure`],
  ['PIDPressure', `${PREFIX}pid-pressure`],
  ['NetworkUnavailable', `${PREFIX}network-unavailable`],
] as const
const UNSCHEDULABLE = `${PREFIX}unschedulable`
const MANAGED = new Set([NOT_READY, UNREACHABLE, UNSCHEDULABLE, ...PRESSURES.map(([, key]) => key)])

/** What keeps new pods away. */
export function schedulingTaints({ spec, status }: Node): readonly string[] {
  const keys: string[] = []
  const ready = findCondition(status.conditions, 'Ready')?.status
  if (ready === 'False') keys.push(NOT_READY)
  if (ready === 'Unknown') keys.push(UNREACHABLE)
  for (const [type, key] of PRESSURES) if (findCondition(status.conditions, type)?.status === 'True') keys.push(key)
  if (spec.unschedulable === true) keys.push(UNSCHEDULABLE)
  return keys
}

/** What drives running pods out; undefined for a node that is ready. */
export function evictionTaint({ status }: Node): string | undefined {
  const ready = findCondition(status.conditions, 'Ready')?.status
  return ready === 'False' ? NOT_READY : ready === 'Unknown' ? UNREACHABLE : undefined
}

/** All taints of the node with ours brought up to date; undefined when nothing changes. */
export function planTaints(node: Node, evicting: string | undefined, now: string): readonly Taint[] | undefined {
  const old = node.spec.taints ?? []
  const wanted = [
    ...schedulingTaints(node).map((key) => ({ key, effect: 'NoSchedule' as const })),
    ...(evicting === undefined ? [] : [{ key: evicting, effect: 'NoExecute' as const }]),
  ]
  const isOurs = ({ key, effect }: Taint): boolean => MANAGED.has(key) && effect !== 'PreferNoSchedule'
  const same = (a: Pick<Taint, 'key' | 'effect'>, b: Pick<Taint, 'key' | 'effect'>): boolean => a.key === b.key && a.effect === b.effect
  const kept = old.filter((taint) => !isOurs(taint) || wanted.some((each) => same(each, taint)))
  const added = wanted.filter((taint) => !old.some((each) => same(each, taint)))
  return kept.length === old.length && added.length === 0 ? undefined : [...kept, ...added.map((taint) => ({ ...taint, timeAdded: now }))]
}
