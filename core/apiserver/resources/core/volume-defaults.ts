import type { PersistentVolume, PersistentVolumeClaim, PersistentVolumeSpec } from '../../../api/types/core-v1.ts'
import { roundQuantities } from '../defaulting.ts'
import { defaultClaimSpec, defaultDrivers } from '../pod/volume-defaults.ts'
import type { Work } from '../resource-def.ts'

/** Source for this file: shared facts on defaults, core_v1.PersistentVolume and core_v1.PersistentVolumeClaim. */
export function defaultVolumeObject(volume: Work<PersistentVolume>): void {
  volume.status.phase ||= 'Pending'
  volume.spec.persistentVolumeReclaimPolicy ||= 'Retain'
  volume.spec.volumeMode ??= 'Filesystem'
  defaultVolumeSpec(volume.spec)
}

/** What also holds for a volume written into a VolumeAttachment. */
export function defaultVolumeSpec(spec: Work<PersistentVolumeSpec>): void {
  roundQuantities(spec.capacity)
  if (spec.hostPath !== undefined) spec.hostPath.type ??= ''
  defaultDrivers(spec)
}

export function defaultClaim(claim: Work<PersistentVolumeClaim>): void {
  claim.status.phase ||= 'Pending'
  defaultClaimSpec(claim.spec)
  roundQuantities(claim.status.capacity)
  roundQuantities(claim.status.allocatedResources)
}
