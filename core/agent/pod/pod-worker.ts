import { setMaxListeners } from 'node:events'
import { pods } from '../../api/kinds.ts'
import type { Pod } from '../../api/types/core-v1.ts'
import { deepEqual } from '../../meta/deep-equal.ts'
import { ignoreNotFound, isConflict } from '../../meta/status-error.ts'
import { isAborted } from '../../runtime/abort.ts'
import { Backoff } from '../../runtime/backoff.ts'
import type { KeyBackoff } from '../images/key-backoff.ts'
import { VolumeError } from '../volumes/errors.ts'
import { admissionProblem } from './admit.ts'
import { removeOldRecords, removePodLogs, removePodRecords } from './clean-up.ts'
import { podReference } from './event-reference.ts'
import { killPod, podGraceSeconds } from './kill.ts'
import type { PodDeps } from './pod-deps.ts'
import { isRunning, type PodRuntime } from './pod-runtime.ts'
import type { ProbeManager } from './probes/probe-manager.ts'
import { PodProgress } from './pod-progress.ts'
import { resizePod } from './resize.ts'
import { StartError } from './start-error.ts'
import type { StatusWriter } from './status/status-writer.ts'
import { earliest, syncPod } from './sync-pod.ts'
import type { Verdict } from './verdict.ts'
import { NEXT, type WorkerEvent, type WorkerState } from './worker-state.ts'

export interface WorkerDeps extends PodDeps {
  readonly probes: ProbeManager
  readonly statuses: StatusWriter
  readonly crashes: KeyBackoff
  /** Pods of this node, for admission. */
  readonly activePods: () => readonly Pod[]
  /** The API's object of this pod as cached; a static pod's is its mirror. */
  readonly apiPodOf: (uid: string) => Pod | undefined
  readonly onGone: (uid: string) => void
}

const RETRY_RESIZE_MS = 10_000
const SYNC_BACKOFF = { baseMs: 500, maxMs: 10_000, jitter: 0.2 }

/** One pod's life on this node: a single loop that acts on the newest wish, so nothing of one pod ever runs twice at a time. */
export class PodWorker {
  readonly uid: string
  readonly #deps: WorkerDeps
  #pod: Pod
  #state: WorkerState = 'Syncing'
  #isGone = false
  readonly #progress: PodProgress
  readonly #backoff = new Backoff(SYNC_BACKOFF)
  #isAdmitted = false
  #hasVolumes = false
  #volumesAreStale = false
  #isDirty = true
  #wake: AbortController | undefined
  /** Ends what is under way when the pod's wish has changed so that it makes no sense any more. */
  #attempt = newAttempt()
  #graceSeconds: number | undefined

  constructor(pod: Pod, deps: WorkerDeps) {
    this.#pod = pod
    this.uid = pod.metadata.uid
    this.#progress = new PodProgress(pod, deps)
    this.#deps = deps
    this.#isAdmitted = deps.cache.get(this.uid).sandboxes.length > 0
    if (pod.metadata.deletionTimestamp !== undefined) this.#move('deleteRequested')
    else if (pod.status.phase === 'Succeeded' || pod.status.phase === 'Failed') this.#move('podFinished')
  }

  get state(): WorkerState {
    return this.#state
  }

  /** The pod with the status that this node has computed. */
  get pod(): Pod {
    const status = this.#deps.statuses.get(this.uid)
    return status === undefined ? this.#pod : { ...this.#pod, status: { ...this.#pod.status, ...status } }
  }

  /** A newer version of the API object. */
  update(pod: Pod): void {
    const old = this.#pod
    this.#pod = pod
    if (pod.metadata.deletionTimestamp !== undefined) {
      this.#move('deleteRequested')
      this.#hurry(podGraceSeconds(pod))
    }
    // Labels and annotations show in downward API volumes.
    const isRelabelled = !deepEqual([old.metadata.labels, old.metadata.annotations], [pod.metadata.labels, pod.metadata.annotations])
    if (isRelabelled) this.#volumesAreStale = true
    const isSame = !isRelabelled && old.metadata.deletionTimestamp === pod.metadata.deletionTimestamp && deepEqual(old.spec, pod.spec)
    // Mostly the echo of a status that was told from here: nothing to do, but others may have set conditions that gates wait for.
    if (isSame) this.refreshStatus()
    else this.poke()
  }

  /** An object that volumes show has changed, or a token is due. */
  volumesChanged(): void {
    this.#volumesAreStale = true
    this.poke()
  }

  /** The API no longer knows the pod. */
  gone(last: Pod): void {
    this.#pod = last
    this.#isGone = true
    this.#move('deleteRequested')
    this.#hurry(podGraceSeconds(last))
    this.poke()
  }

  /** This node ends the pod. */
  evict(verdict: Verdict): void {
    if (this.#state !== 'Syncing') return
    this.#progress.verdict = verdict
    this.#move('evicted')
    this.poke()
  }

  /** Something may have to be done: look again at once. */
  poke(): void {
    this.#isDirty = true
    this.#wake?.abort(new Error('poked'))
  }

  /** Computes the status afresh and has it told. */
  refreshStatus(): void {
    if (this.#isGone) return
    const isTerminal = this.#state === 'Terminated' || this.#state === 'Finished'
    this.#deps.statuses.set(this.uid, this.#progress.status(this.#pod, isTerminal))
  }

  /** Runs until the pod is gone and nothing of it is left, or the signal aborts; containers are left running then. */
  async run(signal: AbortSignal): Promise<void> {
    const onAbort = (): void => {
      this.#attempt.abort(signal.reason)
      this.#wake?.abort(signal.reason)
    }
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      while (!isAborted(signal)) {
        const waitMs = await this.#step(signal)
        if (waitMs === 'gone') return
        if (!isAborted(signal)) await this.#rest(waitMs)
      }
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  async #rest(waitMs: number | undefined): Promise<void> {
    if (this.#isDirty) return
    const wake = new AbortController()
    this.#wake = wake
    // Without a time the sleep is only ended by a poke.
    await this.#deps.clock.sleep(waitMs ?? 2 ** 31 - 1, wake.signal).catch(() => undefined)
    this.#wake = undefined
  }

  /** Does what the state asks for; answers when to look again by itself. */
  async #step(signal: AbortSignal): Promise<number | undefined | 'gone'> {
    this.#isDirty = false
    const attempt = this.#attempt.signal
    try {
      const result = await this.#act(attempt)
      if (result !== 'failed') this.#backoff.reset()
      return result === 'failed' ? this.#backoff.nextMs() : result
    } catch (err) {
      if (isAborted(signal)) return undefined
      // Given up because the wish changed: go on with the new one.
      if (isAborted(attempt)) return 0
      this.#tellFailure(err)
      this.refreshStatus()
      return err instanceof StartError && err.retryAfterMs !== undefined ? err.retryAfterMs : this.#backoff.nextMs()
    }
  }

  #tellFailure(err: unknown): void {
    const { log } = this.#deps
    const { name, namespace } = this.#pod.metadata
    const expected = err instanceof StartError || err instanceof VolumeError
    if (expected) log.debug({ err, pod: name, namespace }, 'Pod cannot go on now')
    else log.warn({ err, pod: name, namespace, state: this.#state }, 'Pod step failed, retrying')
  }

  #act(signal: AbortSignal): Promise<number | undefined | 'gone' | 'failed'> {
    switch (this.#state) {
      case 'Syncing':
        return this.#sync(signal)
      case 'Terminating':
        return this.#terminate(signal)
      case 'Terminated':
        return this.#release()
      case 'Finished':
        return this.#finish(signal)
    }
  }

  async #sync(signal: AbortSignal): Promise<number | undefined> {
    const deps = this.#deps
    if (!this.#isAdmitted && !this.#admit()) return 0
    this.#isAdmitted = true
    const deadlineMs = this.#deadlineLeftMs()
    if (deadlineMs !== undefined && deadlineMs <= 0) {
      const message = 'Pod was active on the node longer than the specified deadline'
      deps.recorder.event(podReference(this.#pod), 'Normal', 'DeadlineExceeded', message)
      this.evict({ reason: 'DeadlineExceeded', message })
      return 0
    }
    deps.probes.add(this.#pod)
    this.refreshStatus()
    await this.#refreshVolumes(signal)
    const { isFinished, retryAfterMs } = await syncPod(this.pod, deps, {
      probes: deps.probes,
      crashes: deps.crashes,
      podNow: () => this.pod,
      hasVolumes: this.#hasVolumes,
      resize: (runtime) => this.#resize(runtime, signal),
      signal,
      progress: {
        starting: (name) => this.#progress.starting.add(name),
        started: (name) => {
          this.#progress.started(this.#pod, name)
          this.refreshStatus()
          deps.probes.trigger(this.uid)
        },
        waits: (name, reason, message) => this.#progress.waiting.set(name, { reason, message }),
      },
    })
    if (isFinished) {
      this.#move('podFinished')
      return 0
    }
    this.#hasVolumes = true
    this.refreshStatus()
    await removeOldRecords(deps.cache.get(this.uid), deps, signal)
    return earliest(retryAfterMs, deadlineMs)
  }

  /** Here, between the other steps, since two that prepare or remove the same folders would spoil each other's work. */
  async #refreshVolumes(signal: AbortSignal): Promise<void> {
    const isDue = this.#hasVolumes && this.#volumesAreStale
    this.#volumesAreStale = false
    if (!isDue) return
    try {
      await this.#deps.volumes.prepare(this.pod, signal)
    } catch (err) {
      if (isAborted(signal)) throw err
      // A required object that vanished leaves the files as they are.
      this.#deps.log.debug({ err, uid: this.uid }, 'Volume content not brought up to date')
    }
  }

  async #resize(runtime: PodRuntime, signal: AbortSignal): Promise<number | undefined> {
    const deps = this.#deps
    const problem = await resizePod(this.#pod, runtime, { deps, applied: this.#progress.applied, admission: deps }, signal)
    this.#progress.resizeProblem = problem
    return problem === undefined ? undefined : RETRY_RESIZE_MS
  }

  /** False: turned away, and told so. */
  #admit(): boolean {
    const problem = admissionProblem(this.#pod, this.#deps)
    if (problem === undefined) return true
    this.#deps.recorder.event(podReference(this.#pod), 'Warning', problem.reason, problem.message)
    this.evict({ reason: problem.reason, message: `Pod was rejected: ${problem.message}`, isRejection: true })
    return false
  }

  #deadlineLeftMs(): number | undefined {
    const { activeDeadlineSeconds } = this.#pod.spec
    const startTime = this.#deps.statuses.get(this.uid)?.startTime ?? this.#pod.status.startTime
    if (activeDeadlineSeconds === undefined || startTime === undefined) return undefined
    return Date.parse(startTime) + activeDeadlineSeconds * 1000 - this.#deps.clock.now()
  }

  async #terminate(signal: AbortSignal): Promise<number | undefined> {
    const { probes, cache } = this.#deps
    probes.stopRestarting(this.uid)
    this.refreshStatus()
    const before = await cache.refresh(this.uid, signal)
    this.#graceSeconds = Math.min(podGraceSeconds(this.#pod), this.#progress.verdict?.graceSeconds ?? Number.POSITIVE_INFINITY)
    await killPod(this.pod, before, this.#deps, { graceSeconds: this.#graceSeconds, signal })
    const after = await this.#settled(signal)
    if (after.containers.some(isRunning) || after.sandboxes.some(({ isReady }) => isReady))
      throw new Error('containers are still running after they were stopped')
    probes.remove(this.uid)
    this.#move('containersStopped')
    this.refreshStatus()
    return 0
  }

  /** The runtime may take a moment to show what it has stopped. */
  async #settled(signal: AbortSignal): Promise<PodRuntime> {
    for (const delayMs of [0, 20, 50, 100, 300]) {
      if (delayMs > 0) await this.#deps.clock.sleep(delayMs, signal)
      const runtime = await this.#deps.cache.refresh(this.uid, signal)
      if (!runtime.containers.some(isRunning) && !runtime.sandboxes.some(({ isReady }) => isReady)) return runtime
    }
    return this.#deps.cache.get(this.uid)
  }

  async #release(): Promise<number | undefined> {
    await this.#deps.volumes.teardown(this.uid)
    await this.#deps.cgroups.remove(this.uid)
    this.#move('resourcesReleased')
    return 0
  }

  async #finish(signal: AbortSignal): Promise<number | undefined | 'gone' | 'failed'> {
    const { statuses, client, cache, images } = this.#deps
    if (this.#isGone) {
      await removePodRecords(cache.get(this.uid), this.#deps, signal)
      const { name, namespace = 'default' } = this.#pod.metadata
      await removePodLogs({ name, namespace, uid: this.uid }, this.#deps)
      images.forget(this.uid)
      statuses.forget(this.uid)
      this.#deps.onGone(this.uid)
      return 'gone'
    }
    this.refreshStatus()
    await statuses.flush(this.uid)
    const api = this.#deps.apiPodOf(this.uid)
    if (api?.metadata.deletionTimestamp === undefined) return undefined
    const preconditions = { uid: api.metadata.uid }
    try {
      await ignoreNotFound(client.delete(pods, api.metadata, { signal, gracePeriodSeconds: 0, preconditions }))
    } catch (err) {
      // Another pod has taken the name: this one is gone, and the informer will say so.
      if (!isConflict(err)) throw err
    }
    // Finalizers of others may hold the object; its end is told by the informer.
    return undefined
  }

  #move(event: WorkerEvent): void {
    const next = NEXT[this.#state][event]
    if (next === this.#state) return
    if (this.#state === 'Syncing') {
      this.#attempt.abort(new Error(`the pod goes from ${this.#state} to ${next}`))
      this.#attempt = newAttempt()
      this.#progress.starting.clear()
    }
    this.#state = next
    this.#isDirty = true
  }

  /** A second deletion with less grace cuts the first one short. */
  #hurry(graceSeconds: number): void {
    if (this.#state !== 'Terminating' || this.#graceSeconds === undefined || graceSeconds >= this.#graceSeconds) return
    this.#graceSeconds = graceSeconds
    this.#attempt.abort(new Error('the grace period was cut short'))
    this.#attempt = newAttempt()
  }
}

function newAttempt(): AbortController {
  const attempt = new AbortController()
  setMaxListeners(0, attempt.signal)
  return attempt
}
