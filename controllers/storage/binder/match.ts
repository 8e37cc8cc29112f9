import type { PersistentVolume, PersistentVolumeClaim } from '../../../core/api/types/core-v1.ts'
import type { StorageClass } from '../../../core/api/types/storage-v1.ts'
import { deepEqual } from '../../../core/meta/deep-equal.ts'
import { compareQuantity, parseQuantity } from '../../../core/meta/quantity.ts'
import { matchesLabels, selectorOf } from '../../../core/meta/selector.ts'

/** Which volume fits which claim. Source: Kubernetes documentation, "Persistent Volumes", binding. */

const CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class'
export const SELECTED_NODE = 'volume.kubernetes.io/selected-node'
const DEFAULT_CLASS = 'storageclass.kubernetes.io/is-default-class'

/** Empty: no class, which binds only to volumes without one. Undefined: the default class, once there is one. */
export function classOfClaim({ metadata, spec }: PersistentVolumeClaim): string | undefined {
  return metadata.annotations?.[CLASS_ANNOTATION] ?? spec.storageClassName
}

/** The older annotation wins over the field; empty for no class. */
export function classOfVolume({ metadata, spec }: PersistentVolume): string {
  return metadata.annotations?.[CLASS_ANNOTATION] ?? spec.storageClassName ?? ''
}

/** The newest of the default classes, should there be several. */
export function defaultClass(classes: readonly StorageClass[]): StorageClass | undefined {
  const defaults = classes.filter(({ metadata }) => metadata.annotations?.[DEFAULT_CLASS] === 'true')
  const order = ({ metadata }: StorageClass): string => `${metadata.creationTimestamp}|${metadata.name}`
  return defaults.sort((a, b) => (order(a) < order(b) ? 1 : -1))[0]
}

/** Binding waits until the scheduler has picked a node for the first pod. */
export function isDelayed(claim: PersistentVolumeClaim, storageClass: StorageClass | undefined): boolean {
  return storageClass?.volumeBindingMode === 'WaitForFirstConsumer' && claim.metadata.annotations?.[SELECTED_NODE] === undefined
}

/** The volume's reference names this claim; one without uid was written by hand before the claim existed. */
export function isBoundTo({ spec }: PersistentVolume, { metadata }: PersistentVolumeClaim): boolean {
  const { claimRef } = spec
  if (claimRef === undefined || claimRef.name !== metadata.name || claimRef.namespace !== metadata.namespace) return false
  return claimRef.uid === undefined || claimRef.uid === '' || claimRef.uid === metadata.uid
}

/** Why a volume that a claim names cannot be its volume; undefined when it can. */
export function mismatch(volume: PersistentVolume, claim: PersistentVolumeClaim): string | undefined {
  if (!isLargeEnough(volume, claim)) return 'requested PV is too small'
  if (classOfVolume(volume) !== (classOfClaim(claim) ?? '')) return 'storageClassName does not match'
  if (!deepEqual(volume.spec.volumeAttributesClassName ?? '', claim.spec.volumeAttributesClassName ?? ''))
    return 'volumeAttributesClassName does not match'
  if (modeOf(volume) !== modeOf(claim)) return 'incompatible volumeMode'
  return hasAccessModes(volume, claim) ? undefined : 'incompatible accessMode'
}

/** The volume made for this claim, else the smallest that fits. With delayed binding only the former counts. */
export function bestMatch(
  claim: PersistentVolumeClaim,
  volumes: readonly PersistentVolume[],
  delayed: boolean,
): PersistentVolume | undefined {
  const fitting = volumes.filter((volume) => mismatch(volume, claim) === undefined && volume.metadata.deletionTimestamp === undefined)
  const reserved = fitting.find((volume) => isBoundTo(volume, claim))
  if (reserved !== undefined || delayed) return reserved
  const free = fitting.filter(({ spec, status, metadata }) => {
    const selected = claim.spec.selector === undefined || matchesLabels(selectorOf(claim.spec.selector), metadata.labels)
    return spec.claimRef === undefined && status.phase === 'Available' && selected
  })
  return free.sort((a, b) => compareQuantity(capacityOf(a), capacityOf(b)))[0]
}

const modeOf = ({ spec }: PersistentVolume | PersistentVolumeClaim): string => spec.volumeMode ?? 'Filesystem'
const capacityOf = ({ spec }: PersistentVolume) => parseQuantity(spec.capacity?.['storage'])

function isLargeEnough(volume: PersistentVolume, { spec }: PersistentVolumeClaim): boolean {
  return compareQuantity(capacityOf(volume), parseQuantity(spec.resources.requests?.['storage'])) >= 0
}

function hasAccessModes({ spec }: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  return (claim.spec.accessModes ?? []).every((mode) => spec.accessModes?.includes(mode))
}
