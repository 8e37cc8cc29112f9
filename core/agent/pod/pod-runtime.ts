import type { ContainerPhase, LinuxResources, SandboxStatus } from '../cri/types.ts'

/** One container as the runtime knows it; a restarted container has several, one per attempt. */
export interface ContainerRecord {
  readonly id: string
  readonly name: string
  readonly sandboxId: string
  readonly phase: ContainerPhase
  readonly restartCount: number
  readonly createdAtMs: number
  /** 0 when it never started. */
  readonly startedAtMs: number
  readonly finishedAtMs: number
  readonly exitCode: number
  readonly reason: string
  /** The runtime's message, or what the container left behind as its termination message. */
  readonly message: string
  readonly image: string
  readonly imageId: string
  readonly hash: string
  readonly graceSeconds: number
  readonly resources?: LinuxResources | undefined
  readonly user?: { readonly uid: number; readonly gid: number; readonly supplementalGroups: readonly number[] } | undefined
  /** Full path of the log file. */
  readonly logPath: string
}

/** What the runtime holds of one pod. Both lists are newest first. */
export interface PodRuntime {
  readonly uid: string
  readonly name: string
  readonly namespace: string
  readonly sandboxes: readonly SandboxStatus[]
  readonly containers: readonly ContainerRecord[]
}

export function emptyRuntime(uid: string): PodRuntime {
  return { uid, name: '', namespace: '', sandboxes: [], containers: [] }
}

/** The newest record of a container, of whatever sandbox. */
export function newestRecord(runtime: PodRuntime, name: string): ContainerRecord | undefined {
  return runtime.containers.find((record) => record.name === name)
}

/** The newest that is ready: containers are started in it. */
export function readySandbox(runtime: PodRuntime): SandboxStatus | undefined {
  return runtime.sandboxes.find((sandbox) => sandbox.isReady)
}

/** Addresses of the pod's network, from the sandbox that is up, else from none. */
export function podIpsOf(runtime: PodRuntime): readonly string[] {
  return readySandbox(runtime)?.ips ?? []
}

export const isRunning = (record: ContainerRecord | undefined): record is ContainerRecord & { readonly phase: 'running' } =>
  record?.phase === 'running'
