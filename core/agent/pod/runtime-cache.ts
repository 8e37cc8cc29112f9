import type { Logger } from '../../observability/log.ts'
import { isAborted } from '../../runtime/abort.ts'
import type { Clock } from '../../runtime/clock.ts'
import { isCriCode, type RuntimeEvent, type RuntimeService } from '../cri/index.ts'
import { emptyRuntime, type PodRuntime } from './pod-runtime.ts'
import { RuntimeReader } from './read-runtime.ts'
import { podUidOf } from './runtime-labels.ts'

export interface RuntimeCacheDeps {
  readonly runtime: RuntimeService
  /** Event streams to try in order; the next one is tried when one is `Unimplemented`. */
  readonly eventSources: readonly ((signal: AbortSignal) => AsyncIterable<RuntimeEvent>)[]
  readonly clock: Clock
  readonly log: Logger
}

/** With events a rare look at everything repairs what was missed; without, the look is all there is. */
const RELIST_MS = 60_000
const RELIST_WITHOUT_EVENTS_MS = 1_000
/** The runtime's own bookkeeping may follow the event by some milliseconds. */
const SETTLE_DELAYS_MS = [0, 10, 30, 100, 300, 1_000, 3_000]

/**
 * What the runtime holds, pod by pod. Event-driven; `onChange` tells the uid of a pod whose containers changed by themselves or
 * by `refresh`. Source: the kubelet's pod lifecycle event generator.
 */
export class RuntimeCache {
  readonly #deps: RuntimeCacheDeps
  readonly #reader: RuntimeReader
  readonly #pods = new Map<string, PodRuntime>()
  /** Sandbox and container ids to pod uids. */
  readonly #owners = new Map<string, string>()
  readonly #listeners = new Set<(uid: string) => void>()
  /** Reads overlap; one that began earlier must not replace what a later one found. */
  readonly #appliedReads = new Map<string, number>()
  #reads = 0

  constructor(deps: RuntimeCacheDeps) {
    this.#deps = deps
    this.#reader = new RuntimeReader(deps.runtime)
  }

  get(uid: string): PodRuntime {
    return this.#pods.get(uid) ?? emptyRuntime(uid)
  }

  uids(): readonly string[] {
    return [...this.#pods.keys()]
  }

  onChange(listener: (uid: string) => void): void {
    this.#listeners.add(listener)
  }

  /** Before a container starts: its end must not be missed, however quick. */
  track(id: string, uid: string): void {
    this.#owners.set(id, uid)
  }

  async refresh(uid: string, signal: AbortSignal): Promise<PodRuntime> {
    const read = ++this.#reads
    this.#put(await this.#reader.pod(uid, signal), read)
    return this.get(uid)
  }

  /** Looks at everything once. */
  async relist(signal: AbortSignal): Promise<void> {
    const { runtime } = this.#deps
    const read = ++this.#reads
    const [sandboxes, containers] = await Promise.all([runtime.listPodSandboxes({}, signal), runtime.listContainers({}, signal)])
    this.#reader.keepOnly(new Set(containers.map(({ id }) => id)))
    const sandboxesOf = Map.groupBy(sandboxes, ({ labels }) => podUidOf(labels))
    const containersOf = Map.groupBy(containers, ({ labels }) => podUidOf(labels))
    const uids = new Set([...sandboxesOf.keys(), ...containersOf.keys(), ...this.#pods.keys()])
    for (const uid of uids) {
      if (uid === undefined) continue
      this.#put(await this.#reader.assemble(uid, sandboxesOf.get(uid) ?? [], containersOf.get(uid) ?? [], signal), read)
    }
  }

  /** Follows the runtime until the signal aborts; a lost connection is taken up again, with a look at everything. */
  async run(signal: AbortSignal): Promise<void> {
    const { log, clock } = this.#deps
    let source = 0
    while (!isAborted(signal)) {
      const stream = this.#deps.eventSources[source]
      try {
        if (stream === undefined) await this.#poll(signal)
        else await this.#follow(stream(signal), signal)
      } catch (err) {
        if (isAborted(signal)) return
        if (isCriCode(err, 'Unimplemented')) source += 1
        else {
          log.debug({ err }, 'Container events ended, subscribing again')
          await clock.sleep(500, signal).catch(() => undefined)
        }
      }
    }
  }

  async #follow(events: AsyncIterable<RuntimeEvent>, signal: AbortSignal): Promise<void> {
    const rounds = new AbortController()
    const stop = (): void => rounds.abort(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
    const relisting = this.#relistNowAndThen(RELIST_MS, rounds.signal)
    try {
      for await (const event of events) this.#take(event, signal)
    } finally {
      signal.removeEventListener('abort', stop)
      rounds.abort(new Error('the event stream ended'))
      await relisting
    }
  }

  async #poll(signal: AbortSignal): Promise<void> {
    await this.#relistNowAndThen(RELIST_WITHOUT_EVENTS_MS, signal)
  }

  async #relistNowAndThen(everyMs: number, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#deps
    while (!isAborted(signal)) {
      await this.relist(signal).catch((err: unknown) => {
        if (!isAborted(signal)) log.debug({ err }, 'The container runtime could not be listed')
      })
      await clock.sleep(everyMs, signal).catch(() => undefined)
    }
  }

  #take({ containerId, kind }: RuntimeEvent, signal: AbortSignal): void {
    const uid = this.#owners.get(containerId)
    if (uid === undefined || kind === 'oom') return
    this.#settle(uid, kind === 'exit' ? containerId : undefined, signal).catch((err: unknown) => {
      if (!isAborted(signal)) this.#deps.log.debug({ err, uid }, 'A pod could not be read from the container runtime')
    })
  }

  /** Reads the pod until the runtime agrees that `endedId` has ended. */
  async #settle(uid: string, endedId: string | undefined, signal: AbortSignal): Promise<void> {
    for (const delayMs of SETTLE_DELAYS_MS) {
      if (delayMs > 0) await this.#deps.clock.sleep(delayMs, signal)
      const pod = await this.refresh(uid, signal)
      const stillUp =
        pod.containers.some(({ id, phase }) => id === endedId && phase === 'running') ||
        pod.sandboxes.some(({ id, isReady }) => id === endedId && isReady)
      if (!stillUp) return
    }
  }

  #put(pod: PodRuntime, read: number): void {
    if (read < (this.#appliedReads.get(pod.uid) ?? 0)) return
    const old = this.#pods.get(pod.uid)
    for (const { id } of [...pod.sandboxes, ...pod.containers]) this.#owners.set(id, pod.uid)
    const now = new Set([...pod.sandboxes, ...pod.containers].map(({ id }) => id))
    for (const { id } of [...(old?.sandboxes ?? []), ...(old?.containers ?? [])]) if (!now.has(id)) this.#owners.delete(id)
    if (now.size === 0) {
      this.#pods.delete(pod.uid)
      this.#appliedReads.delete(pod.uid)
    } else {
      this.#pods.set(pod.uid, pod)
      this.#appliedReads.set(pod.uid, read)
    }
    if (fingerprint(old) !== fingerprint(pod)) for (const listener of this.#listeners) listener(pod.uid)
  }
}

/** What counts as a change: which containers there are and what state they are in. */
function fingerprint(pod: PodRuntime | undefined): string {
  if (pod === undefined) return ''
  const sandboxes = pod.sandboxes.map(({ id, isReady, ips }) => `${id} ${isReady} ${ips.join(',')}`)
  return [...sandboxes, ...pod.containers.map(({ id, phase }) => `${id} ${phase}`)].join('\n')
}
