import type { Job, JobCondition, JobStatus } from '../../../core/api/types/batch-v1.ts'
import type { Pod } from '../../../core/api/types/core-v1.ts'
import { findCondition, setCondition } from '../../../core/meta/conditions.ts'
import { matchFailurePolicy } from './failure-policy.ts'
import { formatIndexes } from './indexes.ts'
import { isIndexed, isTracked } from './job-pods.ts'
import { isFailed, type Tally } from './tally.ts'
import type { Verdict } from './verdict.ts'

export interface StatusInput {
  readonly job: Job
  readonly pods: readonly Pod[]
  readonly counts: Tally
  readonly verdict: Verdict | undefined
  /** Active pods after this reconcile's creations and deletions. */
  readonly active: number
  readonly ready: number
  readonly now: string
}

/** The next status and the pods whose tracking finalizer may go once it is stored. */
export interface StatusPlan {
  readonly status: JobStatus
  readonly release: readonly Pod[]
  /** The Job ended with this status. */
  readonly finished: Verdict | undefined
}

/**
 * Counts pods exactly once across crashes: an ended pod first goes into `uncountedTerminatedPods`, then its finalizer
 * is taken, and only when that is seen does it become part of the number. Source: Kubernetes documentation, "Job
 * tracking with finalizers".
 */
export function planStatus(input: StatusInput): StatusPlan {
  const { job, pods, counts, verdict, active, ready, now } = input
  const tracked = pods.filter(isTracked)
  const trackedUids = new Set(tracked.map(({ metadata }) => metadata.uid))
  const old = job.status.uncountedTerminatedPods ?? {}
  const settled = (uids: readonly string[] = []): number => uids.filter((uid) => !trackedUids.has(uid)).length
  const open = (uids: readonly string[] = []): readonly string[] => uids.filter((uid) => trackedUids.has(uid))
  const indexed = isIndexed(job)
  const succeeded = [...open(old.succeeded), ...(indexed ? [] : counts.newSucceeded.map(uidOf))]
  const failed = [...open(old.failed), ...newFailures(input, tracked).map(uidOf)]
  const settledFailed = (job.status.failed ?? 0) + settled(old.failed)
  const finished = verdict !== undefined && tracked.length === 0 && active === 0 && counts.terminating === 0 ? verdict : undefined
  const settledSucceeded = indexed ? counts.succeededIndexes.size : (job.status.succeeded ?? 0) + settled(old.succeeded)
  const uncounted = { ...(succeeded.length > 0 && { succeeded }), ...(failed.length > 0 && { failed }) }
  const status: JobStatus = {
    conditions: planConditions(job, verdict, finished, now),
    ...startTimeOf(job, now),
    ...(finished?.type === 'SuccessCriteriaMet' && { completionTime: now }),
    ...(active > 0 && { active }),
    ...(settledSucceeded > 0 && { succeeded: settledSucceeded }),
    ...(settledFailed > 0 && { failed: settledFailed }),
    terminating: counts.terminating,
    ...(indexed && counts.succeededIndexes.size > 0 && { completedIndexes: formatIndexes(counts.succeededIndexes) }),
    ...(job.spec.backoffLimitPerIndex !== undefined && { failedIndexes: formatIndexes(counts.failedIndexes) }),
    uncountedTerminatedPods: uncounted,
    ready,
  }
  return { status, release: planRelease(input, tracked), finished }
}

/** Failures to record now; when the Job fails, what it still runs has failed with it. */
function newFailures({ job, counts, verdict }: StatusInput, tracked: readonly Pod[]): readonly Pod[] {
  const { failed: known = [], succeeded = [] } = job.status.uncountedTerminatedPods ?? {}
  const failing = verdict?.type === 'FailureTarget'
  return tracked.filter((pod) => {
    if (pod.status.phase === 'Succeeded' || known.includes(pod.metadata.uid) || succeeded.includes(pod.metadata.uid)) return false
    if (verdict === undefined && counts.held.has(pod)) return false
    // What is stopped after success has not failed, although it was deleted.
    const failed = verdict?.type === 'SuccessCriteriaMet' ? pod.status.phase === 'Failed' : isFailed(pod, job)
    if (!failed && !failing) return false
    return matchFailurePolicy(job, pod)?.action !== 'Ignore'
  })
}

function planRelease({ job, counts, verdict }: StatusInput, tracked: readonly Pod[]): readonly Pod[] {
  if (verdict !== undefined || job.metadata.deletionTimestamp !== undefined) return tracked
  return tracked.filter((pod) => (pod.status.phase === 'Succeeded' || isFailed(pod, job)) && !counts.held.has(pod))
}

function planConditions(job: Job, verdict: Verdict | undefined, finished: Verdict | undefined, now: string): readonly JobCondition[] {
  let conditions = job.status.conditions ?? []
  const add = (type: string, status: string, reason: string, message: string): void => {
    const known = findCondition(conditions, type)
    if (known?.status === status && known.reason === reason) return
    const next: JobCondition = { type, status, reason, message, lastProbeTime: now, lastTransitionTime: now }
    conditions = setCondition(conditions, next, now)
  }
  if (verdict !== undefined) add(verdict.type, 'True', verdict.reason, verdict.message)
  else if (job.spec.suspend === true) add('Suspended', 'True', 'JobSuspended', 'Job suspended')
  else if (findCondition(conditions, 'Suspended') !== undefined) add('Suspended', 'False', 'JobResumed', 'Job resumed')
  if (finished !== undefined) add(finished.type === 'FailureTarget' ? 'Failed' : 'Complete', 'True', finished.reason, finished.message)
  return conditions
}

/** Set at the first start, and anew when a suspended Job is resumed. */
function startTimeOf({ spec, status }: Job, now: string): { readonly startTime?: string } {
  const resumed = spec.suspend !== true && findCondition(status.conditions, 'Suspended')?.status === 'True'
  if (resumed || (status.startTime === undefined && spec.suspend !== true)) return { startTime: now }
  return status.startTime === undefined ? {} : { startTime: status.startTime }
}

function uidOf({ metadata }: Pod): string {
  return metadata.uid
}
