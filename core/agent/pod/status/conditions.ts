import { isSidecar } from '../../../api/rules/pod-containers.ts'
import type { ContainerStatus, Pod, PodCondition } from '../../../api/types/core-v1.ts'
import { deepEqual } from '../../../meta/deep-equal.ts'
import { incompleteInit, type PodPhase } from './phase.ts'

export interface ConditionsInput {
  readonly pod: Pod
  readonly phase: PodPhase
  readonly init: readonly ContainerStatus[]
  readonly regular: readonly ContainerStatus[]
  /** Sandbox up and, if it has a network of its own, addressed. */
  readonly isSandboxReady: boolean
  /** Conditions as they are now, those of others included. */
  readonly old: readonly PodCondition[]
  readonly now: string
  /** What does not always stand: a change of resources that could not be carried out, a disruption. */
  readonly passing: readonly ConditionDraft[]
}

/** A condition before its time is known. */
export type ConditionDraft = Pick<PodCondition, 'type' | 'status' | 'reason' | 'message'>

/** The conditions that a node owns, in the order in which Kubernetes lists them. */
export function podConditions(input: ConditionsInput): readonly PodCondition[] {
  const ready = containersReady(input)
  const drafts: readonly ConditionDraft[] = [
    { type: 'PodReadyToStartContainers', status: input.isSandboxReady ? 'True' : 'False' },
    initialized(input),
    { ...podReady(input, ready), type: 'Ready' },
    ready,
    { type: 'PodScheduled', status: 'True' },
    ...input.passing,
  ]
  return drafts.map((draft) => settle(draft, input))
}

/** Keeps the time of the last change while the status stays the same. */
function settle(draft: ConditionDraft, { old, now, pod }: ConditionsInput): PodCondition {
  const before = old.find(({ type }) => type === draft.type)
  return {
    ...draft,
    observedGeneration: pod.metadata.generation,
    lastTransitionTime: before?.status === draft.status && before.lastTransitionTime !== undefined ? before.lastTransitionTime : now,
  }
}

const names = (list: readonly string[]): string => `[${list.join(' ')}]`

function initialized({ pod, phase, init, regular }: ConditionsInput): ConditionDraft {
  if (phase === 'Succeeded') return { type: 'Initialized', status: 'True', reason: 'PodCompleted' }
  const missing = incompleteInit(pod, init)
  // Once a container has run, the steps before it are done, even when their records are gone.
  const hasBegun = regular.some(
    ({ state, lastState }) => state.running !== undefined || state.terminated !== undefined || lastState.terminated !== undefined,
  )
  const steps = hasBegun
    ? missing.filter((name) => pod.spec.initContainers?.some((container) => container.name === name && isSidecar(container)))
    : missing
  if (steps.length === 0) return { type: 'Initialized', status: 'True' }
  return {
    type: 'Initialized',
    status: 'False',
    reason: 'ContainersNotInitialized',
    message: `containers with incomplete status: ${names(steps)}`,
  }
}

function containersReady({ pod, phase, init, regular }: ConditionsInput): ConditionDraft {
  const type = 'ContainersReady'
  if (phase === 'Succeeded') return { type, status: 'False', reason: 'PodCompleted' }
  if (phase === 'Failed') return { type, status: 'False', reason: 'PodFailed' }
  const sidecars = (pod.spec.initContainers ?? []).filter(isSidecar).map(({ name }) => name)
  const wanted = [...sidecars, ...pod.spec.containers.map(({ name }) => name)]
  const statuses = [...init, ...regular]
  const unready = wanted.filter((name) => statuses.find((status) => status.name === name)?.ready !== true)
  if (unready.length === 0) return { type, status: 'True' }
  return { type, status: 'False', reason: 'ContainersNotReady', message: `containers with unready status: ${names(unready)}` }
}

function podReady({ pod, old }: ConditionsInput, ready: ConditionDraft): ConditionDraft {
  if (ready.status !== 'True') return ready
  const messages = (pod.spec.readinessGates ?? []).flatMap(({ conditionType }) => {
    const gate = old.find(({ type }) => type === conditionType)
    if (gate === undefined) return [`corresponding condition of pod readiness gate "${conditionType}" does not exist.`]
    return gate.status === 'True' ? [] : [`the status of pod readiness gate "${conditionType}" is not "True", but ${gate.status}`]
  })
  if (messages.length === 0) return { type: 'Ready', status: 'True' }
  return { type: 'Ready', status: 'False', reason: 'ReadinessGatesNotReady', message: messages.join(', ') }
}

/** Conditions that come and go; the others of a node always stand. */
export const PASSING_CONDITIONS: readonly string[] = ['PodResizePending', 'PodResizeInProgress']

/** Whether telling `next` says anything new. */
export function sameConditions(a: readonly PodCondition[], b: readonly PodCondition[]): boolean {
  return b.every((condition) =>
    deepEqual(
      a.find(({ type }) => type === condition.type),
      condition,
    ),
  )
}
