import { type ClusterEvent, isNodeEvent, MAX_SCORE, type Plugin, type Rejection } from '../framework.ts'
import type { NodeInfo } from '../node-info.ts'
import { type PodInfo, podInfoOf } from '../pod-info.ts'
import { amountsOf } from '../resources.ts'

const NAME = 'NodeResourcesFit'
/** Both weigh the same. Source: default profile of the scheduler. */
const SCORED = ['cpu', 'memory'] as const

/** The node must have room for the requests; emptier nodes are better (least allocated). */
export const nodeResourcesFit: Plugin = {
  name: NAME,
  begin: (pod) => ({
    filter: (node) => fits(pod, node),
    score: (nodes) => nodes.map((node) => leastAllocated(pod, node)),
  }),
  wakes,
}

function fits(pod: PodInfo, node: NodeInfo): Rejection | undefined {
  const reasons: string[] = []
  let isFinal = false
  const capacity = node.allocatable.get('pods') ?? 0
  if (node.pods.size + 1 > capacity) reasons.push('Too many pods')
  for (const [name, amount] of pod.requests) {
    const allocatable = node.allocatable.get(name) ?? 0
    if (amount === 0 || amount <= allocatable - (node.requested.get(name) ?? 0)) continue
    reasons.push(`Insufficient ${name}`)
    if (amount > allocatable) isFinal = true
  }
  return reasons.length === 0 ? undefined : { plugin: NAME, reasons, isFinal }
}

function leastAllocated(pod: PodInfo, node: NodeInfo): number {
  let [sum, weights] = [0, 0]
  for (const name of SCORED) {
    const allocatable = node.allocatable.get(name) ?? 0
    if (allocatable === 0) continue
    const requested = (node.nonZeroRequested.get(name) ?? 0) + (pod.nonZeroRequests.get(name) ?? 0)
    sum += requested > allocatable ? 0 : Math.trunc(((allocatable - requested) * MAX_SCORE) / allocatable)
    weights += 1
  }
  return weights === 0 ? 0 : Math.trunc(sum / weights)
}

function wakes(event: ClusterEvent, pod: PodInfo): boolean {
  if (event.type === 'pod-gone') return true
  if (event.type === 'pod-changed') return event.old !== undefined && shrank(podInfoOf(event.old).requests, podInfoOf(event.pod).requests)
  if (!isNodeEvent(event)) return false
  const { allocatable } = event.node.status
  if (!hasCapacity(allocatable, pod)) return false
  return event.type === 'node-added' || shrank(amountsOf(allocatable), amountsOf(event.old.status.allocatable))
}

function shrank(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): boolean {
  for (const [name, amount] of before) if ((after.get(name) ?? 0) < amount) return true
  return false
}

function hasCapacity(allocatable: Readonly<Record<string, string>> | undefined, pod: PodInfo): boolean {
  const amounts = amountsOf(allocatable)
  for (const [name, amount] of pod.requests) if (amount > (amounts.get(name) ?? 0)) return false
  return true
}
