import type { Container, Pod } from '../../api/types/core-v1.ts'
import { isAborted } from '../../runtime/abort.ts'
import type { KeyBackoff } from '../images/key-backoff.ts'
import { VolumeError } from '../volumes/errors.ts'
import type { PodVolumes } from '../volumes/volumes.ts'
import { podReference } from './event-reference.ts'
import { killContainer, killPod, podGraceSeconds } from './kill.ts'
import { type ContainerKill, type PodPlan, planPod, type ProbeFindings } from './plan.ts'
import type { PodDeps } from './pod-deps.ts'
import { type PodRuntime, readySandbox } from './pod-runtime.ts'
import { createSandbox, sandboxConfigOf } from './sandbox.ts'
import { startContainer } from './start-container.ts'
import { StartError } from './start-error.ts'

/** What one sync needs beside the deps of all. */
export interface SyncContext {
  readonly probes: ProbeFindings
  readonly crashes: KeyBackoff
  /** Tells that a container begins or ends its start, or waits for a reason. */
  readonly progress: {
    starting(name: string): void
    started(name: string): void
    waits(name: string, reason: string, message: string): void
  }
  /** Carries out changes of resources; answers when to look again if one could not be. */
  readonly resize: (runtime: PodRuntime) => Promise<number | undefined>
  /** True once volumes have been made ready by this process: from then on their content is kept up to date. */
  readonly hasVolumes: boolean
  /** The pod with its present status. */
  readonly podNow: () => Pod
  readonly signal: AbortSignal
}

export interface SyncResult {
  /** All containers have ended for good. */
  readonly isFinished: boolean
  /** When to look again by itself; undefined: only when something changes. */
  readonly retryAfterMs: number | undefined
}

/** Brings a pod one step nearer to its spec. Throws StartError or VolumeError when the pod as a whole cannot go on now. */
export async function syncPod(pod: Pod, deps: PodDeps, context: SyncContext): Promise<SyncResult> {
  const { signal } = context
  const { uid } = pod.metadata
  const runtime = await deps.cache.refresh(uid, signal)
  const plan = planPod(pod, runtime, context.probes)
  if (plan.killPod && !plan.createSandbox) return { isFinished: true, retryAfterMs: undefined }
  if (plan.killPod && runtime.sandboxes.length > 0) await replaceSandbox(pod, runtime, deps, signal)
  for (const kill of plan.kill) await killForRestart(pod, kill, deps, signal)
  const resizeAfterMs = plan.createSandbox ? undefined : await context.resize(runtime)
  if (!hasWork(plan) && context.hasVolumes) return { isFinished: false, retryAfterMs: resizeAfterMs }
  await deps.cgroups.ensure(pod)
  const volumes = await prepareVolumes(pod, deps, signal)
  if (plan.createSandbox) await createSandbox(pod, plan.attempt, deps, signal)
  const startAfterMs = await startAll(pod, plan, volumes, { deps, context })
  return { isFinished: false, retryAfterMs: earliest(startAfterMs, resizeAfterMs) }
}

/** The first of several times; undefined when there is none. */
export function earliest(...times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined)
  return known.length === 0 ? undefined : Math.min(...known)
}

const hasWork = (plan: PodPlan): boolean => plan.createSandbox || plan.startInit.length + plan.start.length + plan.startEphemeral.length > 0

async function replaceSandbox(pod: Pod, runtime: PodRuntime, deps: PodDeps, signal: AbortSignal): Promise<void> {
  deps.recorder.event(podReference(pod), 'Normal', 'SandboxChanged', 'Pod sandbox changed, it will be killed and re-created.')
  await killPod(pod, runtime, deps, { graceSeconds: podGraceSeconds(pod), signal })
}

async function killForRestart(
  pod: Pod,
  { record, container, message, probe }: ContainerKill,
  deps: PodDeps,
  signal: AbortSignal,
): Promise<void> {
  const own = probe === 'liveness' ? container.livenessProbe : probe === 'startup' ? container.startupProbe : undefined
  const graceSeconds = own?.terminationGracePeriodSeconds ?? podGraceSeconds(pod)
  await killContainer({ pod, container, record, graceSeconds, message }, deps, signal)
}

async function prepareVolumes(pod: Pod, deps: PodDeps, signal: AbortSignal): Promise<PodVolumes> {
  try {
    return await deps.volumes.prepare(pod, signal)
  } catch (err) {
    if (!isAborted(signal)) {
      const text = err instanceof Error ? err.message : String(err)
      deps.recorder.event(podReference(pod), 'Warning', 'FailedMount', text)
    }
    throw err instanceof VolumeError ? err : new VolumeError(err instanceof Error ? err.message : String(err), { cause: err })
  }
}

interface StartContext {
  readonly deps: PodDeps
  readonly context: SyncContext
}

/** Starts what the plan names, one after the other; one that cannot start does not hold up the others. Answers when to try again. */
async function startAll(pod: Pod, plan: PodPlan, volumes: PodVolumes, { deps, context }: StartContext): Promise<number | undefined> {
  let retryAfterMs: number | undefined
  const remember = (ms: number | undefined): void => {
    if (ms !== undefined) retryAfterMs = Math.min(ms, retryAfterMs ?? Number.POSITIVE_INFINITY)
  }
  for (const container of plan.startEphemeral) remember(await startOne(pod, container, volumes, { deps, context }))
  for (const container of plan.startInit) {
    remember(await startOne(pod, container, volumes, { deps, context }))
    if (plan.start.length === 0 && container.restartPolicy !== 'Always') break
  }
  for (const container of plan.start) remember(await startOne(pod, container, volumes, { deps, context }))
  return retryAfterMs
}

const RETRY_START_MS = 5_000

async function startOne(pod: Pod, container: Container, volumes: PodVolumes, { deps, context }: StartContext): Promise<number | undefined> {
  const { progress, signal } = context
  const runtime = await deps.cache.refresh(pod.metadata.uid, signal)
  const sandbox = readySandbox(runtime)
  // The sandbox went away meanwhile; the event of its end brings the next sync.
  if (sandbox === undefined) return 0
  progress.starting(container.name)
  try {
    await startContainer(
      {
        pod: context.podNow(),
        container,
        runtime,
        sandboxId: sandbox.id,
        sandboxConfig: sandboxConfigOf(pod, sandbox.attempt, deps),
        podIps: pod.spec.hostNetwork === true ? deps.facts.hostIps : sandbox.ips,
        volumes,
        crashes: context.crashes,
      },
      deps,
      signal,
    )
    return undefined
  } catch (err) {
    if (!(err instanceof StartError)) throw err
    progress.waits(container.name, err.reason, err.message)
    return err.retryAfterMs ?? RETRY_START_MS
  } finally {
    await deps.cache.refresh(pod.metadata.uid, signal).catch(() => undefined)
    progress.started(container.name)
  }
}
