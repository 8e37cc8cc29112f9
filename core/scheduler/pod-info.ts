import { type HostPort, hostPortsOf } from '../api/rules/host-ports.ts'
import type { Pod } from '../api/types/core-v1.ts'
import { keyOf, type ObjectKey, objectKey } from '../meta/object.ts'
import { type AffinityTerms, affinityTerms, antiAffinityTerms } from './affinity-terms.ts'
import { type Amounts, podRequests } from './resources.ts'

/** A claim that a pod mounts; `isEphemeral` when it is made for the pod from a template in its volume. */
export interface ClaimUse {
  readonly key: ObjectKey
  readonly name: string
  readonly isEphemeral: boolean
}

/** What the scheduler reads from a pod, worked out once per version of the object. */
export interface PodInfo {
  readonly pod: Pod
  readonly key: ObjectKey
  readonly priority: number
  readonly requests: ReadonlyMap<string, number>
  /** Requests with defaults for cpu and memory where containers have none. */
  readonly nonZeroRequests: ReadonlyMap<string, number>
  readonly hostPorts: readonly HostPort[]
  readonly affinity: AffinityTerms
  readonly antiAffinity: AffinityTerms
  readonly claims: readonly ClaimUse[]
}

const known = new WeakMap<Pod, PodInfo>()

/** Built once for each cached object. */
export function podInfoOf(pod: Pod): PodInfo {
  let info = known.get(pod)
  if (info === undefined) {
    info = build(pod)
    known.set(pod, info)
  }
  return info
}

function build(pod: Pod): PodInfo {
  const requests: Amounts = podRequests(pod)
  return {
    pod,
    key: keyOf(pod),
    priority: pod.spec.priority ?? 0,
    requests,
    nonZeroRequests: podRequests(pod, true),
    hostPorts: hostPortsOf(pod),
    affinity: affinityTerms(pod),
    antiAffinity: antiAffinityTerms(pod),
    claims: claimsOf(pod),
  }
}

function claimsOf(pod: Pod): readonly ClaimUse[] {
  const { namespace, name } = pod.metadata
  return (pod.spec.volumes ?? []).flatMap((volume) => {
    const claim = volume.ephemeral === undefined ? volume.persistentVolumeClaim?.claimName : `${name}-${volume.name}`
    return claim === undefined ? [] : [{ key: objectKey(namespace, claim), name: claim, isEphemeral: volume.ephemeral !== undefined }]
  })
}

export function hasAffinity({ affinity, antiAffinity }: PodInfo): boolean {
  return affinity.required.length + affinity.preferred.length + antiAffinity.required.length + antiAffinity.preferred.length > 0
}

/** Ended pods hold nothing on their node, though their objects stay. */
export function isTerminal(pod: Pod): boolean {
  return pod.status.phase === 'Succeeded' || pod.status.phase === 'Failed'
}
