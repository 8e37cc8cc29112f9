import type { Job } from '../../../core/api/types/batch-v1.ts'
import type { Pod } from '../../../core/api/types/core-v1.ts'
import { isActive, isReady, isTerminating } from '../../runtime/pod.ts'
import { matchFailurePolicy } from './failure-policy.ts'
import { parseIndexes } from './indexes.ts'
import { indexFailuresOf, indexOf, isIndexed, isTracked } from './job-pods.ts'

/** What a Job and its pods add up to at one moment. */
export interface Tally {
  readonly active: readonly Pod[]
  readonly ready: number
  readonly terminating: number
  /** Tracked pods that ended and stand in no record of the status yet. */
  readonly newSucceeded: readonly Pod[]
  readonly newFailed: readonly Pod[]
  /** All there ever were, new ones and unsettled records included; for indexed Jobs succeeded indexes. */
  readonly succeeded: number
  readonly failed: number
  readonly succeededIndexes: ReadonlySet<number>
  /** Indexes that have used up their own limit; empty without one. */
  readonly failedIndexes: ReadonlySet<number>
  /** The failed pods that carry the failure count of an index until the next pod of the index has taken it over. */
  readonly held: ReadonlySet<Pod>
}

/** What a job's pods add up to: those at work, and the ends that are not recorded yet. */
export function tally(job: Job, pods: readonly Pod[]): Tally {
  const { succeeded: wasSucceeded = [], failed: wasFailed = [] } = job.status.uncountedTerminatedPods ?? {}
  const recorded = new Set([...wasSucceeded, ...wasFailed])
  const fresh = pods.filter((pod) => isTracked(pod) && !recorded.has(pod.metadata.uid))
  const indexed = isIndexed(job)
  const newSucceeded = fresh.filter(({ status }) => status.phase === 'Succeeded')
  const newFailed = fresh.filter((pod) => isFailed(pod, job))
  const active = pods.filter(isActive)
  const completions = job.spec.completions ?? 0
  const succeededIndexes = new Set(parseIndexes(job.status.completedIndexes, completions))
  for (const pod of indexed ? newSucceeded : []) {
    const index = indexOf(pod, job)
    if (index !== undefined) succeededIndexes.add(index)
  }
  const perIndex = limitsPerIndex(job, pods, newFailed, succeededIndexes)
  const counted = newFailed.filter((pod) => matchFailurePolicy(job, pod)?.action !== 'Ignore')
  return {
    active,
    ready: active.filter(isReady).length,
    terminating: pods.filter(isTerminating).length,
    newSucceeded,
    newFailed,
    succeeded: indexed ? succeededIndexes.size : (job.status.succeeded ?? 0) + wasSucceeded.length + newSucceeded.length,
    failed: (job.status.failed ?? 0) + wasFailed.length + counted.length,
    succeededIndexes,
    ...perIndex,
  }
}

/** With `podReplacementPolicy: Failed` a pod on its way out has not failed until it has ended. */
export function replacesOnlyFailed({ spec }: Job): boolean {
  return spec.podReplacementPolicy === 'Failed' || spec.podFailurePolicy !== undefined
}

/** A deleted pod may never reach a final phase (its node is gone), so being deleted counts as a failure by default. */
export function isFailed(pod: Pod, job: Job): boolean {
  if (pod.status.phase === 'Failed') return true
  return !replacesOnlyFailed(job) && pod.metadata.deletionTimestamp !== undefined && pod.status.phase !== 'Succeeded'
}

function limitsPerIndex(
  job: Job,
  pods: readonly Pod[],
  newFailed: readonly Pod[],
  succeeded: ReadonlySet<number>,
): { readonly failedIndexes: ReadonlySet<number>; readonly held: ReadonlySet<Pod> } {
  const limit = job.spec.backoffLimitPerIndex
  if (limit === undefined) return { failedIndexes: new Set(), held: new Set() }
  const failedIndexes = new Set(parseIndexes(job.status.failedIndexes, job.spec.completions ?? 0))
  const held = new Map<number, Pod>()
  for (const pod of newFailed) {
    const index = indexOf(pod, job)
    if (index === undefined || succeeded.has(index)) continue
    const action = matchFailurePolicy(job, pod)?.action
    const failures = failuresAfter(job, pod)
    if (action === 'FailIndex' || failures > limit) failedIndexes.add(index)
    const known = held.get(index)
    if (known === undefined || failuresAfter(job, known) <= failures) held.set(index, pod)
  }
  for (const pod of pods.filter(isActive)) {
    const index = indexOf(pod, job)
    if (index !== undefined) held.delete(index)
  }
  for (const index of failedIndexes) held.delete(index)
  return { failedIndexes, held: new Set(held.values()) }
}

/** Failures of the pod's index once this one has failed; an ignored failure adds none. */
export function failuresAfter(job: Job, pod: Pod): number {
  return indexFailuresOf(pod) + (matchFailurePolicy(job, pod)?.action === 'Ignore' ? 0 : 1)
}
