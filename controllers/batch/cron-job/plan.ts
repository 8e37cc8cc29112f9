import type { CronJob, Job } from '../../../core/api/types/batch-v1.ts'
import { findCondition } from '../../../core/meta/conditions.ts'
import type { Schedule } from './schedule.ts'

/** Beyond this a clock is wrong or a controller was away for long: said in an event. */
const MANY_MISSED = 100

export interface DueRun {
  /** The run to start now; undefined when none is due. */
  readonly atMs: number | undefined
  /** Too many runs lie between the last one and now. */
  readonly missedMany: number | undefined
  /** When to look again; undefined when the schedule has no future. */
  readonly nextMs: number | undefined
}

/** The most recent run that has not been started. Runs that lie further back are not made up for. */
export function planRun(cronJob: CronJob, schedule: Schedule, nowMs: number): DueRun {
  const { lastScheduleTime } = cronJob.status
  const lastMs = Date.parse(lastScheduleTime ?? cronJob.metadata.creationTimestamp)
  const { startingDeadlineSeconds } = cronJob.spec
  const fromMs = startingDeadlineSeconds === undefined ? lastMs : Math.max(lastMs, nowMs - startingDeadlineSeconds * 1000)
  const atMs = fromMs > nowMs ? undefined : schedule.latest(fromMs, nowMs)
  return { atMs, missedMany: atMs === undefined ? undefined : countMissed(schedule, fromMs, nowMs), nextMs: schedule.next(nowMs) }
}

function countMissed(schedule: Schedule, fromMs: number, nowMs: number): number | undefined {
  const firstMs = schedule.next(fromMs)
  const secondMs = firstMs === undefined ? undefined : schedule.next(firstMs)
  if (firstMs === undefined || secondMs === undefined) return undefined
  const missed = Math.floor((nowMs - firstMs) / (secondMs - firstMs)) + 1
  return missed > MANY_MISSED ? missed : undefined
}

/** Unique per run, so that a run is never started twice. */
export function jobNameFor(cronJob: CronJob, atMs: number): string {
  return `${cronJob.metadata.name}-${Math.floor(atMs / 60_000)}`
}

/** `Complete`, `Failed`, or undefined while it runs. */
export function outcomeOf({ status }: Job): 'Complete' | 'Failed' | undefined {
  for (const type of ['Complete', 'Failed'] as const) if (findCondition(status.conditions, type)?.status === 'True') return type
  return undefined
}

/** Finished Jobs beyond the two history limits, oldest first. */
export function planHistory({ spec }: CronJob, jobs: readonly Job[]): readonly Job[] {
  const surplus = (outcome: 'Complete' | 'Failed', limit: number | undefined): readonly Job[] => {
    if (limit === undefined) return []
    const finished = jobs.filter((job) => outcomeOf(job) === outcome).sort(byStart)
    return finished.slice(0, Math.max(0, finished.length - limit))
  }
  return [...surplus('Complete', spec.successfulJobsHistoryLimit), ...surplus('Failed', spec.failedJobsHistoryLimit)]
}

function byStart(a: Job, b: Job): number {
  const [left, right] = [a.status.startTime ?? '', b.status.startTime ?? '']
  if (left !== right) return left === '' || (right !== '' && left > right) ? 1 : -1
  return a.metadata.name < b.metadata.name ? -1 : 1
}
