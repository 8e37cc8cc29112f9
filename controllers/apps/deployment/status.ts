import type { Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet } from '../../../core/api/types/apps-v1.ts'
import { findCondition } from '../../../core/meta/conditions.ts'
import { limitsOf, totalAvailable, totalSize } from './scaling.ts'

/** Reasons of the Progressing condition. Source: Kubernetes documentation, "Deployment status". */
export const PROGRESSING = {
  created: 'NewReplicaSetCreated',
  found: 'FoundNewReplicaSet',
  updated: 'ReplicaSetUpdated',
  available: 'NewReplicaSetAvailable',
  timedOut: 'ProgressDeadlineExceeded',
  createError: 'ReplicaSetCreateError',
  paused: 'DeploymentPaused',
  resumed: 'DeploymentResumed',
} as const

type Conditions = readonly DeploymentCondition[]
export type NewCondition = Pick<DeploymentCondition, 'type' | 'status' | 'reason' | 'message'>

/**
 * Puts a condition in place unless status and reason are what they were: the message alone is no change, and
 * `lastUpdateTime` is when the rollout last moved, from which the deadline counts.
 */
export function withCondition(conditions: Conditions | undefined, next: NewCondition, now: string): Conditions {
  const list = conditions ?? []
  const old = findCondition(list, next.type)
  if (old?.status === next.status && old.reason === next.reason) return list
  return replace(list, old, next, now)
}

function replace(list: Conditions, old: DeploymentCondition | undefined, next: NewCondition, now: string): Conditions {
  const lastTransitionTime = old?.status === next.status ? old.lastTransitionTime : now
  return [...list.filter(({ type }) => type !== next.type), { ...next, lastUpdateTime: now, lastTransitionTime }]
}

/** Counts and the Available condition; Progressing is the rollout's business. */
export function planCounts(
  deployment: Deployment,
  sets: readonly ReplicaSet[],
  newSet: ReplicaSet | undefined,
  now: string,
): DeploymentStatus {
  const { replicas, maxUnavailable } = limitsOf(deployment)
  const available = totalAvailable(sets)
  const sum = (count: (status: ReplicaSet['status']) => number | undefined): number =>
    sets.reduce((total, { status }) => total + (count(status) ?? 0), 0)
  const enough = available >= replicas - maxUnavailable
  const condition: NewCondition = enough
    ? { type: 'Available', status: 'True', reason: 'MinimumReplicasAvailable', message: 'Deployment has minimum availability.' }
    : {
        type: 'Available',
        status: 'False',
        reason: 'MinimumReplicasUnavailable',
        message: 'Deployment does not have minimum availability.',
      }
  const terminating = sets.every(({ status }) => status.terminatingReplicas !== undefined)
  return {
    observedGeneration: deployment.metadata.generation,
    ...nonZero({
      replicas: sum(({ replicas: count }) => count),
      updatedReplicas: newSet?.status.replicas ?? 0,
      readyReplicas: sum(({ readyReplicas }) => readyReplicas),
      availableReplicas: available,
      unavailableReplicas: Math.max(0, totalSize(sets) - available),
    }),
    ...(terminating && { terminatingReplicas: sum(({ terminatingReplicas }) => terminatingReplicas) }),
    ...(deployment.status.collisionCount !== undefined && { collisionCount: deployment.status.collisionCount }),
    conditions: withCondition(deployment.status.conditions, condition, now),
  }
}

function nonZero<N extends string>(counts: Readonly<Record<N, number>>): Partial<Record<N, number>> {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0)) as Partial<Record<N, number>>
}

/** All pods are of the current template and available, and no old one is left. */
export function isComplete({ spec, metadata }: Deployment, status: DeploymentStatus): boolean {
  const wanted = spec.replicas ?? 1
  return (
    (status.updatedReplicas ?? 0) === wanted &&
    (status.replicas ?? 0) === wanted &&
    (status.availableReplicas ?? 0) === wanted &&
    (status.observedGeneration ?? 0) >= (metadata.generation ?? 0)
  )
}

function isProgressing(old: DeploymentStatus, next: DeploymentStatus): boolean {
  const oldPods = (status: DeploymentStatus): number => (status.replicas ?? 0) - (status.updatedReplicas ?? 0)
  return (
    (next.updatedReplicas ?? 0) > (old.updatedReplicas ?? 0) ||
    oldPods(next) < oldPods(old) ||
    (next.readyReplicas ?? 0) > (old.readyReplicas ?? 0) ||
    (next.availableReplicas ?? 0) > (old.availableReplicas ?? 0)
  )
}

/** Absent, or the largest integer, means no deadline. */
export function hasDeadline({ spec }: Deployment): boolean {
  return spec.progressDeadlineSeconds !== undefined && spec.progressDeadlineSeconds !== 2147483647
}

/**
 * Milliseconds until the rollout counts as stuck, negative when it does already. Undefined when it cannot: it has no
 * deadline, is complete, or has been called stuck before.
 */
export function msUntilDeadline(deployment: Deployment, conditions: Conditions | undefined, nowMs: number): number | undefined {
  const condition = findCondition(conditions, 'Progressing')
  if (!hasDeadline(deployment) || condition === undefined) return undefined
  if (condition.reason === PROGRESSING.available || condition.reason === PROGRESSING.timedOut) return undefined
  return Date.parse(condition.lastUpdateTime ?? '') + (deployment.spec.progressDeadlineSeconds ?? 0) * 1000 - nowMs
}

export interface Rollout {
  readonly deployment: Deployment
  readonly sets: readonly ReplicaSet[]
  readonly newSet: ReplicaSet | undefined
  readonly nowMs: number
  /** The same moment as a timestamp. */
  readonly now: string
}

/** The status of a Deployment that is not paused and not being scaled: counts, Progressing, ReplicaFailure. */
export function planRolloutStatus(rollout: Rollout): DeploymentStatus {
  const { deployment, sets, newSet, now } = rollout
  const counts = planCounts(deployment, sets, newSet, now)
  const progressing = planProgressing(rollout, counts)
  const failure = [...(newSet === undefined ? [] : [newSet]), ...sets]
    .map(({ status }) => findCondition(status.conditions, 'ReplicaFailure'))
    .find((condition) => condition !== undefined)
  const conditions =
    failure === undefined
      ? progressing.filter(({ type }) => type !== 'ReplicaFailure')
      : withCondition(
          progressing,
          { type: 'ReplicaFailure', status: failure.status, reason: failure.reason, message: failure.message },
          now,
        )
  return { ...counts, conditions }
}

function planProgressing(rollout: Rollout, status: DeploymentStatus): Conditions {
  const { deployment, newSet, nowMs, now } = rollout
  const list = status.conditions ?? []
  if (!hasDeadline(deployment)) return list.filter(({ type }) => type !== 'Progressing')
  const current = findCondition(deployment.status.conditions, 'Progressing')
  const settled = (status.replicas ?? 0) === (status.updatedReplicas ?? 0) && current?.reason === PROGRESSING.available
  if (settled) return list
  const subject = newSet === undefined ? `Deployment "${deployment.metadata.name}"` : `ReplicaSet "${newSet.metadata.name}"`
  const of = (state: string, reason: string, text: string): NewCondition => ({
    type: 'Progressing',
    status: state,
    reason,
    message: `${subject} ${text}`,
  })
  if (isComplete(deployment, status)) return withCondition(list, of('True', PROGRESSING.available, 'has successfully progressed.'), now)
  if (isProgressing(deployment.status, status)) {
    // Unconditional: each step forward moves lastUpdateTime and with it the deadline.
    return replace(list, current, of('True', PROGRESSING.updated, 'is progressing.'), now)
  }
  const leftMs = msUntilDeadline(deployment, deployment.status.conditions, nowMs)
  const stuck = current?.reason === PROGRESSING.timedOut || (leftMs !== undefined && leftMs < 0)
  return stuck ? withCondition(list, of('False', PROGRESSING.timedOut, 'has timed out progressing.'), now) : list
}
