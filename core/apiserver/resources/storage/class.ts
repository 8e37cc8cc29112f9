import { storageClasses, volumeAttachments, volumeAttributesClasses } from '../../../api/kinds.ts'
import type { StorageClass, VolumeAttachment, VolumeAttributesClass } from '../../../api/types/storage-v1.ts'
import { defaultVolumeSpec } from '../core/volume-defaults.ts'
import { defineResource } from '../define.ts'
import type { ResourceDef } from '../resource-def.ts'
import { statusSubresource } from '../strategy.ts'
import { column, created, NAME_COLUMN, name, table } from '../table/table.ts'
import {
  validateStorageClass,
  validateVolumeAttachment,
  validateVolumeAttachmentStatus,
  validateVolumeAttributesClass,
} from './validate.ts'

const DEFAULT_MARKS = ['storageclass.kubernetes.io/is-default-class', 'storageclass.beta.kubernetes.io/is-default-class']

const isDefault = ({ metadata }: StorageClass): boolean => DEFAULT_MARKS.some((mark) => metadata.annotations?.[mark] === 'true')

export const storageClassDef: ResourceDef<StorageClass> = defineResource(storageClasses, {
  validate: validateStorageClass,
  applyDefaults: (storageClass) => {
    storageClass.reclaimPolicy ??= 'Delete'
    storageClass.volumeBindingMode ??= 'Immediate'
  },
  table: table<StorageClass>(
    { column: NAME_COLUMN, cell: (object) => (isDefault(object) ? `${object.metadata.name} (default)` : object.metadata.name) },
    column('Provisioner', ({ provisioner }) => provisioner),
    column('ReclaimPolicy', ({ reclaimPolicy }) => reclaimPolicy ?? 'Delete'),
    column('VolumeBindingMode', ({ volumeBindingMode }) => volumeBindingMode ?? 'Immediate'),
    column('AllowVolumeExpansion', ({ allowVolumeExpansion }) => allowVolumeExpansion ?? false),
    created,
  ),
})

export const volumeAttachmentDef: ResourceDef<VolumeAttachment> = defineResource(volumeAttachments, {
  validate: validateVolumeAttachment,
  subresources: { status: statusSubresource({ validate: validateVolumeAttachmentStatus }) },
  applyDefaults: ({ spec }) => {
    if (spec.source.inlineVolumeSpec !== undefined) defaultVolumeSpec(spec.source.inlineVolumeSpec)
  },
  allowUnconditionalUpdate: false,
  strategy: { status: 'controlled' },
  table: table<VolumeAttachment>(
    name,
    column('Attacher', ({ spec }) => spec.attacher, { format: 'name' }),
    column('PV', ({ spec }) => spec.source.persistentVolumeName ?? ''),
    column('Node', ({ spec }) => spec.nodeName),
    column('Attached', ({ status }) => status.attached, { type: 'boolean' }),
    created,
  ),
})

export const volumeAttributesClassDef: ResourceDef<VolumeAttributesClass> = defineResource(volumeAttributesClasses, {
  validate: validateVolumeAttributesClass,
  table: table<VolumeAttributesClass>(
    name,
    column('DriverName', ({ driverName }) => driverName),
    created,
  ),
})
