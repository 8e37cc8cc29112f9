import { cronJobs, jobs } from '../../../core/api/kinds.ts'
import type { CronJob, CronJobStatus, Job } from '../../../core/api/types/batch-v1.ts'
import type { ObjectReference } from '../../../core/api/types/core-v1.ts'
import type { Client } from '../../../core/client/client.ts'
import type { Informer, Lister } from '../../../core/client/informer.ts'
import type { EventRecorder } from '../../../core/client/recorder.ts'
import { deepEqual } from '../../../core/meta/deep-equal.ts'
import { type Draft, keyOf, type ObjectKey } from '../../../core/meta/object.ts'
import { controllerReference, isControlledBy } from '../../../core/meta/owner.ts'
import { ignoreNotFound, isAlreadyExists } from '../../../core/meta/status-error.ts'
import { type Clock, toTimestamp } from '../../../core/runtime/clock.ts'
import { after, type Controller, done, type ReconcileContext, type Result, watch } from '../../runtime/controller.ts'
import { isNamespaceTerminating, messageOf } from '../../runtime/failure.ts'
import { controlledBy, controllerKeys, indexByController } from '../../runtime/owned.ts'
import { jobNameFor, outcomeOf, planHistory, planRun } from './plan.ts'
import { isTimeZone, parseSchedule, type Schedule } from './schedule.ts'

/** Starts Jobs on a schedule. Source: Kubernetes documentation, "CronJob". */
export interface CronJobDeps {
  readonly client: Client
  readonly cronJobs: Lister<CronJob>
  readonly jobs: Informer<Job>
  readonly recorder: EventRecorder
  readonly clock: Clock
}

const SCHEDULED_AT = 'batch.kubernetes.io/cronjob-scheduled-timestamp'
/** Clocks and timers are not exact: a moment after the run is surely after it. */
const AFTER_RUN_MS = 100

export function cronJobController(deps: CronJobDeps): Controller {
  indexByController(deps.jobs)
  return {
    name: 'cronjob',
    concurrency: 5,
    watches: [watch(cronJobs, (cronJob) => [keyOf(cronJob)]), watch(jobs, controllerKeys(cronJobs))],
    reconcile: (key, context) => new Sync(deps, context).reconcile(key),
  }
}

class Sync {
  readonly #deps: CronJobDeps
  readonly #context: ReconcileContext

  constructor(deps: CronJobDeps, context: ReconcileContext) {
    this.#deps = deps
    this.#context = context
  }

  async reconcile(key: ObjectKey): Promise<Result> {
    const cronJob = this.#deps.cronJobs.get(key)
    if (cronJob === undefined || cronJob.metadata.deletionTimestamp !== undefined) return done
    const children = controlledBy(this.#deps.jobs, cronJob.metadata.uid)
    const status = await this.#follow(cronJob, children)
    await this.#cleanUp(cronJob, children)
    const current = await this.#report(cronJob, status)
    if (current.spec.suspend === true) return done
    const schedule = this.#schedule(current)
    if (schedule === undefined) return done
    const nowMs = this.#deps.clock.now()
    const due = planRun(current, schedule, nowMs)
    if (due.missedMany !== undefined) {
      const hint = 'Set or decrease .spec.startingDeadlineSeconds or check clock skew'
      this.#event(current, 'Warning', 'TooManyMissedTimes', `too many missed start times: ${due.missedMany}. ${hint}`)
    }
    if (due.atMs !== undefined) await this.#run(current, due.atMs, children)
    return due.nextMs === undefined ? done : after(due.nextMs - nowMs + AFTER_RUN_MS)
  }

  /** The list of active Jobs, brought up to what has become of them. */
  async #follow(cronJob: CronJob, children: readonly Job[]): Promise<CronJobStatus> {
    let { lastSuccessfulTime } = cronJob.status
    const known = new Map((cronJob.status.active ?? []).map((reference) => [reference.uid, reference]))
    for (const job of children) {
      const outcome = outcomeOf(job)
      const listed = known.has(job.metadata.uid)
      if (!listed && outcome === undefined) {
        this.#event(cronJob, 'Warning', 'UnexpectedJob', `Saw a job that the controller did not create or forgot: ${job.metadata.name}`)
      }
      if (outcome === undefined) continue
      if (listed) {
        known.delete(job.metadata.uid)
        this.#event(cronJob, 'Normal', 'SawCompletedJob', `Saw completed job: ${job.metadata.name}, condition: ${outcome}`)
      }
      const { completionTime } = job.status
      if (outcome === 'Complete' && completionTime !== undefined && completionTime > (lastSuccessfulTime ?? ''))
        lastSuccessfulTime = completionTime
    }
    for (const [uid, { name = '' }] of known) {
      if (children.some(({ metadata }) => metadata.uid === uid) || (await this.#exists(cronJob, name, uid))) continue
      known.delete(uid)
      this.#event(cronJob, 'Normal', 'MissingJob', `Active job went missing: ${name}`)
    }
    return withActive({ ...cronJob.status, ...(lastSuccessfulTime !== undefined && { lastSuccessfulTime }) }, [...known.values()])
  }

  /** Asks the server: the cache may not have a Job yet that was started a moment ago. */
  async #exists({ metadata }: CronJob, name: string, uid: string | undefined): Promise<boolean> {
    const job = await ignoreNotFound(this.#deps.client.get(jobs, { namespace: metadata.namespace, name }, this.#context.signal))
    return job?.metadata.uid === uid
  }

  async #cleanUp(cronJob: CronJob, children: readonly Job[]): Promise<void> {
    for (const job of planHistory(cronJob, children)) await this.#delete(cronJob, job.metadata.name)
  }

  async #delete(cronJob: CronJob, name: string): Promise<void> {
    const { namespace } = cronJob.metadata
    try {
      await ignoreNotFound(
        this.#deps.client.delete(jobs, { namespace, name }, { signal: this.#context.signal, propagationPolicy: 'Background' }),
      )
      this.#event(cronJob, 'Normal', 'SuccessfulDelete', `Deleted job ${name}`)
    } catch (err) {
      this.#event(cronJob, 'Warning', 'FailedDelete', `Deleted job: ${messageOf(err)}`)
      throw err
    }
  }

  async #run(cronJob: CronJob, atMs: number, children: readonly Job[]): Promise<void> {
    const name = jobNameFor(cronJob, atMs)
    const { active = [] } = cronJob.status
    const { concurrencyPolicy, startingDeadlineSeconds } = cronJob.spec
    if (active.some((reference) => reference.name === name) || cronJob.status.lastScheduleTime === toTimestamp(atMs)) return
    if (startingDeadlineSeconds !== undefined && atMs + startingDeadlineSeconds * 1000 < this.#deps.clock.now()) {
      this.#event(cronJob, 'Warning', 'MissSchedule', `Missed scheduled time to start a job: ${new Date(atMs).toUTCString()}`)
      return
    }
    if (concurrencyPolicy === 'Forbid' && active.length > 0) {
      const message = 'Not starting job because prior execution is running and concurrency policy is Forbid'
      this.#event(cronJob, 'Normal', 'JobAlreadyActive', message)
      return
    }
    if (concurrencyPolicy === 'Replace') for (const reference of active) await this.#delete(cronJob, reference.name ?? '')
    const job = await this.#start(cronJob, atMs, name)
    if (job === undefined) return
    const kept = concurrencyPolicy === 'Replace' ? [] : active.filter(({ uid }) => uid !== job.metadata.uid)
    const running = outcomeOf(job) === undefined || !children.includes(job) ? [referenceTo(job)] : []
    await this.#report(cronJob, withActive({ ...cronJob.status, lastScheduleTime: toTimestamp(atMs) }, [...kept, ...running]))
  }

  /** The Job of this run, made now or in an earlier try whose status update was lost. */
  async #start(cronJob: CronJob, atMs: number, name: string): Promise<Job | undefined> {
    const { signal } = this.#context
    try {
      const job = await this.#deps.client.create(jobs, jobFor(cronJob, atMs, name), { signal })
      this.#event(cronJob, 'Normal', 'SuccessfulCreate', `Created job ${name}`)
      return job
    } catch (err) {
      if (isNamespaceTerminating(err)) return undefined
      if (isAlreadyExists(err)) {
        const existing = await this.#deps.client.get(jobs, { namespace: cronJob.metadata.namespace, name }, signal)
        if (isControlledBy(existing, cronJob)) return existing
      }
      this.#event(cronJob, 'Warning', 'FailedCreate', `Error creating job: ${messageOf(err)}`)
      throw err
    }
  }

  #schedule(cronJob: CronJob): Schedule | undefined {
    const { schedule, timeZone } = cronJob.spec
    if (timeZone !== undefined && !isTimeZone(timeZone)) {
      this.#event(cronJob, 'Warning', 'UnknownTimeZone', `invalid timeZone: ${JSON.stringify(timeZone)}: unknown time zone ${timeZone}`)
      return undefined
    }
    try {
      return parseSchedule(schedule, timeZone)
    } catch (err) {
      this.#event(cronJob, 'Warning', 'UnparseableSchedule', `unparseable schedule: ${JSON.stringify(schedule)} : ${messageOf(err)}`)
      return undefined
    }
  }

  async #report(cronJob: CronJob, status: CronJobStatus): Promise<CronJob> {
    if (deepEqual(status, cronJob.status)) return cronJob
    return this.#deps.client.updateStatus(cronJobs, { ...cronJob, status }, { signal: this.#context.signal })
  }

  #event(cronJob: CronJob, type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.#deps.recorder.event(cronJob, type, reason, message)
  }
}

function withActive(status: CronJobStatus, active: readonly ObjectReference[]): CronJobStatus {
  const { lastScheduleTime, lastSuccessfulTime } = status
  return {
    ...(active.length > 0 && { active }),
    ...(lastScheduleTime !== undefined && { lastScheduleTime }),
    ...(lastSuccessfulTime !== undefined && { lastSuccessfulTime }),
  }
}

function jobFor(cronJob: CronJob, atMs: number, name: string): Draft<Job> {
  const { metadata, spec } = cronJob.spec.jobTemplate
  return {
    metadata: {
      namespace: cronJob.metadata.namespace,
      name,
      labels: { ...metadata.labels },
      annotations: { ...metadata.annotations, [SCHEDULED_AT]: toTimestamp(atMs) },
      ownerReferences: [controllerReference(cronJobs, cronJob)],
    },
    spec,
  }
}

function referenceTo({ metadata }: Job): ObjectReference {
  const { name, namespace, uid, resourceVersion } = metadata
  return { apiVersion: 'batch/v1', kind: 'Job', name, namespace, uid, resourceVersion }
}
