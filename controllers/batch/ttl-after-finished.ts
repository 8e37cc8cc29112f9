import { jobs } from '../../core/api/kinds.ts'
import type { Job } from '../../core/api/types/batch-v1.ts'
import type { Client } from '../../core/client/client.ts'
import type { Lister } from '../../core/client/informer.ts'
import { findCondition } from '../../core/meta/conditions.ts'
import { keyOf, type ObjectKey } from '../../core/meta/object.ts'
import { ignoreNotFound } from '../../core/meta/status-error.ts'
import type { Clock } from '../../core/runtime/clock.ts'
import { after, type Controller, done, type ReconcileContext, type Result, watch } from '../runtime/controller.ts'

/**
 * Deletes Jobs `ttlSecondsAfterFinished` after their end. Source: Kubernetes documentation, "Automatic Cleanup for Finished Jobs".
 */
export interface TtlDeps {
  readonly client: Client
  readonly jobs: Lister<Job>
  readonly clock: Clock
}

export function ttlAfterFinishedController(deps: TtlDeps): Controller {
  return {
    name: 'ttl-after-finished',
    concurrency: 5,
    watches: [watch(jobs, (job) => (expiryMs(job) === undefined ? [] : [keyOf(job)]))],
    reconcile: (key, context) => reconcile(key, deps, context),
  }
}

async function reconcile(key: ObjectKey, deps: TtlDeps, { signal }: ReconcileContext): Promise<Result> {
  const cached = deps.jobs.get(key)
  const cachedLeftMs = cached === undefined ? undefined : leftMs(cached, deps.clock)
  if (cached === undefined || cachedLeftMs === undefined) return done
  if (cachedLeftMs > 0) return after(cachedLeftMs)
  // The time to live may have been raised a moment ago, and a deletion cannot be taken back.
  const job = await ignoreNotFound(deps.client.get(jobs, cached.metadata, signal))
  const freshLeftMs = job === undefined ? undefined : leftMs(job, deps.clock)
  if (job === undefined || freshLeftMs === undefined) return done
  if (freshLeftMs > 0) return after(freshLeftMs)
  const preconditions = { uid: job.metadata.uid, resourceVersion: job.metadata.resourceVersion }
  await ignoreNotFound(deps.client.delete(jobs, job.metadata, { signal, propagationPolicy: 'Foreground', preconditions }))
  return done
}

function leftMs(job: Job, clock: Clock): number | undefined {
  const atMs = expiryMs(job)
  return atMs === undefined ? undefined : atMs - clock.now()
}

/** Undefined while the Job runs, is being deleted, or is to be kept. */
export function expiryMs({ metadata, spec, status }: Job): number | undefined {
  if (metadata.deletionTimestamp !== undefined || spec.ttlSecondsAfterFinished === undefined) return undefined
  for (const type of ['Complete', 'Failed']) {
    const condition = findCondition(status.conditions, type)
    if (condition?.status !== 'True') continue
    const endedMs = Date.parse(condition.lastTransitionTime ?? '')
    return Number.isNaN(endedMs) ? undefined : endedMs + spec.ttlSecondsAfterFinished * 1000
  }
  return undefined
}
