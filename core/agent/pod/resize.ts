import { isSidecar } from '../../api/rules/pod-containers.ts'
import type { Container, Pod, ResourceRequirements } from '../../api/types/core-v1.ts'
import { deepEqual } from '../../meta/deep-equal.ts'
import { parseQuantity } from '../../meta/quantity.ts'
import { isAborted } from '../../runtime/abort.ts'
import { podResources } from '../cgroup/pod-resources.ts'
import { rpcText } from '../cri/index.ts'
import { type AdmissionContext, resourceProblem } from './admit.ts'
import { containerReference } from './event-reference.ts'
import { killContainer, podGraceSeconds } from './kill.ts'
import type { PodDeps } from './pod-deps.ts'
import { type ContainerRecord, isRunning, newestRecord, type PodRuntime } from './pod-runtime.ts'
import { containerResources } from './spec/resources.ts'

/** Why a change of resources has not been carried out; told as a condition of the pod. */
export interface ResizeProblem {
  readonly type: 'PodResizePending' | 'PodResizeInProgress'
  readonly reason: 'Deferred' | 'Infeasible' | 'Error'
  readonly message: string
}

/** What running containers have been given, by container id. */
export type AppliedResources = Map<string, ResourceRequirements>

/** From the status that was told last: what an earlier life of this process had applied. */
export function appliedFromStatus(pod: Pod): AppliedResources {
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status
  return new Map(
    [...containerStatuses, ...initContainerStatuses].flatMap(({ containerID, resources }) =>
      containerID === undefined || resources === undefined ? [] : [[containerID.replace(/^[^:]+:\/\//, ''), resources] as const],
    ),
  )
}

interface Change {
  readonly container: Container
  readonly record: ContainerRecord
  readonly restarts: boolean
}

/** Running containers whose spec asks for something else than they have. */
export function planResize(pod: Pod, runtime: PodRuntime, applied: AppliedResources): readonly Change[] {
  const containers = [...(pod.spec.initContainers ?? []).filter(isSidecar), ...pod.spec.containers]
  return containers.flatMap((container) => {
    const record = newestRecord(runtime, container.name)
    const has = record === undefined ? undefined : applied.get(record.id)
    if (!isRunning(record) || has === undefined || isSame(has, container.resources)) return []
    return [{ container, record, restarts: restartsFor(container, has) }]
  })
}

const relevant = ({ requests, limits }: ResourceRequirements): object => ({ requests: amounts(requests), limits: amounts(limits) })
const amounts = (list: Readonly<Record<string, string>> | undefined): object =>
  Object.fromEntries(['cpu', 'memory'].map((name) => [name, String(parseQuantity(list?.[name]).nano)]))
const isSame = (a: ResourceRequirements, b: ResourceRequirements): boolean => deepEqual(relevant(a), relevant(b))

function restartsFor(container: Container, has: ResourceRequirements): boolean {
  return (container.resizePolicy ?? []).some(({ resourceName, restartPolicy }) => {
    if (restartPolicy !== 'RestartContainer') return false
    const differs = (kind: 'requests' | 'limits'): boolean =>
      parseQuantity(has[kind]?.[resourceName]).nano !== parseQuantity(container.resources[kind]?.[resourceName]).nano
    return differs('requests') || differs('limits')
  })
}

/**
 * Carries out changes of resources without restarting, unless the container asks for that. Answers what stands in the way,
 * if anything. Source: Kubernetes documentation, "Resize CPU and Memory Resources assigned to Containers".
 */
export async function resizePod(
  pod: Pod,
  runtime: PodRuntime,
  { deps, applied, admission }: { readonly deps: PodDeps; readonly applied: AppliedResources; readonly admission: AdmissionContext },
  signal: AbortSignal,
): Promise<ResizeProblem | undefined> {
  const changes = planResize(pod, runtime, applied)
  if (changes.length === 0) return undefined
  const problem = infeasible(pod, admission)
  if (problem !== undefined) return problem
  // The pod's own limits make room first, and are drawn in only after the containers have been.
  const grows = isGrowing(pod, changes, applied)
  try {
    if (grows) await deps.cgroups.ensure(pod)
    for (const change of changes) await resizeContainer(pod, change, { deps, applied }, signal)
    if (!grows) await deps.cgroups.ensure(pod)
    return undefined
  } catch (err) {
    if (isAborted(signal)) throw err
    return { type: 'PodResizeInProgress', reason: 'Error', message: rpcText(err) }
  }
}

function infeasible(pod: Pod, admission: AdmissionContext): ResizeProblem | undefined {
  const alone = resourceProblem(pod, { ...admission, activePods: () => [pod] })
  if (alone !== undefined) return { type: 'PodResizePending', reason: 'Infeasible', message: alone.message }
  const beside = resourceProblem(pod, admission)
  return beside && { type: 'PodResizePending', reason: 'Deferred', message: beside.message }
}

function isGrowing(pod: Pod, changes: readonly Change[], applied: AppliedResources): boolean {
  const old = {
    ...pod,
    spec: {
      ...pod.spec,
      containers: pod.spec.containers.map((container) => {
        const change = changes.find((candidate) => candidate.container === container)
        return change === undefined ? container : { ...container, resources: applied.get(change.record.id) ?? container.resources }
      }),
    },
  }
  const [before, after] = [podResources(old), podResources(pod)]
  const memory = (bytes: number | undefined): number => bytes ?? Number.POSITIVE_INFINITY
  return memory(after.memoryLimitBytes) >= memory(before.memoryLimitBytes)
}

async function resizeContainer(
  pod: Pod,
  { container, record, restarts }: Change,
  { deps, applied }: { readonly deps: PodDeps; readonly applied: AppliedResources },
  signal: AbortSignal,
): Promise<void> {
  if (restarts) {
    const message = `Container ${container.name} resize requires restart, will be restarted`
    await killContainer({ pod, container, record, graceSeconds: podGraceSeconds(pod), message }, deps, signal)
    return
  }
  const { cpuShares, cpuQuota, cpuPeriod, memoryLimitInBytes } = containerResources(pod, container, deps.facts.resources)
  // Without a quota any more the kernel must be told so; leaving it out would keep the old one.
  const resources = { cpuShares, cpuQuota: cpuQuota ?? -1, cpuPeriod, memoryLimitInBytes }
  await deps.runtime.updateContainerResources(record.id, resources, signal)
  applied.set(record.id, container.resources)
  deps.recorder.event(containerReference(pod, container.name), 'Normal', 'ResizeCompleted', `Container ${container.name} was resized`)
}
