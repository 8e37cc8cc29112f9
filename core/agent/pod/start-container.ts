import { randomBytes } from 'node:crypto'
import { chmod, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { secrets } from '../../api/kinds.ts'
import type { Container, Pod, Secret } from '../../api/types/core-v1.ts'
import { ignoreNotFound } from '../../meta/status-error.ts'
import { isAborted } from '../../runtime/abort.ts'
import { ignoreMissing } from '../../runtime/missing-file.ts'
import { ignoreAbsent, rpcText } from '../cri/index.ts'
import type { ContainerConfig, RuntimeImage, SandboxConfig } from '../cri/types.ts'
import { ImageError } from '../images/image-error.ts'
import type { KeyBackoff } from '../images/key-backoff.ts'
import { type AgentPaths, podDir } from '../paths.ts'
import { VolumeError } from '../volumes/errors.ts'
import type { PodVolumes } from '../volumes/volumes.ts'
import { containerReference } from './event-reference.ts'
import { runHook } from './hooks.ts'
import { killContainer, podGraceSeconds } from './kill.ts'
import type { PodDeps } from './pod-deps.ts'
import { newestRecord, type PodRuntime } from './pod-runtime.ts'
import { ConfigError } from './spec/config-error.ts'
import { buildContainerConfig } from './spec/container-config.ts'
import { containerEnvironment } from './spec/environment.ts'
import { hostNetworkHostsFile, podHostname, podHostsFile } from './spec/hostname.ts'
import { containerDevices, containerMounts } from './spec/mounts.ts'
import { containerResources } from './spec/resources.ts'
import { serviceVariables } from './spec/service-env.ts'
import { StartError } from './start-error.ts'

export interface StartInput {
  /** With the status that this node has computed, for the downward API. */
  readonly pod: Pod
  readonly container: Container
  readonly runtime: PodRuntime
  readonly sandboxId: string
  readonly sandboxConfig: SandboxConfig
  readonly podIps: readonly string[]
  readonly volumes: PodVolumes
  readonly crashes: KeyBackoff
}

/** Image, container, start, postStart hook. Throws StartError with the reason for which the container waits; events tell the same. */
export async function startContainer(input: StartInput, deps: PodDeps, signal: AbortSignal): Promise<void> {
  const { pod, container, sandboxId, sandboxConfig } = input
  assertNotCrashing(input, deps)
  const image = await ensureImage(input, deps, signal)
  const config = await step('CreateContainerConfigError', input, { deps, signal }, () => configure(input, image, deps, signal))
  const id = await step('CreateContainerError', input, { deps, signal }, () =>
    deps.runtime.createContainer({ sandboxId, config, sandboxConfig }, signal),
  )
  deps.cache.track(id, pod.metadata.uid)
  tell(input, deps, 'Normal', 'Created', 'Container created')
  await step('RunContainerError', input, { deps, signal }, () => deps.runtime.startContainer(id, signal))
  tell(input, deps, 'Normal', 'Started', 'Container started')
  await linkLog(input, id, join(sandboxConfig.logDirectory, config.logPath), deps)
  if (container.lifecycle?.postStart !== undefined) await postStart(input, id, deps, signal)
}

// eslint-disable-next-line max-params -- type, reason and text of one event
function tell({ pod, container }: StartInput, deps: PodDeps, type: 'Normal' | 'Warning', reason: string, message = ''): void {
  deps.recorder.event(containerReference(pod, container.name), type, reason, message)
}

export const crashKey = (pod: Pod, container: Pick<Container, 'name' | 'image'>): string =>
  `${pod.metadata.uid}_${container.name}_${container.image ?? ''}`

/** Each restart doubles the wait before the next, counted from the end of the last run. */
function assertNotCrashing(input: StartInput, deps: PodDeps): void {
  const { pod, container, runtime, crashes } = input
  const last = runtime.containers.find(({ name, phase }) => name === container.name && phase === 'exited')
  if (last === undefined) return
  const key = crashKey(pod, container)
  const waitMs = crashes.remainingMs(key, last.finishedAtMs)
  if (waitMs === 0) {
    crashes.fail(key, '', last.finishedAtMs)
    return
  }
  const { name, namespace = 'default', uid } = pod.metadata
  const where = `pod=${name}_${namespace}(${uid})`
  tell(input, deps, 'Warning', 'BackOff', `Back-off restarting failed container ${container.name} in pod ${name}_${namespace}(${uid})`)
  const delay = goSeconds(crashes.delayMs(key))
  throw new StartError('CrashLoopBackOff', `back-off ${delay} restarting failed container=${container.name} ${where}`, {
    retryAfterMs: waitMs,
  })
}

const goSeconds = (ms: number): string => {
  const seconds = Math.round(ms / 1000)
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`
}

async function ensureImage(input: StartInput, deps: PodDeps, signal: AbortSignal): Promise<RuntimeImage> {
  const { pod, container, sandboxConfig } = input
  try {
    return await deps.images.ensure(
      {
        pod,
        container,
        sandboxConfig,
        pullSecrets: () => pullSecrets(pod, deps, signal),
        event: (type, reason, message) => tell(input, deps, type, reason, message),
      },
      signal,
    )
  } catch (err) {
    if (!(err instanceof ImageError)) throw err
    tell(input, deps, 'Warning', 'Failed', `Error: ${err.reason}`)
    throw new StartError(err.reason, err.message, { retryAfterMs: err.retryAfterMs, cause: err })
  }
}

async function pullSecrets(pod: Pod, { client }: PodDeps, signal: AbortSignal): Promise<readonly Secret[]> {
  const names = (pod.spec.imagePullSecrets ?? []).flatMap(({ name }) => (name === undefined || name === '' ? [] : [name]))
  const found = await Promise.all(
    names.map((name) => ignoreNotFound(client.get(secrets, { namespace: pod.metadata.namespace, name }, signal))),
  )
  return found.filter((secret) => secret !== undefined)
}

interface StepContext {
  readonly deps: PodDeps
  readonly signal: AbortSignal
}

async function step<T>(reason: string, input: StartInput, { deps, signal }: StepContext, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (err) {
    if (isAborted(signal)) throw err
    const text = err instanceof ConfigError || err instanceof VolumeError ? err.message : rpcText(err)
    tell(input, deps, 'Warning', 'Failed', `Error: ${text}`)
    throw new StartError(reason, text, { cause: err })
  }
}

async function configure(input: StartInput, image: RuntimeImage, deps: PodDeps, signal: AbortSignal): Promise<ContainerConfig> {
  const { pod, container, volumes, runtime } = input
  const { facts, client, services } = deps
  const namespace = pod.metadata.namespace ?? 'default'
  const environment = await containerEnvironment(pod, container, {
    read: (type, where, name) => ignoreNotFound(client.get(type, { namespace: where, name }, signal)),
    serviceVariables: serviceVariables(services.list(), namespace, pod.spec.enableServiceLinks !== false),
    node: deps.node(),
  })
  const mounts = await containerMounts({
    pod,
    container,
    environment,
    volumes,
    recursiveReadOnlyMounts: facts.features.recursiveReadOnlyMounts,
    hostsFile: await hostsFile(input, facts.paths, facts.dns.clusterDomain),
    terminationFile: await terminationFile(pod, container, facts.paths),
  })
  const target = (pod.spec.ephemeralContainers ?? []).find(({ name }) => name === container.name)?.targetContainerName
  return buildContainerConfig({
    pod,
    container,
    restartCount: await restartCount(input),
    image,
    imageReference: container.image ?? '',
    environment,
    mounts,
    devices: containerDevices(container, volumes),
    resources: containerResources(pod, container, facts.resources),
    targetId: target === undefined ? undefined : newestRecord(runtime, target)?.id,
    seccompRoot: facts.seccompRoot,
  })
}

/** One more than the newest record's; without records, the number of logs that earlier ones left. */
async function restartCount({ container, runtime, sandboxConfig }: StartInput): Promise<number> {
  const last = newestRecord(runtime, container.name)
  if (last !== undefined) return last.restartCount + 1
  const logs = (await ignoreMissing(readdir(join(sandboxConfig.logDirectory, container.name)))) ?? []
  const counts = logs.map((name) => /^(\d+)\.log/.exec(name)?.[1]).filter((text) => text !== undefined)
  return counts.length === 0 ? 0 : Math.max(...counts.map(Number)) + 1
}

async function hostsFile({ pod, podIps }: StartInput, paths: AgentPaths, clusterDomain: string): Promise<string | undefined> {
  if (podIps.length === 0) return undefined
  const text =
    pod.spec.hostNetwork === true
      ? hostNetworkHostsFile(pod, (await ignoreMissing(readFile('/etc/hosts', 'utf8'))) ?? '')
      : podHostsFile(pod, podIps, podHostname(pod, clusterDomain))
  const path = join(podDir(paths, pod.metadata.uid), 'etc-hosts')
  await writeFile(path, text, { mode: 0o644 })
  const group = pod.spec.securityContext?.fsGroup
  if (group !== undefined) await chmod(path, 0o664)
  return path
}

/** Where the container may leave its last words; a new file for each start. */
async function terminationFile(pod: Pod, container: Container, paths: AgentPaths): Promise<string | undefined> {
  if ((container.terminationMessagePath ?? '') === '') return undefined
  const dir = join(podDir(paths, pod.metadata.uid), 'containers', container.name)
  await mkdir(dir, { recursive: true, mode: 0o750 })
  const path = join(dir, randomBytes(4).toString('hex'))
  await writeFile(path, '')
  // Any user of the container may write it, whatever the umask of this process is.
  await chmod(path, 0o666)
  return path
}

/** The flat name under which log collectors look for container logs. */
export function logLinkPath(
  paths: AgentPaths,
  pod: { readonly name: string; readonly namespace: string },
  name: string,
  id: string,
): string {
  return join(paths.containerLogs, `${pod.name}_${pod.namespace}_${name}-${id}.log`)
}

async function linkLog({ pod, container }: StartInput, id: string, target: string, { facts, log }: PodDeps): Promise<void> {
  const { name, namespace = 'default' } = pod.metadata
  const link = logLinkPath(facts.paths, { name, namespace }, container.name, id)
  try {
    await mkdir(facts.paths.containerLogs, { recursive: true })
    await rm(link, { force: true })
    await symlink(target, link)
  } catch (err) {
    log.debug({ err, link }, 'Log link not made')
  }
}

async function postStart(input: StartInput, id: string, deps: PodDeps, signal: AbortSignal): Promise<void> {
  const { pod, container, podIps } = input
  const handler = container.lifecycle?.postStart
  if (handler === undefined) return
  const hookDeps = { runtime: deps.runtime, clock: deps.clock, userAgent: deps.facts.userAgent }
  try {
    await runHook({ handler, pod, container, containerId: id, podIp: podIps[0] ?? '', timeoutMs: 0 }, hookDeps, signal)
  } catch (err) {
    if (isAborted(signal)) throw err
    const message = `PostStartHook failed: ${err instanceof Error ? err.message : String(err)}`
    tell(input, deps, 'Warning', 'FailedPostStartHook', message)
    const runtime = await deps.cache.refresh(pod.metadata.uid, signal)
    const record = runtime.containers.find((candidate) => candidate.id === id)
    if (record?.phase === 'running')
      await ignoreAbsent(
        killContainer({ pod, container, record, graceSeconds: podGraceSeconds(pod), message: 'FailedPostStartHook' }, deps, signal),
      )
    throw new StartError('PostStartHookError', message, { cause: err })
  }
}
