import type { PodTemplateSpec, Volume } from '../../../../api/types/core-v1.ts'
import { duplicate, forbidden, invalid, required } from '../../../../meta/field-error.ts'
import { dns1123LabelProblems, dns1123SubdomainProblems } from '../../../../meta/names.ts'
import { parseQuantity } from '../../../../meta/quantity.ts'
import { checkClaimTemplate } from '../../core/claim-validation.ts'
import { checkFormat, checkRequired, checkRequiredEnum, checkRequiredFormat, type Problems } from '../../validation/common.ts'
import { checkMode } from './paths.ts'
import { checkDownwardFiles, checkKeysToPaths, checkProjected } from './projected.ts'
import { checkDriverName, checkOneSource, requires, SHARED_SOURCES, type SourceCheck } from './volume-sources.ts'

export const PULL_POLICIES: readonly string[] = ['Always', 'IfNotPresent', 'Never']

/** In the order in which Kubernetes looks at them: the first that is set counts. */
const SOURCES: readonly (readonly [keyof Volume, SourceCheck<Volume>])[] = [
  ['emptyDir', checkEmptyDir],
  ['hostPath', SHARED_SOURCES.hostPath],
  ['gitRepo', requires('gitRepo', 'repository')],
  ['gcePersistentDisk', SHARED_SOURCES.gcePersistentDisk],
  ['awsElasticBlockStore', SHARED_SOURCES.awsElasticBlockStore],
  ['secret', checkSecret],
  ['nfs', SHARED_SOURCES.nfs],
  ['iscsi', SHARED_SOURCES.iscsi],
  ['glusterfs', SHARED_SOURCES.glusterfs],
  ['flocker', SHARED_SOURCES.flocker],
  ['persistentVolumeClaim', requires('persistentVolumeClaim', 'claimName')],
  ['rbd', SHARED_SOURCES.rbd],
  ['cinder', checkCinder],
  ['cephfs', SHARED_SOURCES.cephfs],
  ['quobyte', SHARED_SOURCES.quobyte],
  ['downwardAPI', checkDownward],
  ['fc', SHARED_SOURCES.fc],
  ['flexVolume', SHARED_SOURCES.flexVolume],
  ['configMap', checkConfigMap],
  ['azureFile', SHARED_SOURCES.azureFile],
  ['vsphereVolume', SHARED_SOURCES.vsphereVolume],
  ['photonPersistentDisk', SHARED_SOURCES.photonPersistentDisk],
  ['portworxVolume', SHARED_SOURCES.portworxVolume],
  ['azureDisk', SHARED_SOURCES.azureDisk],
  ['storageos', SHARED_SOURCES.storageos],
  ['projected', (volume, path, problems) => volume.projected && checkProjected(volume.projected, path, problems)],
  ['scaleIO', SHARED_SOURCES.scaleIO],
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
    checkOneSource(volume, SOURCES, at, problems)
    if (volume.ephemeral !== undefined) checkClaimName(pod, volume.name, `${at}.name`, problems)
    checkRequiredFormat(volume.name, `${at}.name`, dns1123LabelProblems, problems)
    if (sound.has(volume.name)) problems.push(duplicate(`${at}.name`, volume.name))
    if (problems.length === before) sound.set(volume.name, volume)
  }
  return sound
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
