import type { GrpcChannel } from './channel.ts'
import {
  type ContainerMessage,
  type ContainerStatsMessage,
  type ContainerStatusMessage,
  type SandboxMessage,
  type SandboxStatsMessage,
  type SandboxStatusMessage,
  toContainer,
  toContainerStats,
  toContainerStatus,
  toSandbox,
  toSandboxStats,
  toSandboxStatus,
} from './convert.ts'
import { isCriCode } from './errors.ts'
import { grpcMethod } from './messages.ts'
import type {
  ContainerConfig,
  ContainerStats,
  ExecResult,
  LinuxResources,
  RuntimeContainer,
  RuntimeContainerStatus,
  RuntimeStatus,
  RuntimeVersion,
  Sandbox,
  SandboxConfig,
  SandboxStats,
  SandboxStatus,
} from './types.ts'

/** Labels that a listed sandbox or container must carry. */
export interface RuntimeFilter {
  readonly id?: string | undefined
  readonly sandboxId?: string | undefined
  readonly labels?: Readonly<Record<string, string>> | undefined
}

/** The runtime half of CRI. Every method rejects with CriError. Stops and removals are idempotent, as CRI asks of runtimes. */
export interface RuntimeService {
  version(signal: AbortSignal): Promise<RuntimeVersion>
  status(signal: AbortSignal): Promise<RuntimeStatus>
  runPodSandbox(config: SandboxConfig, runtimeHandler: string, signal: AbortSignal): Promise<string>
  stopPodSandbox(id: string, signal: AbortSignal): Promise<void>
  removePodSandbox(id: string, signal: AbortSignal): Promise<void>
  podSandboxStatus(id: string, signal: AbortSignal): Promise<SandboxStatus>
  listPodSandboxes(filter: RuntimeFilter, signal: AbortSignal): Promise<readonly Sandbox[]>
  createContainer(request: CreateContainer, signal: AbortSignal): Promise<string>
  startContainer(id: string, signal: AbortSignal): Promise<void>
  /** `graceSeconds` 0 kills at once. Returns when the container has stopped. */
  stopContainer(id: string, graceSeconds: number, signal: AbortSignal): Promise<void>
  removeContainer(id: string, signal: AbortSignal): Promise<void>
  listContainers(filter: RuntimeFilter, signal: AbortSignal): Promise<readonly RuntimeContainer[]>
  containerStatus(id: string, signal: AbortSignal): Promise<RuntimeContainerStatus>
  updateContainerResources(id: string, resources: LinuxResources, signal: AbortSignal): Promise<void>
  reopenContainerLog(id: string, signal: AbortSignal): Promise<void>
  /** `timeoutSeconds` 0: none. A command that exceeds it rejects with `DeadlineExceeded`. */
  execSync(id: string, command: readonly string[], timeoutSeconds: number, signal: AbortSignal): Promise<ExecResult>
  /** URL of the runtime's streaming server; the same for `attach` and `portForward`. */
  exec(request: ExecRequest, signal: AbortSignal): Promise<string>
  attach(request: AttachRequest, signal: AbortSignal): Promise<string>
  portForward(sandboxId: string, ports: readonly number[], signal: AbortSignal): Promise<string>
  containerStats(id: string, signal: AbortSignal): Promise<ContainerStats>
  listContainerStats(filter: RuntimeFilter, signal: AbortSignal): Promise<readonly ContainerStats[]>
  /** Network counters of all sandboxes; empty when the runtime does not count. */
  listSandboxStats(signal: AbortSignal): Promise<readonly SandboxStats[]>
  /** Undefined when the runtime has no such call (containerd before 2.0). */
  cgroupDriver(signal: AbortSignal): Promise<'systemd' | 'cgroupfs' | undefined>
}

export interface CreateContainer {
  readonly sandboxId: string
  readonly config: ContainerConfig
  readonly sandboxConfig: SandboxConfig
}

export interface ExecRequest {
  readonly containerId: string
  readonly command: readonly string[]
  readonly tty: boolean
  readonly stdin: boolean
  readonly stdout: boolean
  readonly stderr: boolean
}

export type AttachRequest = Omit<ExecRequest, 'command'>

const REQUEST_TIMEOUT_MS = 120_000
/** Sandboxes may wait for CNI and for the pause image to be pulled. */
const SANDBOX_TIMEOUT_MS = 240_000

export function createRuntimeService(channel: GrpcChannel): RuntimeService {
  const call = <T>(name: string, request: object, signal: AbortSignal, timeoutMs = REQUEST_TIMEOUT_MS): Promise<T> =>
    channel.unary<T>(grpcMethod('runtime.v1.RuntimeService', name), request, { signal, timeoutMs })
  const run = async (name: string, request: object, signal: AbortSignal, timeoutMs?: number): Promise<void> => {
    await call<unknown>(name, request, signal, timeoutMs)
  }
  const url = async (name: string, request: object, signal: AbortSignal): Promise<string> =>
    (await call<{ url: string }>(name, request, signal)).url
  return {
    version: (signal) => call<RuntimeVersion>('Version', { version: 'v1' }, signal),
    status: async (signal) => toRuntimeStatus(await call<StatusMessage>('Status', {}, signal)),
    runPodSandbox: async (config, runtimeHandler, signal) =>
      (await call<{ podSandboxId: string }>('RunPodSandbox', { config, runtimeHandler }, signal, SANDBOX_TIMEOUT_MS)).podSandboxId,
    stopPodSandbox: (id, signal) => run('StopPodSandbox', { podSandboxId: id }, signal),
    removePodSandbox: (id, signal) => run('RemovePodSandbox', { podSandboxId: id }, signal),
    podSandboxStatus: async (id, signal) =>
      toSandboxStatus((await call<{ status: SandboxStatusMessage }>('PodSandboxStatus', { podSandboxId: id }, signal)).status),
    listPodSandboxes: async ({ id, labels }, signal) =>
      (await call<{ items: SandboxMessage[] }>('ListPodSandbox', { filter: { id, labelSelector: labels } }, signal)).items.map(toSandbox),
    createContainer: async ({ sandboxId, config, sandboxConfig }, signal) =>
      (await call<{ containerId: string }>('CreateContainer', { podSandboxId: sandboxId, config, sandboxConfig }, signal)).containerId,
    startContainer: (id, signal) => run('StartContainer', { containerId: id }, signal),
    stopContainer: (id, graceSeconds, signal) =>
      run('StopContainer', { containerId: id, timeout: graceSeconds }, signal, REQUEST_TIMEOUT_MS + graceSeconds * 1000),
    removeContainer: (id, signal) => run('RemoveContainer', { containerId: id }, signal),
    listContainers: async (filter, signal) =>
      (await call<{ containers: ContainerMessage[] }>('ListContainers', { filter: toFilter(filter) }, signal)).containers.map(toContainer),
    containerStatus: async (id, signal) =>
      toContainerStatus((await call<{ status: ContainerStatusMessage }>('ContainerStatus', { containerId: id }, signal)).status),
    updateContainerResources: (id, linux, signal) => run('UpdateContainerResources', { containerId: id, linux }, signal),
    reopenContainerLog: (id, signal) => run('ReopenContainerLog', { containerId: id }, signal),
    execSync: (id, cmd, timeoutSeconds, signal) =>
      call('ExecSync', { containerId: id, cmd, timeout: timeoutSeconds }, signal, timeoutSeconds > 0 ? timeoutSeconds * 1000 + 5_000 : 0),
    exec: ({ command, ...rest }, signal) => url('Exec', { ...rest, cmd: command }, signal),
    attach: (request, signal) => url('Attach', request, signal),
    portForward: (sandboxId, port, signal) => url('PortForward', { podSandboxId: sandboxId, port }, signal),
    containerStats: async (id, signal) =>
      toContainerStats((await call<{ stats: ContainerStatsMessage }>('ContainerStats', { containerId: id }, signal)).stats),
    listContainerStats: async ({ id, sandboxId, labels }, signal) => {
      const filter = { id, podSandboxId: sandboxId, labelSelector: labels }
      return (await call<{ stats: ContainerStatsMessage[] }>('ListContainerStats', { filter }, signal)).stats.map(toContainerStats)
    },
    listSandboxStats: async (signal) => {
      try {
        return (await call<{ stats: SandboxStatsMessage[] }>('ListPodSandboxStats', { filter: {} }, signal)).stats.map(toSandboxStats)
      } catch (err) {
        if (isCriCode(err, 'Unimplemented')) return []
        throw err
      }
    },
    cgroupDriver: async (signal) => {
      try {
        const answer = await call<{ linux?: { cgroupDriver: string } }>('RuntimeConfig', {}, signal)
        return answer.linux === undefined ? undefined : answer.linux.cgroupDriver === 'SYSTEMD' ? 'systemd' : 'cgroupfs'
      } catch (err) {
        if (isCriCode(err, 'Unimplemented')) return undefined
        throw err
      }
    },
  }
}

function toFilter({ id, sandboxId, labels }: RuntimeFilter): object {
  return { id, podSandboxId: sandboxId, labelSelector: labels }
}

interface StatusMessage {
  readonly status?: { readonly conditions: RuntimeStatus['conditions'] }
  readonly runtimeHandlers: RuntimeStatus['handlers']
  readonly features?: { readonly supplementalGroupsPolicy: boolean }
}

function toRuntimeStatus(message: StatusMessage): RuntimeStatus {
  return {
    conditions: message.status?.conditions ?? [],
    handlers: message.runtimeHandlers,
    supplementalGroupsPolicy: message.features?.supplementalGroupsPolicy ?? false,
  }
}
