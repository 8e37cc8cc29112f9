import type {
  ContainerMount,
  ContainerPhase,
  ContainerStats,
  LinuxResources,
  RuntimeContainer,
  RuntimeContainerStatus,
  RuntimeImage,
  Sandbox,
  SandboxStats,
  SandboxStatus,
} from './types.ts'

/** Decoded CRI messages as they come from the codec: only what the conversions read. */
type Strings = Readonly<Record<string, string>>
interface Metadata {
  readonly name: string
  readonly uid?: string
  readonly namespace?: string
  readonly attempt: number
}
export interface SandboxMessage {
  readonly id: string
  readonly metadata?: Metadata
  readonly state: string
  readonly createdAt: number
  readonly labels: Strings
  readonly annotations: Strings
  readonly runtimeHandler: string
}
export interface SandboxStatusMessage extends SandboxMessage {
  readonly network?: { readonly ip: string; readonly additionalIps: readonly { readonly ip: string }[] }
  readonly linux?: { readonly namespaces?: { readonly options?: { readonly network: string } } }
}
export interface ContainerMessage {
  readonly id: string
  readonly podSandboxId: string
  readonly metadata?: Metadata
  readonly image?: { readonly image: string }
  readonly imageRef: string
  readonly state: string
  readonly createdAt: number
  readonly labels: Strings
  readonly annotations: Strings
}
export interface ContainerStatusMessage extends ContainerMessage {
  readonly startedAt: number
  readonly finishedAt: number
  readonly exitCode: number
  readonly reason: string
  readonly message: string
  readonly mounts: readonly ContainerMount[]
  readonly logPath: string
  readonly imageId: string
  readonly resources?: { readonly linux?: LinuxResources }
  readonly user?: { readonly linux?: { readonly uid: number; readonly gid: number; readonly supplementalGroups: readonly number[] } }
}
export interface ImageMessage {
  readonly id: string
  readonly repoTags: readonly string[]
  readonly repoDigests: readonly string[]
  readonly size: number
  readonly uid?: { readonly value: number }
  readonly username: string
  readonly pinned: boolean
}
interface Value {
  readonly value: number
}
export interface ContainerStatsMessage {
  readonly attributes?: { readonly id: string; readonly metadata?: Metadata; readonly labels: Strings }
  readonly cpu?: { readonly timestamp: number; readonly usageCoreNanoSeconds?: Value; readonly usageNanoCores?: Value }
  readonly memory?: {
    readonly timestamp: number
    readonly workingSetBytes?: Value
    readonly usageBytes?: Value
    readonly rssBytes?: Value
    readonly availableBytes?: Value
    readonly pageFaults?: Value
    readonly majorPageFaults?: Value
  }
  readonly writableLayer?: { readonly timestamp: number; readonly usedBytes?: Value; readonly inodesUsed?: Value }
}

interface InterfaceMessage {
  readonly name: string
  readonly rxBytes?: Value
  readonly rxErrors?: Value
  readonly txBytes?: Value
  readonly txErrors?: Value
}
export interface SandboxStatsMessage {
  readonly attributes?: { readonly id: string; readonly labels: Strings }
  readonly linux?: {
    readonly network?: {
      readonly timestamp: number
      readonly defaultInterface?: InterfaceMessage
      readonly interfaces: readonly InterfaceMessage[]
    }
  }
}

const NANOS_PER_MS = 1e6
const toMs = (nanos: number): number => nanos / NANOS_PER_MS

export function toSandbox(message: SandboxMessage): Sandbox {
  const { metadata } = message
  return {
    id: message.id,
    name: metadata?.name ?? '',
    namespace: metadata?.namespace ?? '',
    uid: metadata?.uid ?? '',
    attempt: metadata?.attempt ?? 0,
    isReady: message.state === 'SANDBOX_READY',
    createdAtMs: toMs(message.createdAt),
    labels: message.labels,
    annotations: message.annotations,
    runtimeHandler: message.runtimeHandler,
  }
}

export function toSandboxStatus(message: SandboxStatusMessage): SandboxStatus {
  const { ip = '', additionalIps = [] } = message.network ?? {}
  return {
    ...toSandbox(message),
    ips: ip === '' ? [] : [ip, ...additionalIps.map((extra) => extra.ip)],
    isHostNetwork: message.linux?.namespaces?.options?.network === 'NODE',
  }
}

const PHASES: Readonly<Record<string, ContainerPhase>> = {
  CONTAINER_CREATED: 'created',
  CONTAINER_RUNNING: 'running',
  CONTAINER_EXITED: 'exited',
}

export function toContainer(message: ContainerMessage): RuntimeContainer {
  return {
    id: message.id,
    sandboxId: message.podSandboxId,
    name: message.metadata?.name ?? '',
    attempt: message.metadata?.attempt ?? 0,
    image: message.image?.image ?? '',
    imageRef: message.imageRef,
    phase: PHASES[message.state] ?? 'unknown',
    createdAtMs: toMs(message.createdAt),
    labels: message.labels,
    annotations: message.annotations,
  }
}

export function toContainerStatus(message: ContainerStatusMessage): RuntimeContainerStatus {
  return {
    id: message.id,
    name: message.metadata?.name ?? '',
    attempt: message.metadata?.attempt ?? 0,
    phase: PHASES[message.state] ?? 'unknown',
    createdAtMs: toMs(message.createdAt),
    startedAtMs: toMs(message.startedAt),
    finishedAtMs: toMs(message.finishedAt),
    exitCode: message.exitCode,
    image: message.image?.image ?? '',
    imageRef: message.imageRef,
    imageId: message.imageId,
    reason: message.reason,
    message: message.message,
    labels: message.labels,
    annotations: message.annotations,
    mounts: message.mounts,
    logPath: message.logPath,
    resources: message.resources?.linux,
    user: message.user?.linux,
  }
}

export function toImage(message: ImageMessage): RuntimeImage {
  return {
    id: message.id,
    tags: message.repoTags,
    digests: message.repoDigests,
    sizeBytes: message.size,
    uid: message.uid?.value,
    username: message.username,
    isPinned: message.pinned,
  }
}

export function toSandboxStats({ attributes, linux }: SandboxStatsMessage): SandboxStats {
  const { network } = linux ?? {}
  const all =
    network === undefined ? [] : [...(network.defaultInterface === undefined ? [] : [network.defaultInterface]), ...network.interfaces]
  const byName = new Map(all.map((each) => [each.name, each]))
  return {
    id: attributes?.id ?? '',
    labels: attributes?.labels ?? {},
    timestampMs: toMs(network?.timestamp ?? 0),
    interfaces: [...byName.values()].map(({ name, rxBytes, rxErrors, txBytes, txErrors }) => ({
      name,
      rxBytes: rxBytes?.value ?? 0,
      rxErrors: rxErrors?.value ?? 0,
      txBytes: txBytes?.value ?? 0,
      txErrors: txErrors?.value ?? 0,
    })),
  }
}

export function toContainerStats(message: ContainerStatsMessage): ContainerStats {
  const { attributes, cpu, memory, writableLayer } = message
  return {
    id: attributes?.id ?? '',
    name: attributes?.metadata?.name ?? '',
    labels: attributes?.labels ?? {},
    cpu: cpu && {
      timestampMs: toMs(cpu.timestamp),
      usageCoreNanoSeconds: cpu.usageCoreNanoSeconds?.value ?? 0,
      usageNanoCores: cpu.usageNanoCores?.value,
    },
    memory: memory && {
      timestampMs: toMs(memory.timestamp),
      workingSetBytes: memory.workingSetBytes?.value ?? 0,
      usageBytes: memory.usageBytes?.value,
      rssBytes: memory.rssBytes?.value,
      availableBytes: memory.availableBytes?.value,
      pageFaults: memory.pageFaults?.value,
      majorPageFaults: memory.majorPageFaults?.value,
    },
    writableLayer: writableLayer && {
      timestampMs: toMs(writableLayer.timestamp),
      usedBytes: writableLayer.usedBytes?.value ?? 0,
      inodesUsed: writableLayer.inodesUsed?.value ?? 0,
    },
  }
}
