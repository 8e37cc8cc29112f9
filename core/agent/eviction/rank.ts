import type { Pod } from '../../api/types/core-v1.ts'
import { podResources } from '../cgroup/pod-resources.ts'
import { isMirror, isStatic } from '../pod/mirror-pods.ts'

const SYSTEM_CRITICAL = 2_000_000_000

/** Static pods and critical ones stay whatever happens: the node needs them. */
export function isEvictable(pod: Pod): boolean {
  return !isMirror(pod) && !isStatic(pod) && (pod.spec.priority ?? 0) < SYSTEM_CRITICAL
}

/**
 * Who goes first when a resource runs out: pods that use more than they asked for, then low priority, then the largest excess.
 * Source: Kubernetes documentation, "Pod selection for kubelet eviction".
 */
export function rankForMemory(pods: readonly Pod[], usageBytes: (pod: Pod) => number): readonly Pod[] {
  const excess = (pod: Pod): number => usageBytes(pod) - podResources(pod).memoryRequestBytes
  return [...pods].filter(isEvictable).sort((a, b) => {
    const over = Number(excess(b) > 0) - Number(excess(a) > 0)
    return over || (a.spec.priority ?? 0) - (b.spec.priority ?? 0) || excess(b) - excess(a)
  })
}

/** For disk: no requests to go by, so priority and use alone. */
export function rankForDisk(pods: readonly Pod[], usageBytes: (pod: Pod) => number): readonly Pod[] {
  return [...pods].filter(isEvictable).sort((a, b) => (a.spec.priority ?? 0) - (b.spec.priority ?? 0) || usageBytes(b) - usageBytes(a))
}
