import type { Job } from '../../core/api/types/batch-v1.ts'
import type { Pod } from '../../core/api/types/core-v1.ts'
import type { KubeObject } from '../../core/meta/object.ts'
import { CONFIG_HASH } from './types.ts'
import { hashLabel } from './values.ts'

/** Newest revision of a helm release, read from helm's own storage objects. */
export interface ReleaseRecord {
  readonly revision: string
  readonly status: string
  readonly hashLabel: string
}

/** Where a chart stands; each state has one action in `controller.ts`. */
export type ChartState =
  | { readonly kind: 'no-job' }
  | { readonly kind: 'resume'; readonly job: Job }
  | { readonly kind: 'running'; readonly job: Job; readonly problem: string | undefined }
  | { readonly kind: 'deployed'; readonly job: Job }
  | { readonly kind: 'failed'; readonly job: Job; readonly problem: string }
  /** The job is of an older specification. `finished`: it may be deleted right away. */
  | { readonly kind: 'outdated'; readonly job: Job; readonly finished: boolean }
  /** The job completed but the release is not what it left behind. */
  | { readonly kind: 'drifted'; readonly job: Job; readonly finishedAtMs: number }

export interface Observation {
  readonly job: Job | undefined
  readonly hash: string
  readonly release: ReleaseRecord | undefined
  /** Pods of the job, any order. */
  readonly pods: readonly Pod[]
}

/** Classifies; the decision table of the controller. Source: helm-controller's reconcile rules. */
export function classify(seen: Observation): ChartState {
  const { job } = seen
  if (job === undefined) return { kind: 'no-job' }
  const finished = hasCondition(job, 'Complete') || hasCondition(job, 'Failed')
  const outdated = jobHash(job) !== seen.hash || (finished && job.spec.suspend === true)
  if (outdated) return { kind: 'outdated', job, finished: finished || isIdle(job) }
  if (hasCondition(job, 'Failed')) return { kind: 'failed', job, problem: lastProblem(seen.pods) ?? conditionMessage(job, 'Failed') }
  if (hasCondition(job, 'Complete')) {
    const { release } = seen
    if (release?.status === 'deployed' && release.hashLabel === hashLabel(seen.hash)) return { kind: 'deployed', job }
    return { kind: 'drifted', job, finishedAtMs: Date.parse(job.status.completionTime ?? job.metadata.creationTimestamp) }
  }
  if (job.spec.suspend === true && hasCondition(job, 'Suspended')) return { kind: 'resume', job }
  return { kind: 'running', job, problem: lastProblem(seen.pods) }
}

/** The hash of the configuration that the job was made for. */
export function jobHash(job: Job): string | undefined {
  return job.spec.template.metadata.annotations?.[CONFIG_HASH]
}

export function hasCondition(job: Job, type: string): boolean {
  return job.status.conditions?.some((condition) => condition.type === type && condition.status === 'True') === true
}

/** Suspended and without a living pod: safe to delete without cutting helm short. */
function isIdle(job: Job): boolean {
  return job.spec.suspend === true && (job.status.active ?? 0) === 0 && (job.status.terminating ?? 0) === 0
}

function conditionMessage(job: Job, type: string): string {
  return job.status.conditions?.find((condition) => condition.type === type)?.message ?? 'the job failed'
}

/** Helm's own words from the newest pod that ended badly: the entry point leaves them as termination message. */
export function lastProblem(pods: readonly Pod[]): string | undefined {
  const newest = [...pods].sort((a, b) => (a.metadata.creationTimestamp < b.metadata.creationTimestamp ? 1 : -1))
  for (const pod of newest) {
    const status = pod.status.containerStatuses?.[0]
    const ended = status?.state.terminated ?? status?.lastState.terminated
    if (ended !== undefined && ended.exitCode !== 0) return ended.message ?? `helm ended with exit code ${ended.exitCode}`
  }
  return undefined
}

/** Picks the highest revision among helm's storage objects of one release and namespace. */
export function newestRelease(objects: readonly KubeObject[]): ReleaseRecord | undefined {
  const versions = objects.map((object) => object.metadata.labels ?? {}).filter((labels) => /^\d+$/.test(labels['version'] ?? ''))
  const newest = versions.sort((a, b) => Number(b['version']) - Number(a['version']))[0]
  if (newest === undefined) return undefined
  return { revision: newest['version'] ?? '', status: newest['status'] ?? '', hashLabel: newest[CONFIG_HASH] ?? '' }
}
