import type { PodTemplateSpec, Volume } from '../../../../api/types/core-v1.ts'
import { duplicate, forbidden, invalid, required } from '../../../../meta/field-error.ts'
import { dns1123LabelProblems, dns1123SubdomainProblems } from '../../../../meta/names.ts'
import { parseQuantity } from '../../../../meta/quantity.ts'
import { checkClaimTemplate } from '../../core/claim-validation.ts'
import { checkFormat, checkRequired, checkRequiredEnum, checkRequiredFormat, type Problems } from '../../validation/common.ts'
import { checkMode } from './paths.ts'
import { checkDownwardFiles, checkKeysToPaths, checkProjected } from './projected.ts'
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
} from './volume-sources.ts'

export const PULL_POLICIES: readonly string[] = ['Always', 'IfNotPresent', 'Never']

/** Sources in the order in which Kubernetes looks at them; the first that is set counts. A third entry is an odd error path. */
const SOURCES: readonly (readonly [keyof Volume, SourceCheck<Volume>, string?])[] = [
  ['emptyDir', checkEmptyDir],
  ['hostPath', checkHostPath],
  ['gitRepo', requires((volume: Volume) => volume.gitRepo, 'repository')],
  ['gcePersistentDisk', checkGcePersistentDisk],
  ['awsElasticBlockStore', checkAwsElasticBlockStore],
  ['secret', checkSecret],
  ['nfs', checkNfs],
  ['iscsi', (volume, path, problems) => volume.iscsi && checkIscsi(volume.iscsi, path, problems)],
  ['glusterfs', requires((volume: Volume) => volume.glusterfs, 'endpoints', 'path')],
  ['flocker', checkFlocker],
  ['persistentVolumeClaim', requires((volume: Volume) => volume.persistentVolumeClaim, 'claimName')],
  ['rbd', requires((volume: Volume) => volume.rbd, 'monitors', 'image')],
  ['cinder', checkCinder],
  ['cephfs', requires((volume: Volume) => volume.cephfs, 'monitors'), 'cephFS'],
  ['quobyte', checkQuobyte],
  ['downwardAPI', checkDownward, 'downwarAPI'],
  ['fc', checkFc],
  ['flexVolume', checkFlex],
  ['configMap', checkConfigMap],
  ['azureFile', requires((volume: Volume) => volume.azureFile, 'secretName', 'shareName')],
  ['vsphereVolume', requires((volume: Volume) => volume.vsphereVolume, 'volumePath')],
  ['photonPersistentDisk', requires((volume: Volume) => volume.photonPersistentDisk, 'pdID')],
  ['portworxVolume', requires((volume: Volume) => volume.portworxVolume, 'volumeID')],
  ['azureDisk', checkAzureDisk],
  ['storageos', requires((volume: Volume) => volume.storageos, 'volumeName')],
  ['projected', (volume, path, problems) => volume.projected && checkProjected(volume.projected, path, problems)],
  ['scaleIO', requires((volume: Volume) => volume.scaleIO, 'gateway', 'system', 'volumeName')],
  ['csi', checkCsi],
  ['ephemeral', checkEphemeral],
  ['image', checkImage],
]

/** All volumes of a pod. Answers the sound ones by name: mounts of the others find nothing. */
export function checkVolumes(pod: PodTemplateSpec, path: string, problems: Problems): ReadonlyMap<string, Volume> {
  const sound = new Map<string, Volume>()
  const { volumes } = pod.spec
  if (volumes === undefined) return sound
  for (let i = 0; i < volumes.length; i++) {
    const volume = volumes[i]
    if (volume === undefined) continue
    const at = `${path}[${i}]`
    const before = problems.length
    checkSource(volume, at, problems)
    if (volume.ephemeral !== undefined) checkClaimName(pod, volume.name, `${at}.name`, problems)
    checkRequiredFormat(volume.name, `${at}.name`, dns1123LabelProblems, problems)
    if (sound.has(volume.name)) problems.push(duplicate(`${at}.name`, volume.name))
    if (problems.length === before) sound.set(volume.name, volume)
  }
  return sound
}

function checkSource(volume: Volume, path: string, problems: Problems): void {
  let found = false
  for (const [key, check, odd] of SOURCES) {
    if (volume[key] === undefined) continue
    if (found) problems.push(forbidden(`${path}.${odd ?? key}`, 'may not specify more than 1 volume type'))
    else check(volume, `${path}.${odd === 'cephFS' ? odd : key}`, problems)
    found = true
  }
  if (!found) problems.push(required(path, 'must specify a volume type'))
}

/** The claim made for an ephemeral volume is called after the pod and the volume. */
function checkClaimName(pod: PodTemplateSpec, volume: string, path: string, problems: Problems): void {
  const name = (pod.metadata.name as string | undefined) ?? ''
  if (name === '') return
  const claim = `${name}-${volume}`
  for (const text of dns1123SubdomainProblems(claim)) problems.push(invalid(path, volume, `PVC name ${JSON.stringify(claim)}: ${text}`))
}

function checkEmptyDir({ emptyDir }: Volume, path: string, problems: Problems): void {
  if (parseQuantity(emptyDir?.sizeLimit).nano < 0n)
    problems.push(forbidden(`${path}.sizeLimit`, 'SizeLimit field must be a valid resource quantity'))
}

function checkSecret({ secret }: Volume, path: string, problems: Problems): void {
  checkRequired(secret?.secretName, `${path}.secretName`, problems)
  checkMode(secret?.defaultMode, `${path}.defaultMode`, problems)
  if (secret?.items !== undefined) checkKeysToPaths(secret.items, `${path}.items`, problems)
}

function checkConfigMap({ configMap }: Volume, path: string, problems: Problems): void {
  checkRequired(configMap?.name, `${path}.name`, problems)
  checkMode(configMap?.defaultMode, `${path}.defaultMode`, problems)
  if (configMap?.items !== undefined) checkKeysToPaths(configMap.items, `${path}.items`, problems)
}

function checkDownward({ downwardAPI }: Volume, path: string, problems: Problems): void {
  checkMode(downwardAPI?.defaultMode, `${path}.defaultMode`, problems)
  if (downwardAPI?.items !== undefined) checkDownwardFiles(downwardAPI.items, path, problems)
}

function checkCinder({ cinder }: Volume, path: string, problems: Problems): void {
  checkRequired(cinder?.volumeID, `${path}.volumeID`, problems)
  if (cinder?.secretRef !== undefined) checkRequired(cinder.secretRef.name, `${path}.secretRef.name`, problems)
}

function checkFlex({ flexVolume }: Volume, path: string, problems: Problems): void {
  checkRequired(flexVolume?.driver, `${path}.driver`, problems)
  checkFlexOptions(flexVolume?.options, path, problems)
}

function checkCsi({ csi }: Volume, path: string, problems: Problems): void {
  if (csi === undefined) return
  checkDriverName(csi.driver, `${path}.driver`, problems)
  if (csi.nodePublishSecretRef === undefined) return
  const { name } = csi.nodePublishSecretRef
  if ((name ?? '') === '') problems.push(required(`${path}.nodePublishSecretRef.name`))
  else checkFormat(name ?? '', `${path}.name`, dns1123SubdomainProblems, problems)
}

function checkEphemeral({ ephemeral }: Volume, path: string, problems: Problems): void {
  const template = ephemeral?.volumeClaimTemplate
  if (template === undefined) problems.push(required(`${path}.volumeClaimTemplate`))
  else checkClaimTemplate(template, `${path}.volumeClaimTemplate`, problems)
}

function checkImage({ image }: Volume, path: string, problems: Problems): void {
  checkRequired(image?.reference, `${path}.reference`, problems)
  checkRequiredEnum(image?.pullPolicy, `${path}.pullPolicy`, PULL_POLICIES, problems)
}
