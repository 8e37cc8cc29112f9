import { jobs, pods } from '../../../core/api/kinds.ts'
import type { Job, JobCondition } from '../../../core/api/types/batch-v1.ts'
import type { Pod } from '../../../core/api/types/core-v1.ts'
import type { Client } from '../../../core/client/client.ts'
import type { Informer, Lister } from '../../../core/client/informer.ts'
import type { EventRecorder } from '../../../core/client/recorder.ts'
import { findCondition } from '../../../core/meta/conditions.ts'
import { deepEqual } from '../../../core/meta/deep-equal.ts'
import { keyOf, type KubeObject, type ObjectKey, objectKey } from '../../../core/meta/object.ts'
import { controllerOf } from '../../../core/meta/owner.ts'
import { selectorOf } from '../../../core/meta/selector.ts'
import { ignoreNotFound } from '../../../core/meta/status-error.ts'
import { type Clock, toTimestamp } from '../../../core/runtime/clock.ts'
import { after, type Controller, done, type ReconcileContext, type Result, watch } from '../../runtime/controller.ts'
import { Expectations } from '../../runtime/expectations.ts'
import { isNamespaceTerminating, messageOf, toError } from '../../runtime/failure.ts'
import { claim, indexByController, ownerKeys } from '../../runtime/owned.ts'
import { isActive, isReady } from '../../runtime/pod.ts'
import { slowStart } from '../../runtime/slow-start.ts'
import { isTracked, JOB_NAME, type NewPod, podFor, TRACKING } from './job-pods.ts'
import { planPods } from './replicas.ts'
import { planStatus } from './status.ts'
import { FailureMemory } from './failure-memory.ts'
import { type Tally, tally } from './tally.ts'
import { isFinished, msUntilDeadline, planCompletion, planVerdict, type Verdict } from './verdict.ts'

/**
 * Runs pods until enough of them have succeeded, or too many have failed. Source: Kubernetes documentation, "Jobs".
 */
export interface JobDeps {
  readonly client: Client
  readonly jobs: Lister<Job>
  readonly pods: Informer<Pod>
  readonly recorder: EventRecorder
  readonly clock: Clock
}

const MANAGED_BY = 'kubernetes.io/job-controller'
const TRACKED_PODS = 'jobOfTrackedPod'

export function jobController(deps: JobDeps): Controller {
  indexByController(deps.pods).addIndex(TRACKED_PODS, trackedJobKeys)
  const expectations = new Expectations(deps.pods, deps.clock)
  const memory = new FailureMemory()
  const keysOfOwner = ownerKeys(jobs, deps.jobs, ({ spec }) => selectorOf(spec.selector))
  return {
    name: 'job',
    concurrency: 5,
    watches: [
      watch(jobs, (job) => [keyOf(job)]),
      watch(pods, (pod) => [...keysOfOwner(pod), ...(trackedJobKeys(pod) as readonly ObjectKey[])]),
    ],
    reconcile: (key, context) => new Sync(deps, { expectations, memory }, context).reconcile(key),
  }
}

/** The Job that put its finalizer on the pod, whether it still exists or not. */
function trackedJobKeys(pod: Pod): readonly string[] {
  if (!isTracked(pod)) return []
  const owner = controllerOf(pod)
  const name = owner?.kind === 'Job' ? owner.name : pod.metadata.labels?.[JOB_NAME]
  return name === undefined ? [] : [objectKey(pod.metadata.namespace, name)]
}

class Sync {
  readonly #deps: JobDeps
  readonly #expectations: Expectations<Pod>
  readonly #memory: FailureMemory
  readonly #context: ReconcileContext

  constructor(
    deps: JobDeps,
    state: { readonly expectations: Expectations<Pod>; readonly memory: FailureMemory },
    context: ReconcileContext,
  ) {
    this.#deps = deps
    this.#expectations = state.expectations
    this.#memory = state.memory
    this.#context = context
  }

  async reconcile(key: ObjectKey): Promise<Result> {
    const job = this.#deps.jobs.get(key)
    if (job?.spec.managedBy !== undefined && job.spec.managedBy !== MANAGED_BY) return done
    await this.#releaseStrays(key, job)
    if (job === undefined) this.#expectations.forget(key)
    if (job === undefined || isFinished(job)) {
      this.#memory.forget(key)
      return done
    }
    const owned = await claim({
      client: this.#deps.client,
      ownerType: jobs,
      owner: job,
      selector: selectorOf(job.spec.selector),
      type: pods,
      lister: this.#deps.pods,
      signal: this.#context.signal,
    })
    return this.#sync(key, job, owned)
  }

  async #sync(key: ObjectKey, job: Job, owned: readonly Pod[]): Promise<Result> {
    const nowMs = this.#deps.clock.now()
    const counts = tally(job, owned)
    let verdict = planVerdict(job, owned, counts, nowMs)
    const acted = verdict === undefined ? await this.#manage(key, job, owned, counts) : await this.#stop(job, key, counts.active)
    verdict ??= planCompletion(job, counts, acted.active)
    const { status, release, finished } = planStatus({
      job,
      pods: owned,
      counts,
      verdict,
      active: acted.active,
      ready: acted.ready,
      now: toTimestamp(nowMs),
    })
    if (!deepEqual(status, job.status)) {
      await this.#deps.client.updateStatus(jobs, { ...job, status }, { signal: this.#context.signal })
      this.#tell(job, status.conditions ?? [], finished)
    }
    await Promise.all(release.map((pod) => this.#release(pod)))
    if (acted.error !== undefined) throw toError(acted.error)
    const waits = [acted.retryMs, verdict === undefined ? msUntilDeadline(job, nowMs) : undefined].filter((ms) => ms !== undefined)
    return waits.length === 0 ? done : after(Math.max(0, Math.min(...waits)))
  }

  /** Brings the number of pods to what is wanted. */

  async #manage(key: ObjectKey, job: Job, owned: readonly Pod[], counts: Tally): Promise<Acted> {
    const { active, ready } = counts
    const unchanged = { active: active.length, ready }
    if (job.metadata.deletionTimestamp !== undefined || !this.#expectations.satisfied(key)) return unchanged
    const nowMs = this.#deps.clock.now()
    const waitUntilMs = this.#memory.recall(key, job, owned, nowMs)
    const plan = planPods(job, owned, counts, { nowMs, waitUntilMs })
    if (plan.remove.length > 0) {
      // Not a failure of the pod: it must not be counted when it ends.
      for (const pod of plan.remove) await this.#release(pod)
      return this.#removed(job, key, counts.active, plan.remove)
    }
    const { results, error } = await slowStart(plan.create.length, (at) => this.#create(job, key, plan.create[at] ?? {}))
    const created = results.filter(Boolean).length
    return { active: active.length + created, ready, error, ...(plan.retryMs !== undefined && { retryMs: plan.retryMs }) }
  }

  #stop(job: Job, key: ObjectKey, active: readonly Pod[]): Promise<Acted> {
    return this.#removed(job, key, active, active)
  }

  async #removed(job: Job, key: ObjectKey, active: readonly Pod[], victims: readonly Pod[]): Promise<Acted> {
    const { signal } = this.#context
    const gone = new Set<Pod>()
    let error: unknown
    for (const pod of victims) {
      try {
        await ignoreNotFound(this.#deps.client.delete(pods, pod.metadata, { signal, preconditions: { uid: pod.metadata.uid } }))
        this.#expectations.deleted(key, pod)
        gone.add(pod)
        this.#deps.recorder.event(job, 'Normal', 'SuccessfulDelete', `Deleted pod: ${pod.metadata.name}`)
      } catch (err) {
        this.#deps.recorder.event(job, 'Warning', 'FailedDelete', `Error deleting: ${messageOf(err)}`)
        error ??= err
      }
    }
    const left = active.filter((pod) => !gone.has(pod))
    return { active: left.length, ready: left.filter(isReady).length, error }
  }

  async #create(job: Job, key: ObjectKey, wanted: NewPod): Promise<boolean> {
    try {
      const created = await this.#deps.client.create(pods, podFor(job, wanted), { signal: this.#context.signal })
      this.#expectations.created(key, created)
      this.#deps.recorder.event(job, 'Normal', 'SuccessfulCreate', `Created pod: ${created.metadata.name}`)
      return true
    } catch (err) {
      if (isNamespaceTerminating(err)) return false
      this.#deps.recorder.event(job, 'Warning', 'FailedCreate', `Error creating: ${messageOf(err)}`)
      throw err
    }
  }

  /** Pods that a Job left behind, because it is gone, has ended or no longer owns them, would never go otherwise. */
  async #releaseStrays(key: ObjectKey, job: Job | undefined): Promise<void> {
    for (const pod of this.#deps.pods.byIndex(TRACKED_PODS, key)) {
      if (job !== undefined && !isFinished(job) && isControlledByThis(pod, job)) continue
      // A pod whose creation the Job never heard of must not go on working for a Job that has ended.
      if (job !== undefined && isControlledByThis(pod, job) && isActive(pod)) await this.#removed(job, key, [pod], [pod])
      await this.#release(pod)
    }
  }

  async #release(pod: Pod): Promise<void> {
    if (!isTracked(pod)) return
    const path = `/metadata/finalizers/${pod.metadata.finalizers?.indexOf(TRACKING) ?? 0}`
    // No resourceVersion: the pod's status may well have moved on, and its deletion has.
    const body = [
      { op: 'test', path: '/metadata/uid', value: pod.metadata.uid },
      { op: 'test', path, value: TRACKING },
      { op: 'remove', path },
    ]
    await ignoreNotFound(this.#deps.client.patch(pods, pod.metadata, { type: 'json', body }, { signal: this.#context.signal }))
  }

  #tell(job: Job, conditions: readonly JobCondition[], finished: Verdict | undefined): void {
    const { recorder } = this.#deps
    if (finished?.type === 'SuccessCriteriaMet') recorder.event(job, 'Normal', 'Completed', 'Job completed')
    if (finished?.type === 'FailureTarget') recorder.event(job, 'Warning', finished.reason, finished.message)
    const was = findCondition(job.status.conditions, 'Suspended')?.status
    const is = findCondition(conditions, 'Suspended')?.status
    if (is === 'True' && was !== 'True') recorder.event(job, 'Normal', 'Suspended', 'Job suspended')
    if (is === 'False' && was === 'True') recorder.event(job, 'Normal', 'Resumed', 'Job resumed')
  }
}

/** What a step did; an error is thrown only after the status tells what succeeded. */
interface Acted {
  readonly active: number
  readonly ready: number
  readonly retryMs?: number
  readonly error?: unknown
}

function isControlledByThis(pod: KubeObject, job: Job): boolean {
  return controllerOf(pod)?.uid === job.metadata.uid
}
