import type { AdmissionPlugin } from './admission.ts'

/** Finalizer by kind: a volume in use is not deleted under its pods. Source: kubernetes, plugin/pkg/admission/storage/storageobjectinuseprotection. */
const FINALIZERS: ReadonlyMap<string, string> = new Map([
  ['/persistentvolumes', 'kubernetes.io/pv-protection'],
  ['/persistentvolumeclaims', 'kubernetes.io/pvc-protection'],
  ['storage.k8s.io/volumeattributesclasses', 'kubernetes.io/vac-protection'],
])

export const storageObjectInUseProtection: AdmissionPlugin = {
  name: 'StorageObjectInUseProtection',
  handles: ({ operation, subresource, def }) =>
    operation === 'CREATE' && subresource === '' && FINALIZERS.has(`${def.group}/${def.resource}`),
  admit: ({ object, def }) => {
    const finalizer = FINALIZERS.get(`${def.group}/${def.resource}`)
    if (object === undefined || finalizer === undefined) return
    const finalizers = object.metadata.finalizers ?? []
    if (!finalizers.includes(finalizer)) object.metadata.finalizers = [...finalizers, finalizer]
  },
}
