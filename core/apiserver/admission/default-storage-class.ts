import type { PersistentVolumeClaim } from '../../api/types/core-v1.ts'
import type { StorageClass } from '../../api/types/storage-v1.ts'
import type { Work } from '../resources/resource-def.ts'
import type { AdmissionPlugin, ObjectReader } from './admission.ts'
import { defaultClass } from './default-class.ts'
import { CLAIMS, isCreateOf, STORAGE_CLASSES } from './target.ts'

const OLD_CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class'
const MARKS = ['storageclass.kubernetes.io/is-default-class', 'storageclass.beta.kubernetes.io/is-default-class']

/** A claim that names no class gets the default one; an empty name means none on purpose. Source: kubernetes, plugin/pkg/admission/storage/storageclass. */
export function defaultStorageClass({ reader }: { readonly reader: ObjectReader }): AdmissionPlugin {
  return {
    name: 'DefaultStorageClass',
    handles: (attributes) => isCreateOf(attributes, CLAIMS),
    admit: ({ object }) => {
      const claim = object as Work<PersistentVolumeClaim>
      if (claim.spec.storageClassName !== undefined || claim.metadata.annotations?.[OLD_CLASS_ANNOTATION] !== undefined) return
      const found = defaultClass<StorageClass>(reader, STORAGE_CLASSES, MARKS)
      if (found !== undefined) claim.spec.storageClassName = found.metadata.name
    },
  }
}
