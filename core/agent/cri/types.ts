/** What the agent tells the runtime and learns from it. Names follow CRI runtime.v1; times are milliseconds, identifiers plain strings. */

export interface SandboxConfig {
  readonly metadata: { readonly name: string; readonly uid: string; readonly namespace: string; readonly attempt: number }
  readonly hostname: string
  readonly logDirectory: string
  readonly dnsConfig?: DnsConfig | undefined
  readonly portMappings?: readonly PortMapping[] | undefined
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly linux: {
    readonly cgroupParent: string
    readonly sysctls?: Readonly<Record<string, string>> | undefined
    readonly securityContext: SandboxSecurityContext
    readonly overhead?: LinuxResources | undefined
    readonly resources?: LinuxResources | undefined
  }
}

export interface DnsConfig {
  readonly servers: readonly string[]
  readonly searches: readonly string[]
  readonly options: readonly string[]
}

export interface PortMapping {
  readonly protocol: 'TCP' | 'UDP' | 'SCTP'
  readonly containerPort: number
  readonly hostPort: number
  readonly hostIp?: string | undefined
}

export type NamespaceMode = 'POD' | 'CONTAINER' | 'NODE' | 'TARGET'

export interface NamespaceOptions {
  readonly network: NamespaceMode
  readonly pid: NamespaceMode
  readonly ipc: NamespaceMode
  readonly targetId?: string | undefined
}

export interface Int64Value {
  readonly value: number
}

export interface SecurityProfile {
  readonly profileType: 'RuntimeDefault' | 'Unconfined' | 'Localhost'
  readonly localhostRef?: string | undefined
}

export interface SandboxSecurityContext {
  readonly namespaceOptions: NamespaceOptions
  readonly runAsUser?: Int64Value | undefined
  readonly runAsGroup?: Int64Value | undefined
  readonly readonlyRootfs?: boolean | undefined
  readonly supplementalGroups?: readonly number[] | undefined
  readonly supplementalGroupsPolicy?: 'Merge' | 'Strict' | undefined
  readonly privileged?: boolean | undefined
  readonly seccomp?: SecurityProfile | undefined
  readonly apparmor?: SecurityProfile | undefined
  readonly selinuxOptions?: SelinuxOptions | undefined
}

export interface SelinuxOptions {
  readonly user?: string | undefined
  readonly role?: string | undefined
  readonly type?: string | undefined
  readonly level?: string | undefined
}

export interface LinuxResources {
  readonly cpuPeriod?: number | undefined
  readonly cpuQuota?: number | undefined
  readonly cpuShares?: number | undefined
  readonly memoryLimitInBytes?: number | undefined
  readonly oomScoreAdj?: number | undefined
  readonly cpusetCpus?: string | undefined
  readonly cpusetMems?: string | undefined
  readonly hugepageLimits?: readonly { readonly pageSize: string; readonly limit: number }[] | undefined
  readonly unified?: Readonly<Record<string, string>> | undefined
  readonly memorySwapLimitInBytes?: number | undefined
}

export interface ContainerConfig {
  readonly metadata: { readonly name: string; readonly attempt: number }
  readonly image: ImageSpec
  readonly command?: readonly string[] | undefined
  readonly args?: readonly string[] | undefined
  readonly workingDir?: string | undefined
  readonly envs: readonly { readonly key: string; readonly value: Uint8Array }[]
  readonly mounts: readonly ContainerMount[]
  readonly devices?: readonly { readonly containerPath: string; readonly hostPath: string; readonly permissions: string }[] | undefined
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly logPath: string
  readonly stdin: boolean
  readonly stdinOnce: boolean
  readonly tty: boolean
  readonly linux: { readonly resources: LinuxResources; readonly securityContext: ContainerSecurityContext }
  readonly stopSignal?: string | undefined
}

export interface ContainerMount {
  readonly containerPath: string
  readonly hostPath: string
  readonly readonly: boolean
  readonly recursiveReadOnly?: boolean | undefined
  readonly propagation?: 'PROPAGATION_PRIVATE' | 'PROPAGATION_HOST_TO_CONTAINER' | 'PROPAGATION_BIDIRECTIONAL' | undefined
}

export interface ContainerSecurityContext {
  readonly capabilities?: { readonly addCapabilities: readonly string[]; readonly dropCapabilities: readonly string[] } | undefined
  readonly privileged: boolean
  readonly namespaceOptions: NamespaceOptions
  readonly selinuxOptions?: SelinuxOptions | undefined
  readonly runAsUser?: Int64Value | undefined
  readonly runAsGroup?: Int64Value | undefined
  readonly runAsUsername?: string | undefined
  readonly readonlyRootfs: boolean
  readonly supplementalGroups?: readonly number[] | undefined
  readonly supplementalGroupsPolicy?: 'Merge' | 'Strict' | undefined
  readonly noNewPrivs: boolean
  readonly maskedPaths: readonly string[]
  readonly readonlyPaths: readonly string[]
  readonly seccomp?: SecurityProfile | undefined
  readonly apparmor?: SecurityProfile | undefined
}

export interface ImageSpec {
  readonly image: string
  readonly userSpecifiedImage?: string | undefined
  readonly runtimeHandler?: string | undefined
  readonly annotations?: Readonly<Record<string, string>> | undefined
}

export interface Sandbox {
  readonly id: string
  readonly name: string
  readonly namespace: string
  readonly uid: string
  readonly attempt: number
  readonly isReady: boolean
  readonly createdAtMs: number
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly runtimeHandler: string
}

export interface SandboxStatus extends Sandbox {
  /** Addresses of the pod network, primary first; empty for host network. */
  readonly ips: readonly string[]
  readonly isHostNetwork: boolean
}

export type ContainerPhase = 'created' | 'running' | 'exited' | 'unknown'

export interface RuntimeContainer {
  readonly id: string
  readonly sandboxId: string
  readonly name: string
  readonly attempt: number
  readonly image: string
  readonly imageRef: string
  readonly phase: ContainerPhase
  readonly createdAtMs: number
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

export interface RuntimeContainerStatus {
  readonly id: string
  readonly name: string
  readonly attempt: number
  readonly phase: ContainerPhase
  readonly createdAtMs: number
  /** 0 when it never started. */
  readonly startedAtMs: number
  /** 0 while it runs. */
  readonly finishedAtMs: number
  readonly exitCode: number
  readonly image: string
  readonly imageRef: string
  readonly imageId: string
  /** Such as `Completed`, `Error`, `OOMKilled`, `StartError`. */
  readonly reason: string
  readonly message: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly mounts: readonly ContainerMount[]
  readonly logPath: string
  readonly resources?: LinuxResources | undefined
  readonly user?: { readonly uid: number; readonly gid: number; readonly supplementalGroups: readonly number[] } | undefined
}

export interface ExecResult {
  readonly stdout: Buffer
  readonly stderr: Buffer
  readonly exitCode: number
}

export interface RuntimeVersion {
  readonly runtimeName: string
  readonly runtimeVersion: string
}

export interface RuntimeStatus {
  readonly conditions: readonly {
    readonly type: string
    readonly status: boolean
    readonly reason: string
    readonly message: string
  }[]
  readonly handlers: readonly {
    readonly name: string
    readonly features?: { readonly recursiveReadOnlyMounts: boolean; readonly userNamespaces: boolean } | undefined
  }[]
  readonly supplementalGroupsPolicy: boolean
}

export interface ContainerStats {
  readonly id: string
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly cpu?:
    | { readonly timestampMs: number; readonly usageCoreNanoSeconds: number; readonly usageNanoCores?: number | undefined }
    | undefined
  readonly memory?:
    | {
        readonly timestampMs: number
        readonly workingSetBytes: number
        readonly usageBytes?: number | undefined
        readonly rssBytes?: number | undefined
        readonly availableBytes?: number | undefined
        readonly pageFaults?: number | undefined
        readonly majorPageFaults?: number | undefined
      }
    | undefined
  readonly writableLayer?: { readonly timestampMs: number; readonly usedBytes: number; readonly inodesUsed: number } | undefined
}

/** Network counters of one sandbox; none for the host's network. */
export interface SandboxStats {
  readonly id: string
  readonly labels: Readonly<Record<string, string>>
  readonly timestampMs: number
  readonly interfaces: readonly {
    readonly name: string
    readonly rxBytes: number
    readonly rxErrors: number
    readonly txBytes: number
    readonly txErrors: number
  }[]
}

export interface RuntimeImage {
  readonly id: string
  readonly tags: readonly string[]
  readonly digests: readonly string[]
  readonly sizeBytes: number
  /** Numeric user of the image configuration; absent when it names a user or none. */
  readonly uid?: number | undefined
  readonly username: string
  readonly isPinned: boolean
}

export interface RegistryAuth {
  readonly username?: string | undefined
  readonly password?: string | undefined
  readonly auth?: string | undefined
  readonly serverAddress?: string | undefined
  readonly identityToken?: string | undefined
  readonly registryToken?: string | undefined
}

export interface FilesystemUse {
  readonly mountpoint: string
  readonly usedBytes: number
  readonly inodesUsed: number
}
