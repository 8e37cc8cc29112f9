import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../api/types/core-v1.ts'
import type { StorageClass } from '../../api/types/storage-v1.ts'
import type { Lister } from '../../client/informer.ts'
import { isControlledBy } from '../../meta/owner.ts'
import type { PodInfo } from '../pod-info.ts'

export const SELECTED_NODE = 'volume.kubernetes.io/selected-node'
export const BOUND_BY_CONTROLLER = 'pv.kubernetes.io/bound-by-controller'
const BIND_COMPLETED = 'pv.kubernetes.io/bind-completed'
const CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class'

export interface VolumeListers {
  readonly claims: Lister<PersistentVolumeClaim>
  readonly volumes: Lister<PersistentVolume>
  readonly classes: Lister<StorageClass>
}

/** A pod's claims by what is left to do for them. */
export interface SortedClaims {
  readonly bound: readonly PersistentVolumeClaim[]
  /** Wait for the choice of a node (WaitForFirstConsumer). */
  readonly delayed: readonly PersistentVolumeClaim[]
}

/** The claims of a pod, or the text of what stands against scheduling it at all. */
export function sortClaims(pod: PodInfo, listers: VolumeListers): SortedClaims | string {
  const [bound, delayed]: [PersistentVolumeClaim[], PersistentVolumeClaim[]] = [[], []]
  let hasImmediate = false
  for (const { key, name, isEphemeral } of pod.claims) {
    const claim = listers.claims.get(key)
    if (claim === undefined)
      return isEphemeral
        ? `waiting for ephemeral volume controller to create the persistentvolumeclaim "${name}"`
        : `persistentvolumeclaim "${name}" not found`
    const problem = claimProblem(claim, pod.pod, isEphemeral)
    if (problem !== undefined) return problem
    if (isBound(claim)) bound.push(claim)
    else if (isDelayed(claim, listers)) delayed.push(claim)
    else hasImmediate = true
  }
  return hasImmediate ? 'pod has unbound immediate PersistentVolumeClaims' : { bound, delayed }
}

function claimProblem(claim: PersistentVolumeClaim, pod: Pod, isEphemeral: boolean): string | undefined {
  const { name, namespace = '', deletionTimestamp } = claim.metadata
  if (claim.status.phase === 'Lost')
    return `persistentvolumeclaim "${name}" bound to non-existent persistentvolume "${claim.spec.volumeName ?? ''}"`
  if (deletionTimestamp !== undefined) return `persistentvolumeclaim "${name}" is being deleted`
  if (isEphemeral && !isControlledBy(claim, pod))
    return `PVC ${namespace}/${name} was not created for pod ${namespace}/${pod.metadata.name} (pod is not owner)`
  return undefined
}

/** Named a volume, and the binder has finished its side. */
export function isBound(claim: PersistentVolumeClaim): boolean {
  return (claim.spec.volumeName ?? '') !== '' && claim.metadata.annotations?.[BIND_COMPLETED] !== undefined
}

/** The older annotation wins; empty for no class. */
export function classNameOf(claim: PersistentVolumeClaim): string {
  return claim.metadata.annotations?.[CLASS_ANNOTATION] ?? claim.spec.storageClassName ?? ''
}

function isDelayed(claim: PersistentVolumeClaim, { classes }: VolumeListers): boolean {
  if ((claim.spec.volumeName ?? '') !== '') return false
  return classes.get(classNameOf(claim))?.volumeBindingMode === 'WaitForFirstConsumer'
}
