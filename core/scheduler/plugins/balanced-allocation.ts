import { MAX_SCORE, type Plugin } from '../framework.ts'
import type { NodeInfo } from '../node-info.ts'
import type { PodInfo } from '../pod-info.ts'

const SCORED = ['cpu', 'memory'] as const

/** Prefers nodes whose cpu and memory would be used up evenly. Pods that ask for neither do not shift the balance. */
export const balancedAllocation: Plugin = {
  name: 'NodeResourcesBalancedAllocation',
  begin: (pod) =>
    SCORED.every((name) => (pod.requests.get(name) ?? 0) === 0) ? undefined : { score: (nodes) => nodes.map((node) => balance(pod, node)) },
  wakes: () => false,
}

function balance(pod: PodInfo, node: NodeInfo): number {
  const fractions: number[] = []
  for (const name of SCORED) {
    const allocatable = node.allocatable.get(name) ?? 0
    if (allocatable > 0) fractions.push(Math.min(1, ((node.requested.get(name) ?? 0) + (pod.requests.get(name) ?? 0)) / allocatable))
  }
  const [cpu = 0, memory = cpu] = fractions
  return Math.trunc((1 - Math.abs(cpu - memory) / 2) * MAX_SCORE)
}
