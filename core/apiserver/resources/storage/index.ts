export { storageClassDef, volumeAttachmentDef, volumeAttributesClassDef } from './class.ts'
export { csiDriverDef, csiNodeDef, csiStorageCapacityDef } from './csi.ts'
