import type { ContainerStatus, Pod } from '../../../api/types/core-v1.ts'
import { endedStatus } from './container-status.ts'
import { isInitialized } from './phase.ts'

export interface PodStatuses {
  readonly init: readonly ContainerStatus[]
  readonly regular: readonly ContainerStatus[]
}

/**
 * Statuses of a pod that has ended. Containers that were never due, because a step before them failed, go on waiting; of all
 * others whose end is not known it is said that they are lost. Source: the kubelet's status of terminated pods.
 */
export function settleEnded(pod: Pod, init: readonly ContainerStatus[], regular: readonly ContainerStatus[]): PodStatuses {
  const lastBegun = init.findLastIndex(hasBegun)
  const due = Math.max(lastBegun, 0)
  return {
    init: init.map((status, index) => (index <= due ? endedStatus(status) : status)),
    regular: isInitialized(pod, init) || regular.some(hasBegun) ? regular.map(endedStatus) : regular,
  }
}

const hasBegun = ({ state, lastState }: ContainerStatus): boolean =>
  state.running !== undefined || state.terminated !== undefined || lastState.terminated !== undefined
