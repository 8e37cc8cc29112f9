import { isSidecar } from '../../api/rules/pod-containers.ts'
import type { Container, Pod } from '../../api/types/core-v1.ts'
import { isAborted } from '../../runtime/abort.ts'
import { ignoreAbsent } from '../cri/index.ts'
import { containerReference } from './event-reference.ts'
import { runHook } from './hooks.ts'
import type { PodDeps } from './pod-deps.ts'
import { type ContainerRecord, isRunning, type PodRuntime } from './pod-runtime.ts'

/** A hook that used up all of the grace period still leaves so much for the container itself. Source: the kubelet. */
const MIN_GRACE_SECONDS = 2

export interface KillOptions {
  readonly pod: Pod
  /** Undefined for a container that the spec no longer names. */
  readonly container: Container | undefined
  readonly record: ContainerRecord
  readonly graceSeconds: number
  /** Text of the Killing event. */
  readonly message: string
}

/** The preStop hook, then the stop signal, then, when the grace period is over, the end. Returns when the container has stopped. */
export async function killContainer(options: KillOptions, deps: PodDeps, signal: AbortSignal): Promise<void> {
  const { pod, container, record, graceSeconds } = options
  deps.recorder.event(containerReference(pod, record.name), 'Normal', 'Killing', options.message)
  const startedMs = deps.clock.now()
  const hook = container?.lifecycle?.preStop
  if (hook !== undefined && container !== undefined && graceSeconds > 0) await runPreStop({ ...options, container }, deps, signal)
  const usedSeconds = Math.floor((deps.clock.now() - startedMs) / 1000)
  const leftSeconds = graceSeconds === 0 ? 0 : Math.max(MIN_GRACE_SECONDS, graceSeconds - usedSeconds)
  await ignoreAbsent(deps.runtime.stopContainer(record.id, leftSeconds, signal))
}

async function runPreStop(options: KillOptions & { readonly container: Container }, deps: PodDeps, signal: AbortSignal): Promise<void> {
  const { pod, container, record, graceSeconds } = options
  const handler = container.lifecycle?.preStop
  if (handler === undefined) return
  const podIp = pod.status.podIP ?? ''
  const hookDeps = { runtime: deps.runtime, clock: deps.clock, userAgent: deps.facts.userAgent }
  try {
    await runHook({ handler, pod, container, containerId: record.id, podIp, timeoutMs: graceSeconds * 1000 }, hookDeps, signal)
  } catch (err) {
    if (isAborted(signal)) throw err
    const message = `PreStopHook failed: ${err instanceof Error ? err.message : String(err)}`
    deps.recorder.event(containerReference(pod, record.name), 'Warning', 'FailedPreStopHook', message)
  }
}

/** Grace of a pod that ends: what its deletion asked for, else what its spec says; never nothing, so that processes get the signal. */
export function podGraceSeconds(pod: Pod): number {
  return Math.max(1, pod.metadata.deletionGracePeriodSeconds ?? pod.spec.terminationGracePeriodSeconds ?? 30)
}

/**
 * Ends all containers of a pod, then its sandboxes. Regular containers end together; sidecars after them, in reverse order of
 * their start. Source: Kubernetes documentation, "Termination with sidecars".
 */
export async function killPod(
  pod: Pod,
  runtime: PodRuntime,
  deps: PodDeps,
  options: { readonly graceSeconds: number; readonly signal: AbortSignal },
): Promise<void> {
  const { signal } = options
  const deadlineMs = deps.clock.now() + options.graceSeconds * 1000
  const remaining = (): number => Math.max(MIN_GRACE_SECONDS, Math.ceil((deadlineMs - deps.clock.now()) / 1000))
  const all = [...(pod.spec.initContainers ?? []), ...pod.spec.containers, ...(pod.spec.ephemeralContainers ?? [])]
  const running = runtime.containers.filter(isRunning)
  const stop = (record: ContainerRecord, graceSeconds: number): Promise<void> => {
    const container = all.find(({ name }) => name === record.name)
    return killContainer({ pod, container, record, graceSeconds, message: `Stopping container ${record.name}` }, deps, signal)
  }
  const sidecars = (pod.spec.initContainers ?? []).filter(isSidecar).map(({ name }) => name)
  await Promise.all(running.filter(({ name }) => !sidecars.includes(name)).map((record) => stop(record, options.graceSeconds)))
  for (const name of sidecars.toReversed()) {
    const record = running.find((candidate) => candidate.name === name)
    if (record !== undefined) await stop(record, Math.min(remaining(), Math.max(options.graceSeconds, MIN_GRACE_SECONDS)))
  }
  for (const sandbox of runtime.sandboxes) if (sandbox.isReady) await ignoreAbsent(deps.runtime.stopPodSandbox(sandbox.id, signal))
}
