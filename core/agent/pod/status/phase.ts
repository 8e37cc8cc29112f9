import { isSidecar } from '../../../api/rules/pod-containers.ts'
import type { ContainerStatus, Pod } from '../../../api/types/core-v1.ts'
import { initRestartsAfter, restartsAfter } from '../restart-policy.ts'

export type PodPhase = 'Pending' | 'Running' | 'Succeeded' | 'Failed'

export interface PhaseInput {
  readonly pod: Pod
  readonly init: readonly ContainerStatus[]
  readonly regular: readonly ContainerStatus[]
  readonly isTerminal: boolean
}

/** Source: Kubernetes documentation, "Pod phase"; the order of the rules is the kubelet's. */
export function podPhase(input: PhaseInput): PodPhase {
  const { pod, init, regular, isTerminal } = input
  if (hasFailedInit(pod, init)) return 'Failed'
  const count = countStates(regular)
  const isPending = !isInitialized(pod, init) && count.running === 0 && count.stopped === 0
  if (isPending && !isTerminal) return 'Pending'
  if (count.waiting > 0) return isTerminal ? 'Failed' : 'Pending'
  if (count.running > 0) return 'Running'
  if (count.stopped === 0) return isTerminal ? 'Failed' : 'Pending'
  if (isTerminal) return count.stopped === count.succeeded ? 'Succeeded' : 'Failed'
  if (regular.some((status) => willRestart(pod, status))) return 'Running'
  return count.stopped === count.succeeded ? 'Succeeded' : 'Failed'
}

interface Counts {
  readonly running: number
  readonly waiting: number
  readonly stopped: number
  readonly succeeded: number
}

function countStates(statuses: readonly ContainerStatus[]): Counts {
  const count = { running: 0, waiting: 0, stopped: 0, succeeded: 0 }
  for (const { state, lastState } of statuses) {
    // One that waits for its restart has run before: the pod is running, if not all the time.
    const ended = state.terminated ?? (state.waiting === undefined ? undefined : lastState.terminated)
    if (state.running !== undefined) count.running += 1
    else if (ended === undefined) count.waiting += 1
    else {
      count.stopped += 1
      if (state.terminated?.exitCode === 0) count.succeeded += 1
    }
  }
  return count
}

function willRestart(pod: Pod, status: ContainerStatus): boolean {
  const container = pod.spec.containers.find(({ name }) => name === status.name)
  if (status.state.waiting !== undefined) return true
  const ended = status.state.terminated
  return container !== undefined && ended !== undefined && restartsAfter(pod, container, ended)
}

function hasFailedInit(pod: Pod, statuses: readonly ContainerStatus[]): boolean {
  return (pod.spec.initContainers ?? []).some((container) => {
    const status = statuses.find(({ name }) => name === container.name)
    const ended = status?.state.terminated
    return ended !== undefined && !isSidecar(container) && ended.exitCode !== 0 && !initRestartsAfter(pod, container, ended)
  })
}

/** All steps have succeeded and all sidecars have started. */
export function isInitialized(pod: Pod, statuses: readonly ContainerStatus[]): boolean {
  return incompleteInit(pod, statuses).length === 0
}

/** Names of init containers that have yet to succeed, or for sidecars to start. */
export function incompleteInit(pod: Pod, statuses: readonly ContainerStatus[]): readonly string[] {
  return (pod.spec.initContainers ?? [])
    .filter((container) => {
      const status = statuses.find(({ name }) => name === container.name)
      if (status === undefined) return true
      return isSidecar(container) ? status.started !== true : status.state.terminated?.exitCode !== 0
    })
    .map(({ name }) => name)
}
