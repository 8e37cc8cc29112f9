import type { Pod, PodStatus, ResourceRequirements } from '../../api/types/core-v1.ts'
import { toTimestamp } from '../../runtime/clock.ts'
import type { PodDeps } from './pod-deps.ts'
import { isRunning, newestRecord, type PodRuntime } from './pod-runtime.ts'
import type { ProbeManager } from './probes/probe-manager.ts'
import { appliedFromStatus, type ResizeProblem } from './resize.ts'
import type { WaitReason } from './status/container-status.ts'
import { buildPodStatus } from './status/pod-status.ts'
import type { StatusWriter } from './status/status-writer.ts'
import type { Verdict } from './verdict.ts'

export interface ProgressDeps extends PodDeps {
  readonly probes: ProbeManager
  readonly statuses: StatusWriter
  readonly apiPodOf: (uid: string) => Pod | undefined
}

/** What this node knows of a pod beside spec and runtime: who waits for what, what is under way, why it was ended. */
export class PodProgress {
  readonly waiting = new Map<string, WaitReason>()
  /** Containers whose start, hook included, has not ended. */
  readonly starting = new Set<string>()
  /** What running containers were given, by container id. */
  readonly applied: Map<string, ResourceRequirements>
  resizeProblem: ResizeProblem | undefined
  /** Why this node ended the pod. */
  verdict: Verdict | undefined
  readonly #deps: ProgressDeps

  constructor(pod: Pod, deps: ProgressDeps) {
    this.#deps = deps
    this.applied = appliedFromStatus(pod)
  }

  /** The start of a container has ended, well or not. One that has started was given what its spec says. */
  started(pod: Pod, name: string): void {
    this.starting.delete(name)
    const runtime = this.#deps.cache.get(pod.metadata.uid)
    const record = newestRecord(runtime, name)
    const container = [...(pod.spec.initContainers ?? []), ...pod.spec.containers].find((candidate) => candidate.name === name)
    if (record !== undefined && container !== undefined) this.applied.set(record.id, container.resources)
    const known = new Set(runtime.containers.map(({ id }) => id))
    for (const id of this.applied.keys()) if (!known.has(id)) this.applied.delete(id)
  }

  /** The status as it should be told now. */
  status(pod: Pod, isTerminal: boolean): PodStatus {
    const { cache, clock, facts, probes } = this.#deps
    const runtime = cache.get(pod.metadata.uid)
    this.#dropStaleReasons(runtime)
    return buildPodStatus({
      pod,
      runtime,
      old: this.#told(pod),
      waiting: this.waiting,
      starting: this.starting,
      readiness: (id) => probes.readiness(id),
      startup: (id) => probes.startup(id),
      isTerminal,
      runtimeName: facts.runtimeName,
      recursiveReadOnlyMounts: facts.features.recursiveReadOnlyMounts,
      hostIps: facts.hostIps,
      now: toTimestamp(clock.now()),
      applied: (id) => this.applied.get(id),
      resize: this.resizeProblem,
      verdict: this.verdict,
    })
  }

  /** What was told last, with the conditions that others have set since. */
  #told(pod: Pod): PodStatus {
    const { statuses, apiPodOf } = this.#deps
    const api = apiPodOf(pod.metadata.uid)?.status ?? pod.status
    const own = statuses.get(pod.metadata.uid)
    if (own === undefined) return api
    const foreign = (api.conditions ?? []).filter(({ type }) => own.conditions?.some((condition) => condition.type === type) !== true)
    return { ...api, ...own, conditions: [...(own.conditions ?? []), ...foreign] }
  }

  /** A container that runs waits for nothing any more. */
  #dropStaleReasons(runtime: PodRuntime): void {
    for (const record of runtime.containers) if (isRunning(record) && !this.starting.has(record.name)) this.waiting.delete(record.name)
  }
}
