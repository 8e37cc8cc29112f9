import { setImmediate } from 'node:timers/promises'
import { podDisruptionBudgets, pods } from '../api/kinds.ts'
import type { Pod } from '../api/types/core-v1.ts'
import type { PodDisruptionBudget } from '../api/types/policy-v1.ts'
import type { Client } from '../client/client.ts'
import type { InformerFactory, Lister } from '../client/informer.ts'
import type { EventRecorder } from '../client/recorder.ts'
import { keyOf } from '../meta/object.ts'
import type { Logger } from '../observability/log.ts'
import { childController, isAborted } from '../runtime/abort.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Component, Running } from '../runtime/component.ts'
import { supervise } from '../runtime/supervise.ts'
import { bindPod } from './bind-pod.ts'
import { SchedulerCache } from './cache.ts'
import { type EventSinks, followCluster, loadCluster } from './cluster-events.ts'
import { type ActiveRun, type CycleDeps, findNode } from './cycle.ts'
import { type Diagnosis, explain, rejectingPlugins } from './diagnosis.ts'
import type { Reservation } from './framework.ts'
import { Nominator } from './nominator.ts'
import { type PodInfo, podInfoOf } from './pod-info.ts'
import { patchStatus, type StatusChange, statusPatch } from './pod-status.ts'
import { evictVictims } from './preemption/evict-victims.ts'
import { planPreemption } from './preemption/plan-preemption.ts'
import { DEFAULT_SCHEDULER, defaultProfile } from './profile.ts'
import { type QueuedPod, SchedulingQueue } from './queue.ts'
import { Wakeup } from './wakeup.ts'

export interface SchedulerDeps {
  readonly client: Client
  readonly informers: InformerFactory
  readonly recorder: EventRecorder
  readonly clock: Clock
  readonly log: Logger
  /** 0 to 1; chooses among equally good nodes. Default Math.random. */
  readonly random?: () => number
}

/**
 * Gives pods of the default scheduler a node. Deciding is synchronous, one pod after the other; binding runs beside it. Informers
 * must be asked for before they start; `start` waits for their sync.
 */
export function createScheduler(deps: SchedulerDeps): Component {
  return new Scheduler(deps)
}

class Scheduler implements Component {
  readonly name = 'scheduler'
  readonly #deps: SchedulerDeps
  readonly #cycle: CycleDeps
  readonly #cache: SchedulerCache
  readonly #queue: SchedulingQueue
  readonly #nominator = new Nominator()
  readonly #wakeup: Wakeup
  readonly #budgets: Lister<PodDisruptionBudget>
  readonly #pods: Lister<Pod>
  /** Bindings, status patches and evictions under way. */
  readonly #tasks = new Set<Promise<void>>()

  constructor(deps: SchedulerDeps) {
    this.#deps = deps
    const profile = defaultProfile(deps)
    this.#cache = new SchedulerCache(profile.namespaceLabels)
    this.#queue = new SchedulingQueue(profile.plugins)
    this.#cycle = { plugins: profile.plugins, cluster: this.#cache, nominator: this.#nominator, random: deps.random ?? Math.random }
    this.#wakeup = new Wakeup(deps.clock)
    this.#budgets = deps.informers.informer(podDisruptionBudgets)
    this.#pods = deps.informers.informer(pods)
  }

  async start(parent: AbortSignal): Promise<Running> {
    const { informers, clock, log } = this.#deps
    const sinks: EventSinks = {
      cache: this.#cache,
      queue: this.#queue,
      nominator: this.#nominator,
      schedulerName: DEFAULT_SCHEDULER,
      now: () => clock.now(),
      wake: () => this.#wakeup.call(),
    }
    await informers.waitForSync(parent)
    const child = childController(parent)
    loadCluster(informers, sinks)
    const unfollow = followCluster(informers, sinks)
    const loop = supervise((signal) => this.#run(signal), { name: 'scheduler', log, clock, signal: child.signal })
    const done = loop.then(async () => {
      unfollow()
      await Promise.allSettled(this.#tasks)
      child[Symbol.dispose]()
    })
    return { done }
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!isAborted(signal)) {
      const next = this.#queue.pop(this.#deps.clock.now())
      if (next === undefined) await this.#wakeup.wait(this.#queue.nextDueMs(this.#deps.clock.now()), signal)
      else {
        this.#attempt(next, signal)
        // Lets changes that arrived meanwhile in before the next decision.
        await setImmediate()
      }
    }
  }

  /** A fault in one pod's cycle must not stop the others. */
  #attempt(queued: QueuedPod, signal: AbortSignal): void {
    try {
      this.#scheduleOne(queued, signal)
    } catch (err) {
      this.#deps.log.error({ err, key: keyOf(queued.pod) }, 'Scheduling a pod failed, it is tried again')
      this.#queue.giveBack(queued, new Set(), this.#deps.clock.now())
    }
  }

  #scheduleOne(queued: QueuedPod, signal: AbortSignal): void {
    const pod = podInfoOf(queued.pod)
    if (pod.pod.metadata.deletionTimestamp !== undefined || this.#cache.isAssumed(pod.key)) {
      this.#queue.done(pod.key)
      return
    }
    if (this.#cache.nodes.length === 0) {
      this.#reject(queued, { message: 'no nodes available to schedule pods', rejectedBy: new Set(['NodeName']) }, signal)
      return
    }
    const result = findNode(pod, this.#cycle)
    if (result.kind === 'unschedulable') this.#onUnschedulable(queued, result.diagnosis, result.runs, signal)
    else {
      this.#cache.assume(pod.pod, result.node.name)
      this.#track(this.#bind(queued, result.node.name, result.reservations, signal))
    }
  }

  async #bind(queued: QueuedPod, node: string, reservations: readonly Reservation[], signal: AbortSignal): Promise<void> {
    const { recorder, log, client } = this.#deps
    const { pod } = queued
    const key = keyOf(pod)
    try {
      await bindPod(pod, node, reservations, { client, signal })
      this.#queue.done(key)
      this.#nominator.clear(key)
      recorder.event(pod, 'Normal', 'Scheduled', `Successfully assigned ${key} to ${node}`)
      log.debug({ key, node, attempts: queued.attempts }, 'Pod bound')
    } catch (err) {
      if (isAborted(signal)) return
      log.info({ err, key, node }, 'Binding failed, the pod is tried again')
      this.#cache.forget(key)
      this.#queue.notify({ type: 'pod-gone', pod }, this.#deps.clock.now())
      const message = err instanceof Error ? err.message : String(err)
      this.#reject(queued, { message, reason: 'SchedulerError', rejectedBy: new Set() }, signal)
    } finally {
      for (const reservation of reservations) reservation.release()
    }
  }

  #onUnschedulable(queued: QueuedPod, diagnosis: Diagnosis, runs: readonly ActiveRun[], signal: AbortSignal): void {
    const rejectedBy = rejectingPlugins(diagnosis)
    const pod = podInfoOf(queued.pod)
    const { cluster, nominator, random } = this.#cycle
    const plan = planPreemption({ pod, diagnosis, runs, cluster, nominator, random, budgets: this.#budgets.list() })
    if (plan.kind === 'candidate') {
      const node = plan.candidate.node.name
      this.#dropWeakerNominations(pod, node, signal)
      this.#nominator.nominate(pod.pod, node)
      this.#track(evictVictims(pod, plan.candidate, this.#deps, signal))
      this.#reject(queued, { message: explain(diagnosis), rejectedBy, nominatedNodeName: node }, signal)
      return
    }
    const clearing = plan.keepsNomination ? {} : { nominatedNodeName: '' }
    if (!plan.keepsNomination) this.#nominator.clear(pod.key)
    this.#reject(queued, { message: explain(diagnosis, plan.message), rejectedBy, ...clearing }, signal)
  }

  /** Less important pods that hoped for the same node look for another. */
  #dropWeakerNominations(pod: PodInfo, node: string, signal: AbortSignal): void {
    for (const other of this.#nominator.podsOn(node)) {
      if (other.priority >= pod.priority) continue
      this.#nominator.clear(other.key)
      this.#patch(other.pod, { nominatedNodeName: '' }, signal)
      this.#queue.activate(other.key)
    }
  }

  #reject(queued: QueuedPod, failure: Failure, signal: AbortSignal): void {
    const { recorder, clock, log } = this.#deps
    const { message, rejectedBy, nominatedNodeName, reason = 'Unschedulable' } = failure
    const key = keyOf(queued.pod)
    // The informer may know a newer version than the one that was tried.
    const pod = this.#pods.get(key)
    if (pod === undefined || pod.metadata.uid !== queued.pod.metadata.uid || (pod.spec.nodeName ?? '') !== '') this.#queue.done(key)
    else {
      this.#queue.giveBack({ ...queued, pod }, rejectedBy, clock.now())
      recorder.event(pod, 'Warning', 'FailedScheduling', message)
      log.debug({ key, attempts: queued.attempts, message }, 'Pod has no node')
      const condition = { type: 'PodScheduled', status: 'False', reason, message } as const
      this.#patch(pod, { condition, ...(nominatedNodeName !== undefined && { nominatedNodeName }) }, signal)
      this.#wakeup.call()
    }
  }

  #patch(pod: Pod, change: StatusChange, signal: AbortSignal): void {
    const body = statusPatch(pod, change, this.#deps.clock.now())
    if (body !== undefined) this.#track(patchStatus(this.#deps.client, pod, body, signal))
  }

  #track(task: Promise<void>): void {
    const settled: Promise<void> = task
      .catch((err: unknown) => this.#deps.log.debug({ err }, 'A write of the scheduler failed; the next attempt repeats it'))
      .finally(() => this.#tasks.delete(settled))
    this.#tasks.add(settled)
  }
}

interface Failure {
  readonly message: string
  /** Plugins whose events wake the pod; none means that time alone does. */
  readonly rejectedBy: ReadonlySet<string>
  readonly reason?: 'Unschedulable' | 'SchedulerError'
  readonly nominatedNodeName?: string
}
