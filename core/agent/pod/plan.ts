import { isSidecar } from '../../api/rules/pod-containers.ts'
import type { Container, Pod } from '../../api/types/core-v1.ts'
import { type ContainerRecord, isRunning, newestRecord, type PodRuntime } from './pod-runtime.ts'
import { initRestartsAfter, restartsAfter } from './restart-policy.ts'
import { containerHash } from './runtime-labels.ts'

/** What probes have found out about the present container of a name; undefined: nothing yet. */
export interface ProbeFindings {
  liveness(containerId: string): boolean | undefined
  startup(containerId: string): boolean | undefined
}

export interface ContainerKill {
  readonly record: ContainerRecord
  readonly container: Container
  /** Text of the Killing event. */
  readonly message: string
  /** Which probe failed, if one did: it may bring its own grace period. */
  readonly probe?: 'liveness' | 'startup' | undefined
}

/** What one sync has to do, in this order: kill the pod or some containers, then sandbox, then starts. */
export interface PodPlan {
  /** Stop everything: the sandbox is no good or nothing is left to do. */
  readonly killPod: boolean
  readonly createSandbox: boolean
  /** Attempt number of the sandbox to create. */
  readonly attempt: number
  readonly sandboxId: string | undefined
  readonly kill: readonly ContainerKill[]
  readonly startInit: readonly Container[]
  readonly start: readonly Container[]
  readonly startEphemeral: readonly Container[]
}

/** Decides from the pod's spec and the runtime's state alone. Source: the kubelet's computation of pod actions. */
export function planPod(pod: Pod, runtime: PodRuntime, probes: ProbeFindings): PodPlan {
  const sandbox = judgeSandbox(pod, runtime)
  if (sandbox.create) return planNewSandbox(pod, runtime, sandbox.attempt)
  const base = { killPod: false, createSandbox: false, attempt: sandbox.attempt, sandboxId: sandbox.id }
  const active: PodRuntime = { ...runtime, containers: runtime.containers.filter(({ sandboxId }) => sandboxId === sandbox.id) }
  const startEphemeral = ephemeralToStart(pod, active)
  const init = planInit(pod, active, probes)
  const nothing = { ...base, kill: init.kill, startInit: init.start, start: [], startEphemeral }
  if (init.failed) return { ...nothing, killPod: true }
  if (!init.isDone) return nothing
  const regular = planRegular(pod, runtime, { active, probes })
  const kill = [...init.kill, ...regular.kill]
  if (regular.keep === 0 && regular.start.length === 0) return { ...nothing, kill: [], startInit: [], startEphemeral: [], killPod: true }
  return { ...base, kill, startInit: init.start, start: regular.start, startEphemeral }
}

interface SandboxJudgement {
  readonly create: boolean
  readonly attempt: number
  readonly id: string | undefined
}

function judgeSandbox(pod: Pod, { sandboxes }: PodRuntime): SandboxJudgement {
  const [newest] = sandboxes
  if (newest === undefined) return { create: true, attempt: 0, id: undefined }
  const again = { create: true, attempt: newest.attempt + 1, id: newest.id }
  const ready = sandboxes.filter(({ isReady }) => isReady).length
  const isHostNetwork = pod.spec.hostNetwork === true
  if (ready > 1 || !newest.isReady || newest.isHostNetwork !== isHostNetwork) return again
  if (!isHostNetwork && newest.ips.length === 0) return again
  return { create: false, attempt: newest.attempt, id: newest.id }
}

function planNewSandbox(pod: Pod, runtime: PodRuntime, attempt: number): PodPlan {
  const none = { killPod: true, attempt, sandboxId: undefined, kill: [], startInit: [], start: [], startEphemeral: [] }
  const [firstInit] = pod.spec.initContainers ?? []
  const start = pod.spec.containers.filter((container) => startsInNewSandbox(pod, container, newestRecord(runtime, container.name)))
  // All have ended and none runs again: a new sandbox would stay empty.
  if (start.length === 0) return { ...none, createSandbox: false }
  const initFailed = (pod.spec.initContainers ?? []).some((container) =>
    hasFailedForGood(pod, container, newestRecord(runtime, container.name)),
  )
  if (initFailed) return { ...none, createSandbox: false }
  if (firstInit !== undefined) return { ...none, createSandbox: true, startInit: [firstInit] }
  return { ...none, createSandbox: true, start }
}

function startsInNewSandbox(pod: Pod, container: Container, record: ContainerRecord | undefined): boolean {
  return record?.phase !== 'exited' || restartsAfter(pod, container, record)
}

function hasFailedForGood(pod: Pod, container: Container, record: ContainerRecord | undefined): boolean {
  return record?.phase === 'exited' && record.exitCode !== 0 && !initRestartsAfter(pod, container, record)
}

interface InitPlan {
  readonly isDone: boolean
  readonly failed: boolean
  readonly start: readonly Container[]
  readonly kill: readonly ContainerKill[]
}

function planInit(pod: Pod, active: PodRuntime, probes: ProbeFindings): InitPlan {
  const containers = pod.spec.initContainers ?? []
  const kill: ContainerKill[] = []
  const wasDone = pod.spec.containers.some(({ name }) => newestRecord(active, name) !== undefined)
  const start: Container[] = []
  for (const container of containers) {
    if (wasDone && !isSidecar(container)) continue
    const record = newestRecord(active, container.name)
    const step = isSidecar(container) ? stepOfSidecar(container, record, probes) : stepOfInit(pod, container, record)
    if (step.kill !== undefined) kill.push(step.kill)
    if (step.failed === true) return { isDone: false, failed: true, start: [], kill }
    if (step.start === true) start.push(container)
    if (!step.proceed && !wasDone) return { isDone: false, failed: false, start, kill }
  }
  return { isDone: true, failed: false, start, kill }
}

interface InitStep {
  /** The next one may begin. */
  readonly proceed: boolean
  readonly start?: boolean
  readonly failed?: boolean
  readonly kill?: ContainerKill
}

function stepOfInit(pod: Pod, container: Container, record: ContainerRecord | undefined): InitStep {
  if (record === undefined || record.phase === 'created' || record.phase === 'unknown') return { proceed: false, start: true }
  if (record.phase === 'running') return { proceed: false }
  if (record.exitCode === 0) return { proceed: true }
  return initRestartsAfter(pod, container, record) ? { proceed: false, start: true } : { proceed: false, failed: true }
}

function stepOfSidecar(container: Container, record: ContainerRecord | undefined, probes: ProbeFindings): InitStep {
  if (!isRunning(record)) return { proceed: false, start: true }
  const kill = killOf(container, record, probes)
  if (kill !== undefined) return { proceed: false, start: true, kill: { ...kill, message: `${kill.message}, will be restarted` } }
  return { proceed: container.startupProbe === undefined || probes.startup(record.id) === true }
}

interface RegularContext {
  readonly active: PodRuntime
  readonly probes: ProbeFindings
}

function planRegular(
  pod: Pod,
  runtime: PodRuntime,
  { active, probes }: RegularContext,
): { readonly keep: number; readonly start: readonly Container[]; readonly kill: readonly ContainerKill[] } {
  const start: Container[] = []
  const kill: ContainerKill[] = []
  let keep = 0
  for (const container of pod.spec.containers) {
    const record = newestRecord(active, container.name)
    if (!isRunning(record)) {
      const last = record ?? newestRecord(runtime, container.name)
      if (last?.phase !== 'exited' || restartsAfter(pod, container, last)) start.push(container)
      continue
    }
    const reason = killOf(container, record, probes)
    if (reason === undefined) {
      keep += 1
      continue
    }
    const restarts = reason.probe === undefined || restartsAfter(pod, container, { exitCode: KILLED })
    kill.push(restarts ? { ...reason, message: `${reason.message}, will be restarted` } : reason)
    if (restarts) start.push(container)
    // It is still there until it has ended; the pod is not done.
    else keep += 1
  }
  return { keep, start, kill }
}

/** Exit status of a process ended by SIGKILL: what a container that is killed for its probe counts as. */
const KILLED = 137

function killOf(container: Container, record: ContainerRecord, probes: ProbeFindings): ContainerKill | undefined {
  const about = (message: string, probe?: 'liveness' | 'startup'): ContainerKill => ({ record, container, message, probe })
  if (record.hash !== '' && record.hash !== containerHash(container)) return about(`Container ${container.name} definition changed`)
  if (container.livenessProbe !== undefined && probes.liveness(record.id) === false)
    return about(`Container ${container.name} failed liveness probe`, 'liveness')
  if (container.startupProbe !== undefined && probes.startup(record.id) === false)
    return about(`Container ${container.name} failed startup probe`, 'startup')
  return undefined
}

function ephemeralToStart(pod: Pod, active: PodRuntime): readonly Container[] {
  return (pod.spec.ephemeralContainers ?? []).filter(({ name }) => newestRecord(active, name) === undefined)
}
