import { setMaxListeners } from 'node:events'
import { pods, services } from '../../api/kinds.ts'
import type { Pod } from '../../api/types/core-v1.ts'
import type { Informer, InformerFactory } from '../../client/informer.ts'
import { keyOf } from '../../meta/object.ts'
import { isAborted } from '../../runtime/abort.ts'
import type { Component, Running } from '../../runtime/component.ts'
import { KeyBackoff } from '../images/key-backoff.ts'
import { staticPodsDir } from '../paths.ts'
import { removeOrphan } from './clean-up.ts'
import { rotateLogs } from './log-rotation.ts'
import { isMirror, isMirrorOf, removeMirror, showMirror } from './mirror-pods.ts'
import type { PodDeps } from './pod-deps.ts'
import { PodWorker, type WorkerDeps } from './pod-worker.ts'
import { ProbeManager } from './probes/probe-manager.ts'
import { followStaticPods, readStaticPods } from './static-pods.ts'
import { StatusWriter } from './status/status-writer.ts'
import type { Verdict } from './verdict.ts'

export interface PodManagerDeps extends Omit<PodDeps, 'services'> {
  readonly informers: InformerFactory
  readonly logLimits: { readonly maxBytes: number; readonly maxFiles: number }
}

/** All pods of this node. */
export interface PodManager extends Component {
  /** Pods with the status that this node has computed; those that are being ended included. */
  pods(): readonly Pod[]
  find(namespace: string, name: string): Pod | undefined
  byUid(uid: string): Pod | undefined
  /** Ends a pod for the node's sake; it is told as Failed. */
  evict(uid: string, verdict: Verdict): void
  /** Results of all probes so far, in Prometheus' text form. */
  probeMetrics(): string
}

const CRASH_BACKOFF = { baseMs: 10_000, maxMs: 300_000 }
const ORPHAN_RETRIES = 20

export function createPodManager(deps: PodManagerDeps): PodManager {
  return new Manager(deps)
}

class Manager implements PodManager {
  readonly name = 'pods'
  readonly #deps: PodManagerDeps
  readonly #api: Informer<Pod>
  readonly #workers = new Map<string, PodWorker>()
  readonly #loops = new Set<Promise<void>>()
  readonly #apiKeys = new Map<string, string>()
  #static = new Map<string, Pod>()
  #signal: AbortSignal | undefined
  #workerDeps: WorkerDeps | undefined

  constructor(deps: PodManagerDeps) {
    this.#deps = deps
    this.#api = deps.informers.informer(pods, { fieldSelector: `spec.nodeName=${deps.facts.nodeName}` })
  }

  pods(): readonly Pod[] {
    return [...this.#workers.values()].map(({ pod }) => pod)
  }

  find(namespace: string, name: string): Pod | undefined {
    const matches = this.pods().filter(({ metadata }) => metadata.name === name && (metadata.namespace ?? 'default') === namespace)
    // The one the API knows now, when a successor has the name already.
    return matches.find(({ metadata }) => this.#apiKeys.has(metadata.uid)) ?? matches.at(-1)
  }

  byUid(uid: string): Pod | undefined {
    return this.#workers.get(uid)?.pod
  }

  evict(uid: string, verdict: Verdict): void {
    this.#workers.get(uid)?.evict(verdict)
  }

  probeMetrics(): string {
    return this.#workerDeps?.probes.metrics() ?? ''
  }

  async start(signal: AbortSignal): Promise<Running> {
    const { informers, cache, clock, log, client, recorder, runtime, facts, volumes } = this.#deps
    const serviceInformer = informers.informer(services)
    await informers.waitForSync(signal)
    await cache.relist(signal)
    this.#signal = signal
    const statuses = new StatusWriter({ client, clock, log, apiPodOf: (uid) => this.#apiPodOf(uid) }, signal)
    const probes = new ProbeManager({
      runtime,
      recorder,
      clock,
      userAgent: facts.userAgent,
      runtimeOf: (uid) => cache.get(uid),
      podOf: (uid) => this.byUid(uid),
      onChange: (uid, kind) => {
        const worker = this.#workers.get(uid)
        worker?.refreshStatus()
        if (kind !== 'readiness') worker?.poke()
      },
    })
    this.#workerDeps = {
      ...this.#deps,
      services: serviceInformer,
      probes,
      statuses,
      crashes: new KeyBackoff(clock, CRASH_BACKOFF),
      activePods: () =>
        [...this.#workers.values()].filter(({ state }) => state === 'Syncing' || state === 'Terminating').map(({ pod }) => pod),
      apiPodOf: (uid) => this.#apiPodOf(uid),
      onGone: (uid) => this.#forget(uid),
    }
    cache.onChange((uid) => {
      const worker = this.#workers.get(uid)
      worker?.refreshStatus()
      worker?.poke()
    })
    volumes.onStale((uid) => this.#workers.get(uid)?.volumesChanged())
    // The folder first: a mirror that shows none of its pods is a leftover.
    this.#onStaticPods(await readStaticPods({ dir: staticPodsDir(facts.paths), nodeName: facts.nodeName, clock, log }))
    const removeListener = this.#api.onChange((next, old) => this.#onApiChange(next, old))
    for (const pod of this.#api.list()) this.#onApiChange(pod, undefined)
    const background = [
      this.#removeOrphans(signal),
      cache.run(signal),
      rotateLogs({ runtime, cache, clock, log, limits: this.#deps.logLimits }, signal),
      followStaticPods(
        { dir: staticPodsDir(facts.paths), nodeName: facts.nodeName, clock, log, onChange: (list) => this.#onStaticPods(list) },
        signal,
      ),
    ]
    const done = Promise.all(background).then(async () => {
      removeListener()
      await probes.close()
      await Promise.all(this.#loops)
      volumes.close()
    })
    return { done }
  }

  #onApiChange(next: Pod | undefined, old: Pod | undefined): void {
    const { nodeName } = this.#deps.facts
    if (next === undefined) {
      if (old !== undefined) this.#onApiRemoval(old)
      return
    }
    if (next.spec.nodeName !== nodeName) return
    if (isMirror(next)) {
      this.#onMirror(next)
      return
    }
    this.#apiKeys.set(next.metadata.uid, keyOf(next))
    const known = this.#workers.get(next.metadata.uid)
    if (known === undefined) this.#add(next)
    else known.update(next)
  }

  #onApiRemoval(old: Pod): void {
    if (isMirror(old)) {
      for (const pod of this.#static.values()) if (keyOf(pod) === keyOf(old)) this.#showMirror(pod)
      return
    }
    this.#apiKeys.delete(old.metadata.uid)
    this.#workers.get(old.metadata.uid)?.gone(old)
  }

  #add(pod: Pod): void {
    if (this.#workerDeps === undefined || this.#signal === undefined) return
    const worker = new PodWorker(pod, this.#workerDeps)
    this.#workers.set(pod.metadata.uid, worker)
    this.#track(worker.run(this.#signal))
    this.#updateBurstable()
  }

  #forget(uid: string): void {
    this.#workers.delete(uid)
    this.#workerDeps?.probes.remove(uid)
    this.#workerDeps?.crashes.resetPrefix(`${uid}_`)
    this.#addStaticPods()
    this.#updateBurstable()
  }

  #updateBurstable(): void {
    const { cgroups, log } = this.#deps
    this.#track(cgroups.updateBurstable(this.pods()).catch((err: unknown) => log.warn({ err }, 'Shares of burstable pods not updated')))
  }

  /** Keeps a promise until it has settled, so that the end of the manager waits for it. */
  #track(work: Promise<void>): void {
    const { log } = this.#deps
    const tracked = work
      .catch((err: unknown) => log.error({ err }, 'A pod worker failed'))
      .finally(() => {
        this.#loops.delete(tracked)
      })
    this.#loops.add(tracked)
  }

  /** Pods that the runtime, the volumes or the cgroups know and the API does not. */
  async #removeOrphans(signal: AbortSignal): Promise<void> {
    const { cache, volumes, cgroups, log, clock } = this.#deps
    const statics = new Set(this.#static.keys())
    const found = new Set([...cache.uids(), ...volumes.leftovers(), ...(await cgroups.list())])
    for (const uid of found) {
      if (this.#workers.has(uid) || statics.has(uid) || uid === '') continue
      log.info({ uid }, 'Removing what is left of a pod that is gone')
      for (let attempt = 0; attempt < ORPHAN_RETRIES && !isAborted(signal); attempt += 1) {
        try {
          await removeOrphan(uid, { ...this.#deps, services: this.#deps.informers.informer(services) }, signal)
          break
        } catch (err) {
          if (isAborted(signal)) return
          log.warn({ err, uid }, 'What is left of a pod could not be removed, retrying')
          await clock.sleep(Math.min(60_000, 500 * 2 ** attempt), signal).catch(() => undefined)
        }
      }
    }
  }

  #onStaticPods(list: readonly Pod[]): void {
    const next = new Map(list.map((pod) => [pod.metadata.uid, pod]))
    const old = this.#static
    this.#static = next
    for (const [uid, pod] of old) {
      if (next.has(uid)) continue
      this.#workers.get(uid)?.gone(pod)
      const mirror = this.#api.get(keyOf(pod))
      if (isMirrorOf(mirror, pod)) this.#inBackground((signal) => removeMirror(mirror, this.#deps, signal))
    }
    this.#addStaticPods()
    for (const pod of next.values()) this.#showMirror(pod)
  }

  /** A changed file makes a new pod of the same name; it begins when the old one has made room. */
  #addStaticPods(): void {
    for (const [uid, pod] of this.#static) {
      const isTaken = [...this.#workers.values()].some((worker) => keyOf(worker.pod) === keyOf(pod))
      if (!this.#workers.has(uid) && !isTaken) this.#add(pod)
    }
  }

  #showMirror(pod: Pod): void {
    const { client, log, facts } = this.#deps
    this.#inBackground((signal) => showMirror(pod, this.#api.get(keyOf(pod)), { client, log, nodeName: facts.nodeName }, signal))
  }

  /** The API shows a static pod again, or shows one that is no more. */
  #onMirror(mirror: Pod): void {
    const own = [...this.#static.values()].find((pod) => keyOf(pod) === keyOf(mirror))
    if (own === undefined) {
      this.#inBackground((signal) => removeMirror(mirror, this.#deps, signal))
      return
    }
    if (!isMirrorOf(mirror, own) || mirror.metadata.deletionTimestamp !== undefined) this.#showMirror(own)
    else this.#workerDeps?.statuses.recheck(own.metadata.uid)
  }

  #inBackground(work: (signal: AbortSignal) => Promise<void>): void {
    const signal = this.#signal
    if (signal === undefined) return
    setMaxListeners(0, signal)
    this.#track(
      work(signal).catch((err: unknown) => {
        if (!isAborted(signal)) this.#deps.log.warn({ err }, 'Mirror pod not updated')
      }),
    )
  }

  #apiPodOf(uid: string): Pod | undefined {
    const own = this.#static.get(uid)
    if (own !== undefined) {
      const mirror = this.#api.get(keyOf(own))
      return isMirrorOf(mirror, own) ? mirror : undefined
    }
    const key = this.#apiKeys.get(uid)
    const pod = key === undefined ? undefined : this.#api.get(key)
    return pod?.metadata.uid === uid ? pod : undefined
  }
}
