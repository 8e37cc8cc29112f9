import { pods, statefulSets } from '../../../core/api/kinds.ts'
import type { StatefulSet } from '../../../core/api/types/apps-v1.ts'
import type { OwnerReference } from '../../../core/api/types/meta-v1.ts'
import type { PersistentVolumeClaim, Pod } from '../../../core/api/types/core-v1.ts'
import { ownerReference } from '../../../core/meta/owner.ts'
import { firstOrdinal, ordinalOf } from './identity.ts'

/**
 * Owner references of a claim under the set's retention policy, or undefined when they are right. The garbage collector
 * does the rest: a claim goes with the set, with the pod that scaling removes, or never.
 * Source: Kubernetes documentation, "StatefulSet", PersistentVolumeClaim retention.
 */
export function planOwners(set: StatefulSet, pod: Pod, claim: PersistentVolumeClaim): readonly OwnerReference[] | undefined {
  const { whenDeleted = 'Retain', whenScaled = 'Retain' } = set.spec.persistentVolumeClaimRetentionPolicy ?? {}
  const ordinal = ordinalOf(pod, set) ?? 0
  const start = firstOrdinal(set)
  const condemned = ordinal < start || ordinal >= start + (set.spec.replicas ?? 1)
  const byPod = condemned && whenScaled === 'Delete'
  const bySet = whenDeleted === 'Delete' && !byPod
  const old = claim.metadata.ownerReferences ?? []
  // Somebody else's references stay; a user who made another owner the controller has taken the claim over.
  if (old.some(({ controller }) => controller === true)) return undefined
  const others = old.filter(({ uid }) => uid !== set.metadata.uid && uid !== pod.metadata.uid)
  const next = [
    ...others,
    ...(bySet ? [ownerReference(statefulSets, set)] : []),
    ...(byPod ? [ownerReference(pods, pod)] : []),
  ] as readonly OwnerReference[]
  const same = next.length === old.length && next.every(({ uid }) => old.some((reference) => reference.uid === uid))
  return same ? undefined : next
}
