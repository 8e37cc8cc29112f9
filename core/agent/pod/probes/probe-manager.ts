import { setMaxListeners } from 'node:events'
import type { Container, Pod } from '../../../api/types/core-v1.ts'
import type { EventRecorder } from '../../../client/recorder.ts'
import type { Clock } from '../../../runtime/clock.ts'
import type { RuntimeService } from '../../cri/index.ts'
import { containerReference } from '../event-reference.ts'
import type { ProbeFindings } from '../plan.ts'
import { newestRecord, type PodRuntime } from '../pod-runtime.ts'
import { ProbeCounts } from './probe-counts.ts'
import { type ProbeKind, ProbeWorker, probedContainers, probesOf } from './probe-worker.ts'
import { runProbe } from './run-probe.ts'

export interface ProbeManagerDeps {
  readonly runtime: RuntimeService
  readonly recorder: EventRecorder
  readonly clock: Clock
  readonly userAgent: string
  readonly runtimeOf: (uid: string) => PodRuntime
  /** The pod as it is now, with the status that this node computed. */
  readonly podOf: (uid: string) => Pod | undefined
  /** A verdict changed: status, and perhaps a restart. */
  readonly onChange: (uid: string, kind: ProbeKind) => void
}

interface PodProbes {
  /** Containers that verdicts are kept of. */
  readonly containerIds: Set<string>
  readonly workers: Map<string, { readonly worker: ProbeWorker; readonly kind: ProbeKind; readonly abort: AbortController }>
}

/** All probes of this node. Verdicts are kept by container id, so that a restarted container starts afresh. */
export class ProbeManager implements ProbeFindings {
  readonly #deps: ProbeManagerDeps
  readonly #pods = new Map<string, PodProbes>()
  readonly #verdicts: Readonly<Record<ProbeKind, Map<string, boolean>>> = { liveness: new Map(), readiness: new Map(), startup: new Map() }
  readonly #loops = new Set<Promise<void>>()
  readonly #counts = new ProbeCounts()

  constructor(deps: ProbeManagerDeps) {
    this.#deps = deps
  }

  liveness(containerId: string): boolean | undefined {
    return this.#verdicts.liveness.get(containerId)
  }

  startup(containerId: string): boolean | undefined {
    return this.#verdicts.startup.get(containerId)
  }

  readiness(containerId: string): boolean | undefined {
    return this.#verdicts.readiness.get(containerId)
  }

  /** Results so far, in Prometheus' text form. */
  metrics(): string {
    return this.#counts.text((uid) => this.#deps.podOf(uid))
  }

  /** Starts the probes of a pod; those that run already are left alone. */
  add(pod: Pod): void {
    const { uid } = pod.metadata
    const probes = this.#pods.get(uid) ?? { containerIds: new Set(), workers: new Map() }
    this.#pods.set(uid, probes)
    for (const container of probedContainers(pod)) {
      for (const [kind] of probesOf(container)) {
        const key = `${kind} ${container.name}`
        if (!probes.workers.has(key)) probes.workers.set(key, this.#start(uid, container, kind))
      }
    }
  }

  /** Look at a pod's containers now: one has just started. */
  trigger(uid: string): void {
    for (const { worker } of this.#pods.get(uid)?.workers.values() ?? []) worker.trigger()
  }

  /** A pod that is being ended must not be restarted for its probes; its readiness is still told. */
  stopRestarting(uid: string): void {
    for (const { kind, abort } of this.#pods.get(uid)?.workers.values() ?? [])
      if (kind !== 'readiness') abort.abort(new Error('the pod ends'))
  }

  remove(uid: string): void {
    const probes = this.#pods.get(uid)
    if (probes === undefined) return
    this.#pods.delete(uid)
    this.#counts.forget(uid)
    for (const { abort } of probes.workers.values()) abort.abort(new Error('the pod is gone'))
    for (const id of probes.containerIds) for (const verdicts of Object.values(this.#verdicts)) verdicts.delete(id)
  }

  /** Ends all probes and waits for them. */
  async close(): Promise<void> {
    for (const uid of [...this.#pods.keys()]) this.remove(uid)
    await Promise.all(this.#loops)
  }

  #start(uid: string, container: Container, kind: ProbeKind): { worker: ProbeWorker; kind: ProbeKind; abort: AbortController } {
    const { runtime, clock, userAgent, runtimeOf } = this.#deps
    const abort = new AbortController()
    setMaxListeners(0, abort.signal)
    const current = (): Container => this.#containerNow(uid, container)
    const [, probe] = probesOf(container).find(([candidate]) => candidate === kind) ?? [kind, {}]
    const worker = new ProbeWorker(
      {
        kind,
        probe,
        look: () => {
          const record = newestRecord(runtimeOf(uid), container.name)
          return { record, isStarted: container.startupProbe === undefined || this.startup(record?.id ?? '') === true }
        },
        run: (record, signal) => {
          const podIp = this.#deps.podOf(uid)?.status.podIP ?? runtimeOf(uid).sandboxes[0]?.ips[0] ?? ''
          return runProbe(probe, { container: current(), containerId: record.id, podIp }, { runtime, userAgent }, signal)
        },
        tell: (containerId, verdict) => this.#tell(uid, kind, containerId, verdict),
        report: (reason, message) => {
          const pod = this.#deps.podOf(uid)
          if (pod !== undefined) this.#deps.recorder.event(containerReference(pod, container.name), 'Warning', reason, message)
        },
        count: (result) => this.#counts.add({ uid, container: container.name, kind, result }),
        known: (containerId) => this.#knownFromStatus(uid, kind, container.name, containerId),
      },
      clock,
    )
    const loop = worker.loop(abort.signal).finally(() => this.#loops.delete(loop))
    this.#loops.add(loop)
    return { worker, kind, abort }
  }

  #containerNow(uid: string, container: Container): Container {
    const pod = this.#deps.podOf(uid)
    return (pod && probedContainers(pod).find(({ name }) => name === container.name)) ?? container
  }

  #tell(uid: string, kind: ProbeKind, containerId: string, verdict: boolean | undefined): void {
    const verdicts = this.#verdicts[kind]
    const old = verdicts.get(containerId)
    if (verdict === undefined) {
      verdicts.delete(containerId)
      return
    }
    const probes = this.#pods.get(uid)
    if (probes === undefined) return
    probes.containerIds.add(containerId)
    verdicts.set(containerId, verdict)
    if (old === verdict) return
    // Liveness and readiness have been waiting for this.
    if (kind === 'startup' && verdict) this.trigger(uid)
    this.#deps.onChange(uid, kind)
  }

  #knownFromStatus(uid: string, kind: ProbeKind, name: string, containerId: string): boolean | undefined {
    const { containerStatuses = [], initContainerStatuses = [] } = this.#deps.podOf(uid)?.status ?? {}
    const status = [...containerStatuses, ...initContainerStatuses].find((candidate) => candidate.name === name)
    if (status?.containerID?.endsWith(`://${containerId}`) !== true) return undefined
    if (kind === 'readiness') return status.ready ? true : undefined
    return kind === 'startup' && status.started === true ? true : undefined
  }
}
