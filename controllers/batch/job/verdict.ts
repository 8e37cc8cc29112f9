import type { Job, JobCondition } from '../../../core/api/types/batch-v1.ts'
import type { Pod } from '../../../core/api/types/core-v1.ts'
import { findCondition, isConditionTrue } from '../../../core/meta/conditions.ts'
import { matchFailurePolicy } from './failure-policy.ts'
import { parseIndexes } from './indexes.ts'
import type { Tally } from './tally.ts'

/** How a Job will end, decided before its pods are gone; the terminal condition follows with the same words. */
export interface Verdict {
  readonly type: 'FailureTarget' | 'SuccessCriteriaMet'
  readonly reason: string
  readonly message: string
}

export function isFinished({ status }: Job): boolean {
  return isConditionTrue(status.conditions, 'Complete') || isConditionTrue(status.conditions, 'Failed')
}

/** Undefined while the Job goes on. Source: Kubernetes documentation, "Jobs", termination and clean-up. */
export function planVerdict(job: Job, pods: readonly Pod[], counts: Tally, nowMs: number): Verdict | undefined {
  return (
    earlier(job.status.conditions, 'FailureTarget') ??
    earlier(job.status.conditions, 'SuccessCriteriaMet') ??
    failJobRule(job, pods) ??
    successPolicy(job, counts) ??
    limits(job, pods, counts, nowMs) ??
    indexLimits(job, counts)
  )
}

/** Separate, since pods that are still being started or stopped come first. */
export function planCompletion({ spec }: Job, counts: Tally, active: number): Verdict | undefined {
  const reached = spec.completions === undefined ? counts.succeeded > 0 : counts.succeeded >= spec.completions
  if (!reached || active > 0) return undefined
  return { type: 'SuccessCriteriaMet', reason: 'CompletionsReached', message: 'Reached expected number of succeeded pods' }
}

function earlier(conditions: readonly JobCondition[] | undefined, type: Verdict['type']): Verdict | undefined {
  const condition = findCondition(conditions, type)
  return condition?.status === 'True' ? { type, reason: condition.reason ?? '', message: condition.message ?? '' } : undefined
}

function failJobRule(job: Job, pods: readonly Pod[]): Verdict | undefined {
  if (job.spec.podFailurePolicy === undefined) return undefined
  for (const pod of pods) {
    const match = pod.status.phase === 'Failed' ? matchFailurePolicy(job, pod) : undefined
    if (match?.action === 'FailJob') return { type: 'FailureTarget', reason: 'PodFailurePolicy', message: match.message }
  }
  return undefined
}

function successPolicy({ spec }: Job, { succeededIndexes }: Tally): Verdict | undefined {
  for (const [index, rule] of (spec.successPolicy?.rules ?? []).entries()) {
    const wanted = rule.succeededIndexes === undefined ? undefined : parseIndexes(rule.succeededIndexes, spec.completions ?? 0)
    const matching = wanted === undefined ? succeededIndexes.size : wanted.intersection(succeededIndexes).size
    if (matching >= (rule.succeededCount ?? wanted?.size ?? Number.POSITIVE_INFINITY)) {
      return { type: 'SuccessCriteriaMet', reason: 'SuccessPolicy', message: `Matched rules at index ${index}` }
    }
  }
  return undefined
}

function limits(job: Job, pods: readonly Pod[], counts: Tally, nowMs: number): Verdict | undefined {
  const { backoffLimit = 6 } = job.spec
  if (counts.failed > backoffLimit || restartsExceed(job, pods)) {
    return { type: 'FailureTarget', reason: 'BackoffLimitExceeded', message: 'Job has reached the specified backoff limit' }
  }
  const leftMs = msUntilDeadline(job, nowMs)
  if (leftMs !== undefined && leftMs <= 0) {
    return { type: 'FailureTarget', reason: 'DeadlineExceeded', message: 'Job was active longer than specified deadline' }
  }
  return undefined
}

/** Undefined without a deadline, before the start and while suspended. */
export function msUntilDeadline({ spec, status }: Job, nowMs: number): number | undefined {
  if (spec.activeDeadlineSeconds === undefined || status.startTime === undefined || spec.suspend === true) return undefined
  return Date.parse(status.startTime) + spec.activeDeadlineSeconds * 1000 - nowMs
}

/** Pods that restart in place never fail; their restarts count instead. */
function restartsExceed({ spec }: Job, pods: readonly Pod[]): boolean {
  if (spec.template.spec.restartPolicy !== 'OnFailure') return false
  let restarts = 0
  for (const { status } of pods) {
    if (status.phase !== 'Running' && status.phase !== 'Pending') continue
    for (const { restartCount } of [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])]) restarts += restartCount
  }
  const { backoffLimit = 6 } = spec
  return backoffLimit === 0 ? restarts > 0 : restarts >= backoffLimit
}

function indexLimits({ spec }: Job, { failedIndexes, succeededIndexes }: Tally): Verdict | undefined {
  if (spec.backoffLimitPerIndex === undefined) return undefined
  if (spec.maxFailedIndexes !== undefined && failedIndexes.size > spec.maxFailedIndexes) {
    const message = 'Job has exceeded the specified maximal number of failed indexes'
    return { type: 'FailureTarget', reason: 'MaxFailedIndexesExceeded', message }
  }
  if (failedIndexes.size > 0 && failedIndexes.size + succeededIndexes.size >= (spec.completions ?? 0)) {
    return { type: 'FailureTarget', reason: 'FailedIndexes', message: 'Job has failed indexes' }
  }
  return undefined
}
