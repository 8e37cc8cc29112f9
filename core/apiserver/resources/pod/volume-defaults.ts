import type { PersistentVolumeClaimSpec, PersistentVolumeSpec, Volume } from '../../../api/types/core-v1.ts'
import { roundRequirements } from '../defaulting.ts'
import type { Work } from '../resource-def.ts'
import { defaultPullPolicy } from './image.ts'

const DEFAULT_FILE_MODE = 0o644
const TOKEN_LIFETIME_SECONDS = 3_600

/** Source: shared facts on defaults, core_v1.Volume and the sources below it. */
export function defaultVolume(volume: Work<Volume>): void {
  if (hasNoSource(volume)) volume.emptyDir = {}
  if (volume.hostPath !== undefined) volume.hostPath.type ??= ''
  if (volume.secret !== undefined) volume.secret.defaultMode ??= DEFAULT_FILE_MODE
  if (volume.configMap !== undefined) volume.configMap.defaultMode ??= DEFAULT_FILE_MODE
  if (volume.downwardAPI !== undefined) {
    volume.downwardAPI.defaultMode ??= DEFAULT_FILE_MODE
    defaultFieldRefs(volume.downwardAPI.items)
  }
  if (volume.projected !== undefined) defaultProjected(volume.projected)
  if (volume.image !== undefined) volume.image.pullPolicy ||= defaultPullPolicy(volume.image.reference)
  const claim = volume.ephemeral?.volumeClaimTemplate
  if (claim !== undefined) defaultClaimSpec(claim.spec)
  defaultDrivers(volume)
}

function hasNoSource(volume: Work<Volume>): boolean {
  for (const key in volume) if (key !== 'name' && volume[key as keyof Volume] !== undefined) return false
  return true
}

function defaultFieldRefs(items: NonNullable<Work<Volume>['downwardAPI']>['items']): void {
  if (items !== undefined) for (const { fieldRef } of items) if (fieldRef !== undefined) fieldRef.apiVersion ||= 'v1'
}

function defaultProjected(projected: NonNullable<Work<Volume>['projected']>): void {
  projected.defaultMode ??= DEFAULT_FILE_MODE
  for (const source of projected.sources) {
    if (source.downwardAPI !== undefined) defaultFieldRefs(source.downwardAPI.items)
    if (source.serviceAccountToken !== undefined) source.serviceAccountToken.expirationSeconds ??= TOKEN_LIFETIME_SECONDS
  }
}

type Drivers = Pick<Work<Volume> | Work<PersistentVolumeSpec>, 'iscsi' | 'rbd' | 'azureDisk' | 'scaleIO'>

/** Defaults of in-tree volume plugins, the same for pods and persistent volumes. */
export function defaultDrivers({ iscsi, rbd, azureDisk, scaleIO }: Drivers): void {
  if (iscsi !== undefined) iscsi.iscsiInterface ||= 'default'
  if (rbd !== undefined) {
    rbd.pool ||= 'rbd'
    rbd.user ||= 'admin'
    rbd.keyring ||= '/etc/ceph/keyring'
  }
  if (azureDisk !== undefined) {
    azureDisk.cachingMode ??= 'ReadWrite'
    azureDisk.fsType ??= 'ext4'
    azureDisk.readOnly ??= false
    azureDisk.kind ??= 'Shared'
  }
  if (scaleIO !== undefined) {
    scaleIO.storageMode ||= 'ThinProvisioned'
    scaleIO.fsType ||= 'xfs'
  }
}

export function defaultClaimSpec(spec: Work<PersistentVolumeClaimSpec>): void {
  spec.volumeMode ??= 'Filesystem'
  roundRequirements(spec.resources)
}
