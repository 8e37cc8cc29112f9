import type { PersistentVolumeSpec, SecretReference } from '../../../api/types/core-v1.ts'
import { deepEqual } from '../../../meta/deep-equal.ts'
import { required } from '../../../meta/field-error.ts'
import { checkNoBacksteps } from '../pod/validate/paths.ts'
import { checkDriverName, checkOneSource, SHARED_SOURCES, type SourceCheck } from '../pod/validate/volume-sources.ts'
import { checkRequired, type Problems } from '../validation/common.ts'

type Spec = PersistentVolumeSpec

/** In the order in which Kubernetes looks at them: the first that is set counts. */
const SOURCES: readonly (readonly [keyof Spec, SourceCheck<Spec>])[] = [
  ['hostPath', SHARED_SOURCES.hostPath],
  ['gcePersistentDisk', SHARED_SOURCES.gcePersistentDisk],
  ['awsElasticBlockStore', SHARED_SOURCES.awsElasticBlockStore],
  ['glusterfs', SHARED_SOURCES.glusterfs],
  ['flocker', SHARED_SOURCES.flocker],
  ['nfs', SHARED_SOURCES.nfs],
  ['rbd', SHARED_SOURCES.rbd],
  ['quobyte', SHARED_SOURCES.quobyte],
  ['cephfs', SHARED_SOURCES.cephfs],
  ['iscsi', SHARED_SOURCES.iscsi],
  ['cinder', checkCinder],
  ['fc', SHARED_SOURCES.fc],
  ['flexVolume', SHARED_SOURCES.flexVolume],
  ['azureFile', SHARED_SOURCES.azureFile],
  ['vsphereVolume', SHARED_SOURCES.vsphereVolume],
  ['photonPersistentDisk', SHARED_SOURCES.photonPersistentDisk],
  ['portworxVolume', SHARED_SOURCES.portworxVolume],
  ['azureDisk', SHARED_SOURCES.azureDisk],
  ['scaleIO', SHARED_SOURCES.scaleIO],
  ['local', checkLocal],
  ['storageos', SHARED_SOURCES.storageos],
  ['csi', checkCsi],
]

/** A persistent volume has one source. */
export function checkVolumeSource(spec: Spec, path: string, problems: Problems): void {
  checkOneSource(spec, SOURCES, path, problems)
}

/** Where the data is stays; secrets that a CSI driver uses to grow the volume may come later. */
export function hasSameSource(next: Spec, old: Spec): boolean {
  return SOURCES.every(([key]) => {
    if (key !== 'csi' || next.csi === undefined || old.csi === undefined) return deepEqual(next[key], old[key])
    const { controllerExpandSecretRef, nodeExpandSecretRef } = old.csi
    return deepEqual({ ...next.csi, controllerExpandSecretRef, nodeExpandSecretRef }, old.csi)
  })
}

function checkLocal({ local }: Spec, path: string, problems: Problems): void {
  if (local === undefined) return
  if (local.path === '') problems.push(required(`${path}.path`))
  else checkNoBacksteps(local.path, `${path}.path`, problems)
}

function checkCinder({ cinder }: Spec, path: string, problems: Problems): void {
  checkRequired(cinder?.volumeID, `${path}.volumeID`, problems)
  if (cinder?.secretRef !== undefined) checkSecretRef(cinder.secretRef, `${path}.secretRef`, problems)
}

const CSI_SECRETS = [
  'controllerPublishSecretRef',
  'controllerExpandSecretRef',
  'nodePublishSecretRef',
  'nodeExpandSecretRef',
  'nodeStageSecretRef',
] as const

function checkCsi({ csi }: Spec, path: string, problems: Problems): void {
  if (csi === undefined) return
  checkDriverName(csi.driver, `${path}.driver`, problems)
  checkRequired(csi.volumeHandle, `${path}.volumeHandle`, problems)
  for (const field of CSI_SECRETS) {
    const ref = csi[field]
    if (ref !== undefined) checkSecretRef(ref, `${path}.${field}`, problems)
  }
}

function checkSecretRef({ name, namespace }: SecretReference, path: string, problems: Problems): void {
  checkRequired(name, `${path}.name`, problems)
  checkRequired(namespace, `${path}.namespace`, problems)
}
