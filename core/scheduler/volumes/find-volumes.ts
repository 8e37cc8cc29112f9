import { matchesNodeSelector } from '../../api/rules/node-match.ts'
import type { Node, PersistentVolume, PersistentVolumeClaim } from '../../api/types/core-v1.ts'
import type { StorageClass } from '../../api/types/storage-v1.ts'
import { keyOf } from '../../meta/object.ts'
import { compareQuantity, parseQuantity } from '../../meta/quantity.ts'
import { matchesLabels, selectorOf } from '../../meta/selector.ts'
import { classNameOf, SELECTED_NODE, type SortedClaims, type VolumeListers } from './claims.ts'

/** What binding a pod's claims on one node takes. */
export interface VolumePlan {
  /** Existing volumes to reserve for claims. */
  readonly bindings: readonly { readonly claim: PersistentVolumeClaim; readonly volume: PersistentVolume }[]
  /** Claims whose provisioner is to make a volume for the node. */
  readonly provisions: readonly PersistentVolumeClaim[]
}

/** Which claim a volume is promised to, by volume name, while the promise has not reached the API. */
export type Promised = ReadonlyMap<string, string>

export const AFFINITY_CONFLICT = "node(s) didn't match PersistentVolume's node affinity"
export const NOTHING_TO_BIND = "node(s) didn't find available persistent volumes to bind"
export const VOLUME_MISSING = 'node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)'
const NO_PROVISIONER = 'kubernetes.io/no-provisioner'

/** Finds volumes for the claims on `node`; a list of reasons when the node cannot serve them. */
export function findVolumes(claims: SortedClaims, node: Node, listers: VolumeListers, promised: Promised): VolumePlan | readonly string[] {
  const reasons = boundProblems(claims.bound, node, listers)
  const plan = planUnbound(claims.delayed, node, listers, promised)
  if (plan === undefined) reasons.push(NOTHING_TO_BIND)
  return plan === undefined || reasons.length > 0 ? reasons : plan
}

function boundProblems(claims: readonly PersistentVolumeClaim[], node: Node, { volumes }: VolumeListers): string[] {
  const reasons = new Set<string>()
  for (const claim of claims) {
    const volume = volumes.get(claim.spec.volumeName ?? '')
    if (volume === undefined) reasons.add(VOLUME_MISSING)
    else if (!reaches(volume, node)) reasons.add(AFFINITY_CONFLICT)
  }
  return [...reasons]
}

/** Whether the volume can be used on the node. */
export function reaches(volume: PersistentVolume, node: Node): boolean {
  const required = volume.spec.nodeAffinity?.required
  return required === undefined || matchesNodeSelector(required, node)
}

function planUnbound(
  claims: readonly PersistentVolumeClaim[],
  node: Node,
  listers: VolumeListers,
  promised: Promised,
): VolumePlan | undefined {
  const bindings: VolumePlan['bindings'][number][] = []
  const provisions: PersistentVolumeClaim[] = []
  const taken = new Set<string>()
  // The smallest claims first, so that a large volume is not spent on a small claim.
  for (const claim of [...claims].sort((a, b) => compareQuantity(requestOf(a), requestOf(b)))) {
    const selected = claim.metadata.annotations?.[SELECTED_NODE]
    if (selected !== undefined && selected !== node.metadata.name) return undefined
    const volume =
      selected === undefined
        ? matchVolume(claim, node, listers, (name) => taken.has(name) || isPromisedElsewhere(promised, name, claim))
        : undefined
    if (volume !== undefined) {
      taken.add(volume.metadata.name)
      bindings.push({ claim, volume })
    } else if (canProvision(listers.classes.get(classNameOf(claim)), node)) provisions.push(claim)
    else return undefined
  }
  return { bindings, provisions }
}

function isPromisedElsewhere(promised: Promised, volume: string, claim: PersistentVolumeClaim): boolean {
  const owner = promised.get(volume)
  return owner !== undefined && owner !== keyOf(claim)
}

/** The volume reserved for the claim by a user, else the smallest free one that suits it. */
function matchVolume(
  claim: PersistentVolumeClaim,
  node: Node,
  { volumes }: VolumeListers,
  isTaken: (name: string) => boolean,
): PersistentVolume | undefined {
  let best: PersistentVolume | undefined
  for (const volume of volumes.list()) {
    if (isTaken(volume.metadata.name) || !suits(volume, claim) || !reaches(volume, node)) continue
    if (volume.spec.claimRef !== undefined) return volume
    if (best === undefined || compareQuantity(capacityOf(volume), capacityOf(best)) < 0) best = volume
  }
  return best
}

function suits(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const { spec, status, metadata } = volume
  const { claimRef } = spec
  if (metadata.deletionTimestamp !== undefined || !belongsTo(claimRef, claim)) return false
  if (claimRef === undefined && status.phase !== 'Available') return false
  if ((spec.storageClassName ?? '') !== classNameOf(claim)) return false
  if ((spec.volumeMode ?? 'Filesystem') !== (claim.spec.volumeMode ?? 'Filesystem')) return false
  if (!(claim.spec.accessModes ?? []).every((mode) => spec.accessModes?.includes(mode) === true)) return false
  if (claim.spec.selector !== undefined && !matchesLabels(selectorOf(claim.spec.selector), metadata.labels)) return false
  return compareQuantity(capacityOf(volume), requestOf(claim)) >= 0
}

function belongsTo(reference: PersistentVolume['spec']['claimRef'], claim: PersistentVolumeClaim): boolean {
  if (reference === undefined) return true
  if (reference.name !== claim.metadata.name || reference.namespace !== claim.metadata.namespace) return false
  return reference.uid === undefined || reference.uid === '' || reference.uid === claim.metadata.uid
}

function canProvision(storageClass: StorageClass | undefined, node: Node): boolean {
  if (storageClass === undefined || storageClass.provisioner === '' || storageClass.provisioner === NO_PROVISIONER) return false
  const { allowedTopologies } = storageClass
  if (allowedTopologies === undefined || allowedTopologies.length === 0) return true
  const labels = node.metadata.labels ?? {}
  return allowedTopologies.some(({ matchLabelExpressions = [] }) =>
    matchLabelExpressions.every(({ key, values }) => labels[key] !== undefined && values.includes(labels[key])),
  )
}

const requestOf = (claim: PersistentVolumeClaim): ReturnType<typeof parseQuantity> =>
  parseQuantity(claim.spec.resources.requests?.['storage'])
const capacityOf = (volume: PersistentVolume): ReturnType<typeof parseQuantity> => parseQuantity(volume.spec.capacity?.['storage'])
