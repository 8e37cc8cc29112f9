import { persistentVolumeClaims, persistentVolumes } from '../../../api/kinds.ts'
import type { PersistentVolume, PersistentVolumeClaim } from '../../../api/types/core-v1.ts'
import { toTimestamp } from '../../../meta/time.ts'
import { defineResource } from '../define.ts'
import type { ResourceDef, Work } from '../resource-def.ts'
import { statusSubresource } from '../strategy.ts'
import { accessModes, UNSET } from '../table/cells.ts'
import { column, created, name, table, wide } from '../table/table.ts'
import { claimWarnings, volumeWarnings } from '../warnings.ts'
import { defaultClaim, defaultVolumeObject } from './volume-defaults.ts'
import { validateClaim, validatePersistentVolume } from './volume-validation.ts'

const CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class'

/** Phase, or `Terminating` from the moment a delete was asked for. */
function phase(object: PersistentVolume | PersistentVolumeClaim): string {
  return object.metadata.deletionTimestamp === undefined ? (object.status.phase ?? '') : 'Terminating'
}

const storageClass = ({ metadata, spec }: PersistentVolume | PersistentVolumeClaim): string =>
  metadata.annotations?.[CLASS_ANNOTATION] ?? spec.storageClassName ?? ''

export const persistentVolumeDef: ResourceDef<PersistentVolume> = defineResource(persistentVolumes, {
  applyDefaults: defaultVolumeObject,
  validate: validatePersistentVolume,
  warnings: volumeWarnings,
  strategy: {
    status: 'controlled',
    create: ({ status }, { nowMs }) => {
      status.lastPhaseTransitionTime = toTimestamp(nowMs)
    },
  },
  subresources: {
    status: statusSubresource({
      prepare: ({ status }, old, { nowMs }) => {
        const sent = status.lastPhaseTransitionTime
        if (status.phase === old.status.phase) status.lastPhaseTransitionTime ??= old.status.lastPhaseTransitionTime
        else if (sent === undefined || sent === old.status.lastPhaseTransitionTime) status.lastPhaseTransitionTime = toTimestamp(nowMs)
      },
    }),
  },
  table: table<PersistentVolume>(
    name,
    column('Capacity', ({ spec }) => spec.capacity?.['storage'] ?? '0'),
    column('Access Modes', ({ spec }) => accessModes(spec.accessModes)),
    column('Reclaim Policy', ({ spec }) => spec.persistentVolumeReclaimPolicy ?? ''),
    column('Status', phase),
    column('Claim', ({ spec }) => (spec.claimRef === undefined ? '' : `${spec.claimRef.namespace ?? ''}/${spec.claimRef.name ?? ''}`)),
    column('StorageClass', storageClass),
    column('VolumeAttributesClass', ({ spec }) => spec.volumeAttributesClassName ?? UNSET),
    column('Reason', ({ status }) => status.reason ?? ''),
    created,
    wide('VolumeMode', ({ spec }) => spec.volumeMode ?? UNSET),
  ),
})

/**
 * `dataSource` is the old, narrower name of `dataSourceRef`: each follows the other when only one is set.
 * A reference into another namespace has no old form.
 */
function mirrorDataSource({ spec }: Work<PersistentVolumeClaim>): void {
  const { dataSource, dataSourceRef } = spec
  if (dataSource !== undefined && dataSourceRef === undefined) {
    spec.dataSourceRef = { ...dataSource }
  } else if (dataSource === undefined && dataSourceRef !== undefined && (dataSourceRef.namespace ?? '') === '') {
    const { apiGroup, kind, name: source } = dataSourceRef
    spec.dataSource = { apiGroup, kind, name: source }
  }
}

const bound = ({ spec }: PersistentVolumeClaim): boolean => (spec.volumeName ?? '') !== ''

export const persistentVolumeClaimDef: ResourceDef<PersistentVolumeClaim> = defineResource(persistentVolumeClaims, {
  applyDefaults: defaultClaim,
  validate: validateClaim,
  warnings: claimWarnings,
  strategy: {
    status: 'controlled',
    create: (claim) => {
      mirrorDataSource(claim)
    },
    update: (next) => {
      mirrorDataSource(next)
    },
  },
  table: table<PersistentVolumeClaim>(
    name,
    column('Status', phase),
    column('Volume', ({ spec }) => spec.volumeName ?? ''),
    column('Capacity', (claim) => (bound(claim) ? (claim.status.capacity?.['storage'] ?? '0') : '')),
    column('Access Modes', (claim) => (bound(claim) ? accessModes(claim.status.accessModes) : '')),
    column('StorageClass', storageClass),
    column('VolumeAttributesClass', ({ spec }) => spec.volumeAttributesClassName ?? UNSET),
    created,
    wide('VolumeMode', ({ spec }) => spec.volumeMode ?? UNSET),
  ),
})
