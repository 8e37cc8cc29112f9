import { qosClassOf } from '../../../api/rules/qos.ts'
import type { ContainerStatus, PodStatus } from '../../../api/types/core-v1.ts'
import { podIpsOf, readySandbox } from '../pod-runtime.ts'
import type { Verdict } from '../verdict.ts'
import { podConditions } from './conditions.ts'
import { groupStatuses, type StatusInput } from './container-status.ts'
import { settleEnded } from './ended-pod.ts'
import { isInitialized, podPhase } from './phase.ts'

export interface PodStatusInput extends StatusInput {
  /** Status as last told, by which what the runtime has forgotten is kept. */
  readonly old: PodStatus
  readonly hostIps: readonly string[]
  readonly now: string
  readonly resize?: { readonly type: string; readonly reason: string; readonly message: string } | undefined
  /** Why this node ended the pod, such as `DeadlineExceeded` or `Evicted`. */
  readonly verdict?: Verdict | undefined
}

/** What the node tells of a pod, from the spec and the runtime's state alone. Source: the kubelet's status generation. */
export function buildPodStatus(input: PodStatusInput): PodStatus {
  const { pod, runtime, old, verdict } = input
  const { init, regular, ephemeral } = containerGroups(input)
  // A phase that is an end stays one, and none is told before everything has ended: others would take the pod's place too early.
  const end = old.phase === 'Succeeded' || old.phase === 'Failed' ? old.phase : undefined
  const isOver = end !== undefined
  const found = verdict === undefined ? podPhase({ pod, init, regular, isTerminal: input.isTerminal }) : 'Failed'
  const isEarly = !input.isTerminal && (found === 'Succeeded' || found === 'Failed')
  const phase = end ?? (isEarly ? (old.phase === 'Running' ? 'Running' : 'Pending') : found)
  // Of what was never started there is nothing to tell, least of all an exit code that a Job could judge.
  const isRejected = verdict?.isRejection === true || (isOver && old.containerStatuses === undefined)
  const sandbox = readySandbox(runtime)
  const isHostNetwork = pod.spec.hostNetwork === true
  const ips = isHostNetwork ? (sandbox === undefined ? [] : input.hostIps) : podIpsOf(runtime)
  // Between two sandboxes, and after the last, a pod is still known by its address.
  const addresses = ips.length > 0 ? ips : (old.podIPs ?? []).map(({ ip }) => ip)
  const conditions = podConditions({
    pod,
    phase,
    init,
    regular,
    isSandboxReady: sandbox !== undefined && (isHostNetwork || sandbox.ips.length > 0),
    old: old.conditions ?? [],
    now: input.now,
    passing: [
      ...(input.resize === undefined ? [] : [{ ...input.resize, status: 'True' as const }]),
      ...(verdict?.disruption === undefined ? [] : [verdict.disruption]),
    ],
  })
  return {
    observedGeneration: pod.metadata.generation,
    phase,
    conditions,
    message: verdict?.message ?? (isOver ? old.message : undefined),
    reason: verdict?.reason ?? (isOver ? old.reason : undefined),
    hostIP: input.hostIps[0],
    hostIPs: input.hostIps.map((ip) => ({ ip })),
    podIP: addresses[0],
    podIPs: addresses.length === 0 ? undefined : addresses.map((ip) => ({ ip })),
    startTime: old.startTime ?? input.now,
    initContainerStatuses: isRejected ? undefined : optional(init),
    containerStatuses: isRejected ? undefined : optional(sorted(regular)),
    ephemeralContainerStatuses: optional(ephemeral),
    qosClass: old.qosClass ?? qosClassOf(pod.spec),
  }
}

interface ContainerGroups {
  readonly init: readonly ContainerStatus[]
  readonly regular: readonly ContainerStatus[]
  readonly ephemeral: readonly ContainerStatus[]
}

function containerGroups(input: PodStatusInput): ContainerGroups {
  const { pod, old } = input
  const initNow = groupStatuses(
    { containers: pod.spec.initContainers ?? [], old: old.initContainerStatuses ?? [], defaultReason: 'PodInitializing', isInit: true },
    input,
  )
  const waits = (pod.spec.initContainers ?? []).length > 0 && !isInitialized(pod, initNow)
  const regularGroup = { containers: pod.spec.containers, old: old.containerStatuses ?? [], isInit: false }
  const regularNow = groupStatuses({ ...regularGroup, defaultReason: waits ? 'PodInitializing' : 'ContainerCreating' }, input)
  const { init, regular } = input.isTerminal ? settleEnded(pod, initNow, regularNow) : { init: initNow, regular: regularNow }
  const ephemeral = groupStatuses(
    {
      containers: pod.spec.ephemeralContainers ?? [],
      old: old.ephemeralContainerStatuses ?? [],
      defaultReason: 'ContainerCreating',
      isInit: false,
    },
    input,
  )
  return { init, regular, ephemeral }
}

const optional = (list: readonly ContainerStatus[]): readonly ContainerStatus[] | undefined => (list.length === 0 ? undefined : list)
const sorted = (list: readonly ContainerStatus[]): readonly ContainerStatus[] => [...list].sort((a, b) => (a.name < b.name ? -1 : 1))
