import type { Job } from '../../../core/api/types/batch-v1.ts'
import type { Pod } from '../../../core/api/types/core-v1.ts'
import { isReady } from '../../runtime/pod.ts'
import { firstFree } from './indexes.ts'
import { finishedAtMs, indexOf, isIndexed, type NewPod } from './job-pods.ts'
import { failuresAfter, isFailed, replacesOnlyFailed, type Tally } from './tally.ts'

/** What to start and stop now, and when to look again. */
export interface PodPlan {
  readonly create: readonly NewPod[]
  readonly remove: readonly Pod[]
  /** New pods wait for this long after failures; undefined: nothing waits. */
  readonly retryMs?: number | undefined
}

export interface Moment {
  readonly nowMs: number
  /** Before this no failed pod is replaced; for Jobs without limits per index. */
  readonly waitUntilMs: number
}

/** At most so many pods are started or stopped in one reconcile. */
const BURST = 500
/** Delay after the first failure; it doubles with each further one up to the limit. */
const BACKOFF_BASE_MS = 10_000
const BACKOFF_MAX_MS = 600_000

/** Source: Kubernetes documentation, "Jobs", parallelism, backoff and indexed completion. */
export function planPods(job: Job, pods: readonly Pod[], counts: Tally, { nowMs, waitUntilMs }: Moment): PodPlan {
  if (job.spec.suspend === true) return { create: [], remove: counts.active.slice(0, BURST) }
  const wanted = wantedActive(job, counts)
  const surplus = planRemoval(job, counts, counts.active.length - wanted)
  if (surplus.length > 0) return { create: [], remove: surplus.slice(0, BURST) }
  const occupied = counts.active.length + (replacesOnlyFailed(job) ? counts.terminating : 0)
  const missing = Math.min(BURST, wanted - occupied)
  if (missing <= 0) return { create: [], remove: [] }
  if (job.spec.backoffLimitPerIndex !== undefined) return planPerIndex(job, pods, counts, { missing, nowMs })
  const retryMs = waitUntilMs - nowMs
  if (retryMs > 0) return { create: [], remove: [], retryMs }
  if (!isIndexed(job)) return { create: Array.from({ length: missing }, () => ({})), remove: [] }
  return { create: freeIndexes(job, counts, pods, missing).map((index) => ({ index })), remove: [] }
}

function wantedActive({ spec }: Job, counts: Tally): number {
  const { parallelism = 1, completions } = spec
  if (completions === undefined) return counts.succeeded > 0 ? Math.min(counts.active.length, parallelism) : parallelism
  return Math.max(0, Math.min(parallelism, completions - counts.succeeded - counts.failedIndexes.size))
}

/** At least `count` pods; for indexed Jobs also doubles and pods whose index is done or no longer exists. */
function planRemoval(job: Job, { active, succeededIndexes, failedIndexes }: Tally, count: number): readonly Pod[] {
  const byCost = [...active].sort((a, b) => costOf(a) - costOf(b) || youngerFirst(a, b))
  if (!isIndexed(job)) return byCost.slice(0, Math.max(0, count))
  const taken = new Set<number>()
  const useless: Pod[] = []
  const useful: Pod[] = []
  // From the dearest on, so that of two pods of one index the better one stays.
  for (const pod of byCost.toReversed()) {
    const index = indexOf(pod, job)
    const keep = index !== undefined && !taken.has(index) && !succeededIndexes.has(index) && !failedIndexes.has(index)
    if (keep) taken.add(index)
    ;(keep ? useful : useless).push(pod)
  }
  return [...useless, ...useful.reverse().slice(0, Math.max(0, count - useless.length))]
}

function costOf(pod: Pod): number {
  return (pod.spec.nodeName === undefined ? 0 : 4) + (pod.status.phase === 'Running' ? 2 : 0) + (isReady(pod) ? 1 : 0)
}

function youngerFirst(a: Pod, b: Pod): number {
  return a.metadata.creationTimestamp < b.metadata.creationTimestamp ? 1 : -1
}

function freeIndexes(job: Job, counts: Tally, pods: readonly Pod[], count: number): readonly number[] {
  const taken = new Set([...counts.succeededIndexes, ...counts.failedIndexes])
  const occupying = replacesOnlyFailed(job) ? pods.filter((pod) => pod.status.phase !== 'Failed') : counts.active
  for (const pod of occupying) {
    const index = indexOf(pod, job)
    if (index !== undefined) taken.add(index)
  }
  return firstFree(count, job.spec.completions ?? 0, taken)
}

/** Each index waits for its own failures alone. */
function planPerIndex(
  job: Job,
  pods: readonly Pod[],
  counts: Tally,
  { missing, nowMs }: { readonly missing: number; readonly nowMs: number },
): PodPlan {
  const last = new Map<number, Pod>()
  for (const pod of pods.filter((each) => isFailed(each, job))) {
    const index = indexOf(pod, job)
    if (index === undefined) continue
    const known = last.get(index)
    if (known === undefined || failuresAfter(job, known) <= failuresAfter(job, pod)) last.set(index, pod)
  }
  const create: NewPod[] = []
  let retryMs: number | undefined
  for (const index of freeIndexes(job, counts, pods, job.spec.completions ?? 0)) {
    if (create.length >= missing) break
    const pod = last.get(index)
    const failures = pod === undefined ? 0 : failuresAfter(job, pod)
    const leftMs = pod === undefined || failures === 0 ? 0 : finishedAtMs(pod, nowMs) + delayMs(failures) - nowMs
    if (leftMs <= 0) create.push({ index, failures })
    else retryMs = Math.min(retryMs ?? leftMs, leftMs)
  }
  return { create, remove: [], retryMs }
}

/** Wait after so many failures in a row. */
export function delayMs(failures: number): number {
  return Math.min(BACKOFF_MAX_MS, BACKOFF_BASE_MS * 2 ** Math.min(failures - 1, 20))
}
