import type { PersistentVolumeSpec, SecretReference } from '../../../api/types/core-v1.ts'
import { deepEqual } from '../../../meta/deep-equal.ts'
import { forbidden, required } from '../../../meta/field-error.ts'
import { checkNoBacksteps } from '../pod/validate/paths.ts'
import {
  checkAwsElasticBlockStore,
  checkAzureDisk,
  checkDriverName,
  checkFc,
  checkFlexOptions,
  checkFlocker,
  checkGcePersistentDisk,
  checkHostPath,
  checkIscsi,
  checkNfs,
  checkQuobyte,
  requires,
  type SourceCheck,
} from '../pod/validate/volume-sources.ts'
import { checkRequired, type Problems } from '../validation/common.ts'

type Spec = PersistentVolumeSpec

/** In the order in which Kubernetes looks at them. A third entry is an odd error path. */
const SOURCES: readonly (readonly [keyof Spec, SourceCheck<Spec>, string?])[] = [
  ['hostPath', checkHostPath],
  ['gcePersistentDisk', checkGcePersistentDisk],
  ['awsElasticBlockStore', checkAwsElasticBlockStore],
  ['glusterfs', requires((spec: Spec) => spec.glusterfs, 'endpoints', 'path')],
  ['flocker', checkFlocker],
  ['nfs', checkNfs],
  ['rbd', requires((spec: Spec) => spec.rbd, 'monitors', 'image')],
  ['quobyte', checkQuobyte],
  ['cephfs', requires((spec: Spec) => spec.cephfs, 'monitors'), 'cephFS'],
  ['iscsi', (spec, path, problems) => spec.iscsi && checkIscsi(spec.iscsi, path, problems)],
  ['cinder', checkCinder],
  ['fc', checkFc],
  ['flexVolume', checkFlex],
  ['azureFile', requires((spec: Spec) => spec.azureFile, 'secretName', 'shareName')],
  ['vsphereVolume', requires((spec: Spec) => spec.vsphereVolume, 'volumePath')],
  ['photonPersistentDisk', requires((spec: Spec) => spec.photonPersistentDisk, 'pdID')],
  ['portworxVolume', requires((spec: Spec) => spec.portworxVolume, 'volumeID')],
  ['azureDisk', checkAzureDisk],
  ['scaleIO', requires((spec: Spec) => spec.scaleIO, 'gateway', 'system', 'volumeName')],
  ['local', checkLocal],
  ['storageos', requires((spec: Spec) => spec.storageos, 'volumeName')],
  ['csi', checkCsi],
]

/** A persistent volume has one source. */
export function checkVolumeSource(spec: Spec, path: string, problems: Problems): void {
  let found = false
  for (const [key, check, odd] of SOURCES) {
    if (spec[key] === undefined) continue
    if (found) problems.push(forbidden(`${path}.${odd ?? key}`, 'may not specify more than 1 volume type'))
    else check(spec, `${path}.${odd ?? key}`, problems)
    found = true
  }
  if (!found) problems.push(required(path, 'must specify a volume type'))
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

function checkFlex({ flexVolume }: Spec, path: string, problems: Problems): void {
  checkRequired(flexVolume?.driver, `${path}.driver`, problems)
  checkFlexOptions(flexVolume?.options, path, problems)
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
