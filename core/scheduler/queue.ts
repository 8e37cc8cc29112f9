import type { Pod } from '../api/types/core-v1.ts'
import { keyOf, type ObjectKey } from '../meta/object.ts'
import type { ClusterEvent, Plugin } from './framework.ts'
import { Heap } from './heap.ts'
import { isGated } from './plugins/scheduling-gates.ts'
import { podInfoOf } from './pod-info.ts'

/** A pod waits 1 s after its first failure, doubling to 10 s, unless nothing changed that could help it. */
const INITIAL_BACKOFF_MS = 1_000
const MAX_BACKOFF_MS = 10_000
/** A pod that no event wakes is tried again after this, in case a wake rule is wrong. */
const MAX_UNSCHEDULABLE_MS = 300_000

interface Entry {
  readonly pod: Pod
  readonly key: ObjectKey
  /** Order among pods of one priority. */
  readonly queuedMs: number
  readonly attempts: number
  readonly readyMs: number
  /** Plugins that rejected it; empty after an error, which any event may cure. */
  readonly rejectedBy: ReadonlySet<string>
  readonly parkedMs: number
}

/** What a scheduling attempt takes from the queue and gives back when it failed. */
export interface QueuedPod {
  readonly pod: Pod
  readonly attempts: number
}

/**
 * The pods without a node. Active ones are ready to be tried, highest priority first; those that failed wait in backoff when an
 * event might have helped them, or are parked until one does. Knows nothing of time: the caller gives it.
 */
export class SchedulingQueue {
  readonly #plugins: ReadonlyMap<string, Plugin>
  readonly #active = new Heap<ObjectKey, Entry>(({ key }) => key, comesFirst)
  readonly #backoff = new Heap<ObjectKey, Entry>(
    ({ key }) => key,
    (a, b) => a.readyMs < b.readyMs,
  )
  /** In the order of their `parkedMs`. */
  readonly #parked = new Map<ObjectKey, Entry>()
  readonly #gated = new Map<ObjectKey, Pod>()
  /** Pods being tried or bound. Trying is synchronous and a failed binding is retried in any case, so they need no events. */
  readonly #trying = new Set<ObjectKey>()

  constructor(plugins: readonly Plugin[]) {
    this.#plugins = new Map(plugins.map((plugin) => [plugin.name, plugin]))
  }

  /** Counts by state, for metrics and tests. */
  get sizes(): { readonly active: number; readonly backoff: number; readonly parked: number; readonly gated: number } {
    return { active: this.#active.size, backoff: this.#backoff.size, parked: this.#parked.size, gated: this.#gated.size }
  }

  add(pod: Pod, nowMs: number): void {
    const key = keyOf(pod)
    this.delete(key)
    if (isGated(pod)) this.#gated.set(key, pod)
    else this.#active.push(fresh(pod, nowMs))
  }

  /** A pod that changed while it waits: what matters to scheduling wakes it, the rest only replaces the object. */
  update(pod: Pod, old: Pod, nowMs: number): void {
    const key = keyOf(pod)
    const entry = this.#active.get(key) ?? this.#backoff.get(key) ?? this.#parked.get(key)
    if (entry === undefined) {
      if (!this.#trying.has(key)) this.add(pod, nowMs)
      return
    }
    const next = { ...entry, pod }
    if (this.#active.get(key) !== undefined) this.#active.push(next)
    else if (this.#backoff.get(key) !== undefined) this.#backoff.push(next)
    else if (affectsScheduling(pod, old)) this.#release(next, nowMs)
    else this.#parked.set(key, next)
  }

  delete(key: ObjectKey): void {
    this.#active.remove(key)
    this.#backoff.remove(key)
    this.#parked.delete(key)
    this.#gated.delete(key)
    this.#trying.delete(key)
  }

  /** The next pod to try; `done` or `giveBack` must follow. */
  pop(nowMs: number): QueuedPod | undefined {
    this.#flush(nowMs)
    const entry = this.#active.pop()
    if (entry === undefined) return undefined
    this.#trying.add(entry.key)
    return { pod: entry.pod, attempts: entry.attempts + 1 }
  }

  /** Milliseconds until a waiting pod becomes ready by itself; undefined when none will. */
  nextDueMs(nowMs: number): number | undefined {
    if (this.#active.size > 0) return 0
    const [oldest] = this.#parked.values()
    const due = Math.min(this.#backoff.peek()?.readyMs ?? Infinity, (oldest?.parkedMs ?? Infinity) + MAX_UNSCHEDULABLE_MS)
    return due === Infinity ? undefined : Math.max(0, due - nowMs)
  }

  /** The pod has a node, or is of no interest any more. */
  done(key: ObjectKey): void {
    this.#trying.delete(key)
  }

  /** The attempt failed: parks the pod, or lets it wait out its backoff when no plugin rejected it. */
  giveBack({ pod, attempts }: QueuedPod, rejectedBy: ReadonlySet<string>, nowMs: number): void {
    const key = keyOf(pod)
    if (!this.#trying.delete(key)) return
    const backoffMs = Math.min(INITIAL_BACKOFF_MS * 2 ** Math.min(attempts - 1, 10), MAX_BACKOFF_MS)
    const entry: Entry = { pod, key, attempts, rejectedBy, queuedMs: nowMs, parkedMs: nowMs, readyMs: nowMs + backoffMs }
    if (rejectedBy.size === 0) this.#release(entry, nowMs)
    else this.#parked.set(key, entry)
  }

  /** Wakes the pods that the event may help. */
  notify(event: ClusterEvent, nowMs: number): void {
    for (const entry of [...this.#parked.values()]) if (this.#helps(event, entry)) this.#release(entry, nowMs)
  }

  /** Wakes one pod at once, whatever its backoff. */
  activate(key: ObjectKey): void {
    const entry = this.#parked.get(key) ?? this.#backoff.get(key)
    if (entry === undefined) return
    this.#parked.delete(key)
    this.#backoff.remove(key)
    this.#active.push(entry)
  }

  #helps(event: ClusterEvent, { pod, rejectedBy }: Entry): boolean {
    for (const name of rejectedBy) if (this.#plugins.get(name)?.wakes(event, podInfoOf(pod)) === true) return true
    return false
  }

  #release(entry: Entry, nowMs: number): void {
    this.#parked.delete(entry.key)
    if (entry.readyMs > nowMs) this.#backoff.push(entry)
    else this.#active.push(entry)
  }

  #flush(nowMs: number): void {
    for (let entry = this.#backoff.peek(); entry !== undefined && entry.readyMs <= nowMs; entry = this.#backoff.peek()) {
      this.#backoff.pop()
      this.#active.push(entry)
    }
    for (const entry of this.#parked.values()) {
      if (entry.parkedMs + MAX_UNSCHEDULABLE_MS > nowMs) break
      this.#release(entry, nowMs)
    }
  }
}

function fresh(pod: Pod, nowMs: number): Entry {
  return { pod, key: keyOf(pod), attempts: 0, queuedMs: nowMs, parkedMs: nowMs, readyMs: nowMs, rejectedBy: new Set() }
}

function comesFirst(a: Entry, b: Entry): boolean {
  const [left, right] = [a.pod.spec.priority ?? 0, b.pod.spec.priority ?? 0]
  return left === right ? a.queuedMs < b.queuedMs : left > right
}

/** Status and annotations change all the time and help nothing. */
function affectsScheduling(pod: Pod, old: Pod): boolean {
  if (pod.metadata.deletionTimestamp !== old.metadata.deletionTimestamp) return true
  return JSON.stringify([pod.spec, pod.metadata.labels]) !== JSON.stringify([old.spec, old.metadata.labels])
}
