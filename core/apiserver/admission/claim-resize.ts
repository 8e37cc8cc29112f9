import type { PersistentVolumeClaim } from '../../api/types/core-v1.ts'
import type { StorageClass } from '../../api/types/storage-v1.ts'
import { compareQuantity, parseQuantity } from '../../meta/quantity.ts'
import type { AdmissionPlugin, ObjectReader } from './admission.ts'
import { denied } from './denied.ts'
import { CLAIMS, isUpdateOf, STORAGE_CLASSES } from './target.ts'

const OLD_CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class'

/** A claim grows only when it is bound and its class can grow volumes. Source: kubernetes, plugin/pkg/admission/storage/persistentvolume/resize. */
export function persistentVolumeClaimResize({ reader }: { readonly reader: ObjectReader }): AdmissionPlugin {
  return {
    name: 'PersistentVolumeClaimResize',
    handles: (attributes) => isUpdateOf(attributes, CLAIMS),
    validate: (attributes) => {
      const next = attributes.object as PersistentVolumeClaim
      const old = attributes.oldObject as PersistentVolumeClaim
      if (compareQuantity(sizeOf(next), sizeOf(old)) <= 0) return
      if (old.status.phase !== 'Bound') throw denied(attributes, 'Only bound persistent volume claims can be expanded')
      if (!mayGrow(next, old, reader)) {
        throw denied(
          attributes,
          'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
        )
      }
    },
  }
}

function sizeOf(claim: PersistentVolumeClaim): ReturnType<typeof parseQuantity> {
  return parseQuantity(claim.spec.resources.requests?.['storage'])
}

function mayGrow(next: PersistentVolumeClaim, old: PersistentVolumeClaim, reader: ObjectReader): boolean {
  const [name, oldName] = [classOf(next), classOf(old)]
  if (name === '' || name !== oldName) return false
  return reader.get<StorageClass>(STORAGE_CLASSES, '', name)?.allowVolumeExpansion === true
}

function classOf({ metadata, spec }: PersistentVolumeClaim): string {
  return metadata.annotations?.[OLD_CLASS_ANNOTATION] ?? spec.storageClassName ?? ''
}
