import type { CronJob, Job, JobSpec } from '../../../api/types/batch-v1.ts'
import { defaultPodTemplate } from '../pod/spec-defaults.ts'
import type { Work } from '../resource-def.ts'

const BACKOFF_LIMIT = 6
const MAX_INT32 = 2_147_483_647

/** Source for this file: shared facts on defaults, batch_v1. */
export function defaultJob({ metadata, spec }: Work<Job>): void {
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1
  spec.parallelism ??= 1
  spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? BACKOFF_LIMIT : MAX_INT32
  const { labels } = spec.template.metadata
  if (labels !== undefined && Object.keys(metadata.labels ?? {}).length === 0) metadata.labels = { ...labels }
  spec.completionMode ??= 'NonIndexed'
  spec.suspend ??= false
  spec.podReplacementPolicy ??= spec.podFailurePolicy === undefined ? 'TerminatingOrFailed' : 'Failed'
  spec.manualSelector ??= false
  defaultJobParts(spec)
}

/** What jobs and the templates of cron jobs share. */
function defaultJobParts(spec: Work<JobSpec>): void {
  for (const rule of spec.podFailurePolicy?.rules ?? []) for (const pattern of rule.onPodConditions ?? []) pattern.status ||= 'True'
  defaultPodTemplate(spec.template)
}

export function defaultCronJob({ spec }: Work<CronJob>): void {
  spec.concurrencyPolicy ||= 'Allow'
  spec.suspend ??= false
  spec.successfulJobsHistoryLimit ??= 3
  spec.failedJobsHistoryLimit ??= 1
  defaultJobParts(spec.jobTemplate.spec)
}
