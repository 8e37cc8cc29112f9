import { pods } from '../../../api/kinds.ts'
import type { Pod, PodCondition, PodStatus } from '../../../api/types/core-v1.ts'
import type { Client } from '../../../client/client.ts'
import { deepEqual } from '../../../meta/deep-equal.ts'
import { isConflict, isNotFound, isReason } from '../../../meta/status-error.ts'
import type { Logger } from '../../../observability/log.ts'
import { isAborted } from '../../../runtime/abort.ts'
import { Backoff } from '../../../runtime/backoff.ts'
import type { Clock } from '../../../runtime/clock.ts'
import { PASSING_CONDITIONS, sameConditions } from './conditions.ts'

export interface StatusWriterDeps {
  readonly client: Client
  readonly clock: Clock
  readonly log: Logger
  /** The API's object that carries the status of a pod; a static pod's is its mirror. Undefined: there is none. */
  readonly apiPodOf: (uid: string) => Pod | undefined
}

interface Entry {
  wanted: PodStatus
  /** Told last, as far as this process knows. */
  written?: PodStatus
  running?: Promise<void> | undefined
  /** Set since the present run last looked. */
  isFresh: boolean
}

/** Tells the API server what became of pods: only changes, one write at a time for each pod, always the newest. */
export class StatusWriter {
  readonly #deps: StatusWriterDeps
  readonly #entries = new Map<string, Entry>()
  readonly #signal: AbortSignal

  constructor(deps: StatusWriterDeps, signal: AbortSignal) {
    this.#deps = deps
    this.#signal = signal
  }

  set(uid: string, status: PodStatus): void {
    const entry = this.#entries.get(uid) ?? { wanted: status, isFresh: true }
    entry.wanted = status
    entry.isFresh = true
    this.#entries.set(uid, entry)
    this.#start(uid, entry)
  }

  #start(uid: string, entry: Entry): void {
    entry.running ??= this.#run(uid, entry).finally(() => {
      entry.running = undefined
      // Set while the run was on its way out.
      if (entry.isFresh && !isAborted(this.#signal)) this.#start(uid, entry)
    })
  }

  /** The status to tell, which may be newer than what the API holds. */
  get(uid: string): PodStatus | undefined {
    return this.#entries.get(uid)?.wanted
  }

  /** Resolves when nothing is left to tell of this pod, or the API does not know it. */
  async flush(uid: string): Promise<void> {
    await this.#entries.get(uid)?.running
  }

  /** The API's object was replaced or changed by somebody else: tell again what differs. */
  recheck(uid: string): void {
    const entry = this.#entries.get(uid)
    if (entry === undefined) return
    delete entry.written
    this.set(uid, entry.wanted)
  }

  forget(uid: string): void {
    this.#entries.delete(uid)
  }

  async #run(uid: string, entry: Entry): Promise<void> {
    const { clock, log } = this.#deps
    const backoff = new Backoff({ baseMs: 200, maxMs: 15_000, jitter: 0.2 })
    while (!isAborted(this.#signal) && this.#entries.get(uid) === entry) {
      const status = entry.wanted
      entry.isFresh = false
      const target = this.#deps.apiPodOf(uid)
      if (target === undefined || deepEqual(entry.written, status)) return
      try {
        if (!isTold(target.status, status)) await this.#write(target, status)
        entry.written = status
      } catch (err) {
        if (isAborted(this.#signal) || isNotFound(err) || isConflict(err)) return
        if (isReason(err, 'Invalid', 'BadRequest', 'Forbidden')) {
          // Saying it again would not help, and must not keep a pod that is being deleted from going.
          log.warn({ err, pod: target.metadata.name, namespace: target.metadata.namespace }, 'Pod status refused by the API server')
          return
        }
        log.debug({ err, pod: target.metadata.name, namespace: target.metadata.namespace }, 'Pod status not written, retrying')
        await clock.sleep(backoff.nextMs(), this.#signal).catch(() => undefined)
      }
    }
  }

  async #write(pod: Pod, status: PodStatus): Promise<void> {
    const body = { metadata: { uid: pod.metadata.uid }, status: patchOf(pod.status, status) }
    await this.#deps.client.patch(pods, pod.metadata, { type: 'strategic', body }, { signal: this.#signal, subresource: 'status' })
  }
}

/** Fields to set, and nulls for those that are to go. Conditions of others stay: the list merges by type. */
function patchOf(old: PodStatus, next: PodStatus): Readonly<Record<string, unknown>> {
  const patch: Record<string, unknown> = {}
  const before = old as unknown as Readonly<Record<string, unknown>>
  for (const [key, value] of Object.entries(next)) {
    if (key === 'conditions') patch[key] = conditionsPatch(old.conditions ?? [], next.conditions ?? [])
    else if (value === undefined) patch[key] = before[key] === undefined ? undefined : null
    else if (!deepEqual(before[key], value)) patch[key] = key === 'podIPs' ? replaced(old.podIPs, next.podIPs) : value
  }
  return Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined))
}

/** Conditions of others stay, as the list merges by type; our own passing ones must be told to go. */
function conditionsPatch(old: readonly PodCondition[], next: readonly PodCondition[]): unknown {
  const gone = goneConditions(old, next)
  if (gone.length === 0 && sameConditions(old, next)) return undefined
  return [...next.map((condition) => replacing(old, condition)), ...gone.map((type) => ({ $patch: 'delete', type }))]
}

/** Items merge field by field: a reason and a message that no longer hold must be told to go. */
function replacing(old: readonly PodCondition[], next: PodCondition): object {
  const before = old.find(({ type }) => type === next.type)
  return {
    ...next,
    ...(before?.reason !== undefined && next.reason === undefined && { reason: null }),
    ...(before?.message !== undefined && next.message === undefined && { message: null }),
  }
}

function goneConditions(old: readonly PodCondition[], next: readonly PodCondition[]): readonly string[] {
  const has = (list: readonly PodCondition[], type: string): boolean => list.some((condition) => condition.type === type)
  return PASSING_CONDITIONS.filter((type) => has(old, type) && !has(next, type))
}

/** The list of addresses merges by address, so old ones must be told to go. */
function replaced(old: PodStatus['podIPs'], next: PodStatus['podIPs']): unknown {
  return (old ?? []).length === 0 ? next : [{ $patch: 'replace' }, ...(next ?? [])]
}

function isTold(current: PodStatus, next: PodStatus): boolean {
  const { conditions = [], ...rest } = next
  const before = current as unknown as Readonly<Record<string, unknown>>
  const told = current.conditions ?? []
  return (
    goneConditions(told, conditions).length === 0 &&
    sameConditions(told, conditions) &&
    Object.entries(rest).every(([key, value]) => deepEqual(before[key], value))
  )
}
