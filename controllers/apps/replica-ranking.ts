import type { Pod } from '../../core/api/types/core-v1.ts'
import { findCondition } from '../../core/meta/conditions.ts'
import { isReady } from '../runtime/pod.ts'

/** Whole number; pods with a lower one go first. Source: Kubernetes annotation reference. */
const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost'
const PHASE_ORDER: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 }

/**
 * The `count` pods whose loss hurts least: unassigned before assigned, pending before running, unready before ready,
 * cheap before dear, doubled-up before lone on their node, younger before older. `related` are the active pods of all
 * sets of the same owner, which decide what doubled-up means. Source: Kubernetes documentation, "ReplicaSet", scaling down.
 */
export function podsToDelete(pods: readonly Pod[], count: number, related: readonly Pod[], nowMs: number): readonly Pod[] {
  if (count >= pods.length) return pods
  const perNode = new Map<string, number>()
  for (const { spec } of related) perNode.set(spec.nodeName ?? '', (perNode.get(spec.nodeName ?? '') ?? 0) + 1)
  const crowd = (pod: Pod): number => perNode.get(pod.spec.nodeName ?? '') ?? 0
  return [...pods].sort((a, b) => compareForDeletion(a, b, crowd, nowMs)).slice(0, count)
}

/** Negative: `a` goes first. */
function compareForDeletion(a: Pod, b: Pod, crowd: (pod: Pod) => number, nowMs: number): number {
  const order =
    Number(isAssigned(a)) - Number(isAssigned(b)) ||
    phaseOrder(a) - phaseOrder(b) ||
    Number(isReady(a)) - Number(isReady(b)) ||
    deletionCost(a) - deletionCost(b) ||
    crowd(b) - crowd(a)
  if (order !== 0) return order
  return (
    (isReady(a) && isReady(b) ? compareAge(readySince(a), readySince(b), a, b, nowMs) : 0) ||
    restarts(b) - restarts(a) ||
    compareAge(a.metadata.creationTimestamp, b.metadata.creationTimestamp, a, b, nowMs)
  )
}

const isAssigned = (pod: Pod): boolean => pod.spec.nodeName !== undefined && pod.spec.nodeName !== ''
const phaseOrder = (pod: Pod): number => PHASE_ORDER[pod.status.phase ?? 'Pending'] ?? 0
const readySince = (pod: Pod): string => findCondition(pod.status.conditions, 'Ready')?.lastTransitionTime ?? ''

function deletionCost(pod: Pod): number {
  const text = pod.metadata.annotations?.[DELETION_COST]
  return text !== undefined && /^(0|-?[1-9][0-9]*)$/.test(text) ? Number(text) : 0
}

function restarts(pod: Pod): number {
  return Math.max(0, ...(pod.status.containerStatuses ?? []).map(({ restartCount }) => restartCount))
}

/**
 * Ages count by order of magnitude, and within one the uid decides: strictly youngest-first would always empty the
 * most recently filled failure domain.
 */
// eslint-disable-next-line max-params -- two times, two pods for the tie, the present
function compareAge(a: string, b: string, podA: Pod, podB: Pod, nowMs: number): number {
  if (a === b) return 0
  return magnitude(a, nowMs) - magnitude(b, nowMs) || (podA.metadata.uid < podB.metadata.uid ? -1 : 1)
}

function magnitude(time: string, nowMs: number): number {
  const ageMs = nowMs - Date.parse(time)
  return ageMs > 0 ? Math.floor(Math.log2(ageMs * 1e6)) : -1
}
