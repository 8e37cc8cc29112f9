import { isSidecar } from '../../../api/rules/pod-containers.ts'
import type {
  Container,
  ContainerState,
  ContainerStateTerminated,
  ContainerStatus,
  Pod,
  ResourceRequirements,
  VolumeMount,
  VolumeMountStatus,
} from '../../../api/types/core-v1.ts'
import { toTimestamp } from '../../../runtime/clock.ts'
import { type ContainerRecord, isRunning, type PodRuntime } from '../pod-runtime.ts'

/** Why a container does not run although it should: told instead of its last end. */
export interface WaitReason {
  readonly reason: string
  readonly message: string
}

export interface StatusInput {
  readonly pod: Pod
  readonly runtime: PodRuntime
  /** By container name. */
  readonly waiting: ReadonlyMap<string, WaitReason>
  /** Containers whose start is still under way, hooks included: they are not told as running yet. */
  readonly starting: ReadonlySet<string>
  readonly readiness: (containerId: string) => boolean | undefined
  readonly startup: (containerId: string) => boolean | undefined
  /** The pod will not run any more: how each container ended is told, not that one waits to start again. */
  readonly isTerminal: boolean
  readonly runtimeName: string
  /** Whether mounts are read-only all the way down where that is possible. */
  readonly recursiveReadOnlyMounts?: boolean
  /** What a running container has been given, where that differs from what its spec asks for now. */
  readonly applied?: (containerId: string) => ResourceRequirements | undefined
}

interface Group {
  readonly containers: readonly Container[]
  readonly old: readonly ContainerStatus[]
  /** Reason of a container that has not begun. */
  readonly defaultReason: string
  readonly isInit: boolean
}

/** Statuses of one group of containers, in the order of the spec. */
export function groupStatuses(group: Group, input: StatusInput): readonly ContainerStatus[] {
  return group.containers.map((container) => containerStatus(container, group, input))
}

function containerStatus(container: Container, group: Group, input: StatusInput): ContainerStatus {
  const old = group.old.find(({ name }) => name === container.name)
  const records = input.runtime.containers.filter(({ name }) => name === container.name)
  const { state, lastState, record } = statesOf(container, group, { input, old, records })
  const started = state.running !== undefined && (container.startupProbe === undefined || input.startup(record?.id ?? '') === true)
  return {
    name: container.name,
    state,
    lastState,
    ready: isReady(container, group, { state, started, input, record }),
    restartCount: record?.restartCount ?? old?.restartCount ?? 0,
    image: record === undefined || record.image === '' ? (old?.image ?? container.image ?? '') : record.image,
    imageID: record?.imageId ?? old?.imageID ?? '',
    containerID: record === undefined ? old?.containerID : `${input.runtimeName}://${record.id}`,
    started: group.isInit && !isSidecar(container) ? state.running !== undefined : started,
    ...resourcesOf((state.running && input.applied?.(record?.id ?? '')) ?? container.resources, state),
    ...mountsOf(container, input.recursiveReadOnlyMounts === true),
    user: record?.user === undefined ? undefined : { linux: record.user },
  }
}

interface StatesContext {
  readonly input: StatusInput
  readonly old: ContainerStatus | undefined
  readonly records: readonly ContainerRecord[]
}

interface States {
  readonly state: ContainerState
  readonly lastState: ContainerState
  readonly record: ContainerRecord | undefined
}

function statesOf(container: Container, group: Group, { input, old, records }: StatesContext): States {
  const { runtimeName } = input
  const [record, previous] = records
  const ended = records.find(({ phase }) => phase === 'exited')
  const terminatedOf = (of: ContainerRecord | undefined): ContainerState =>
    of === undefined ? {} : { terminated: terminatedState(of, runtimeName) }
  const waiting = input.waiting.get(container.name)
  const lastEnd = previous === undefined ? (old?.lastState ?? {}) : terminatedOf(previous.phase === 'exited' ? previous : undefined)
  if (isRunning(record) && !input.starting.has(container.name))
    return { state: { running: { startedAt: toTimestamp(record.startedAtMs) } }, lastState: lastEnd, record }
  if (record?.phase === 'exited') {
    if (waiting === undefined || input.isTerminal) return { state: terminatedOf(record), lastState: lastEnd, record }
    return { state: { waiting }, lastState: terminatedOf(record), record }
  }
  if (record === undefined && old?.state.terminated !== undefined && waiting === undefined) {
    // Its container is gone from the runtime, but how it ended has been told already.
    return { state: old.state, lastState: old.lastState, record }
  }
  const lastState =
    ended === undefined
      ? old?.state.terminated === undefined
        ? (old?.lastState ?? {})
        : { terminated: old.state.terminated }
      : terminatedOf(ended)
  return { state: { waiting: waiting ?? { reason: group.defaultReason } }, lastState, record }
}

export function terminatedState(record: ContainerRecord, runtimeName: string): ContainerStateTerminated {
  return {
    exitCode: record.exitCode,
    reason: record.reason === '' ? (record.exitCode === 0 ? 'Completed' : 'Error') : record.reason,
    message: record.message === '' ? undefined : record.message,
    startedAt: toTimestamp(record.startedAtMs),
    finishedAt: toTimestamp(record.finishedAtMs),
    containerID: `${runtimeName}://${record.id}`,
  }
}

/** The status of a container whose pod has ended: if its own end is not known, nobody can say how it went. Source: the kubelet's wording. */
export function endedStatus(status: ContainerStatus): ContainerStatus {
  if (status.state.terminated !== undefined) return status
  const never = status.containerID === undefined || status.containerID === ''
  const message = never
    ? 'The container could not be located when the pod was terminated'
    : 'The container could not be located when the pod was deleted.  The container used to be Running'
  const terminated = { exitCode: 137, reason: 'ContainerStatusUnknown', message, startedAt: undefined, finishedAt: undefined }
  return { ...status, state: { terminated }, resources: undefined, allocatedResources: undefined }
}

interface ReadyContext {
  readonly state: ContainerState
  readonly started: boolean
  readonly input: StatusInput
  readonly record: ContainerRecord | undefined
}

function isReady(container: Container, group: Group, { state, started, input, record }: ReadyContext): boolean {
  if (group.isInit && !isSidecar(container)) return state.terminated?.exitCode === 0
  if (state.running === undefined || !started) return false
  return container.readinessProbe === undefined || input.readiness(record?.id ?? '') === true
}

/** What the container has been given; for one that is not running, what it will be given. */
function resourcesOf(given: ResourceRequirements, state: ContainerState): Pick<ContainerStatus, 'resources' | 'allocatedResources'> {
  const { requests, limits } = given
  if (state.running === undefined && state.waiting === undefined) return {}
  return {
    ...(requests !== undefined && { allocatedResources: requests }),
    resources: { ...(limits && { limits }), ...(requests && { requests }) },
  }
}

function mountsOf(container: Container, canRecurse: boolean): Pick<ContainerStatus, 'volumeMounts'> {
  const mounts = (container.volumeMounts ?? []).map((mount) => mountStatus(mount, canRecurse))
  return mounts.length === 0 ? {} : { volumeMounts: mounts }
}

function mountStatus({ name, mountPath, readOnly, recursiveReadOnly = 'Disabled' }: VolumeMount, canRecurse: boolean): VolumeMountStatus {
  if (readOnly !== true) return { name, mountPath }
  return { name, mountPath, readOnly, recursiveReadOnly: recursiveReadOnly !== 'Disabled' && canRecurse ? 'Enabled' : 'Disabled' }
}
