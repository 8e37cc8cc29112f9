import type { Pod } from '../../api/types/core-v1.ts'

/** Pods with gates are not even queued; removing the last gate is an update of the pod that queues it. */
export function isGated(pod: Pod): boolean {
  return (pod.spec.schedulingGates?.length ?? 0) > 0
}
