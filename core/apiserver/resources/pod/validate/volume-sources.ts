import type { PersistentVolumeSpec, Volume } from '../../../../api/types/core-v1.ts'
import { forbidden, invalid, notSupported, required, tooLong } from '../../../../meta/field-error.ts'
import { dns1123SubdomainProblems, rangeText } from '../../../../meta/names.ts'
import { checkEnum, checkRequired, type Problems } from '../../validation/common.ts'
import { checkNoBacksteps } from './paths.ts'

/**
 * Sources that pods and persistent volumes have in common. Each checker gets the volume, whose field it reads, and the
 * path of the field. Most are plugins that left the tree: only their required fields are looked at.
 */
type Shared = { readonly [K in Exclude<keyof Volume & keyof PersistentVolumeSpec, 'csi'>]?: (Volume | PersistentVolumeSpec)[K] }
export type SourceCheck<V> = (volume: V, path: string, problems: Problems) => void

const HOST_PATH_TYPES = ['', 'BlockDevice', 'CharDevice', 'Directory', 'DirectoryOrCreate', 'File', 'FileOrCreate', 'Socket']

const checkHostPath: SourceCheck<Shared> = ({ hostPath }, path, problems) => {
  if (hostPath === undefined) return
  if (hostPath.path === '') {
    problems.push(required(`${path}.path`))
    return
  }
  checkNoBacksteps(hostPath.path, `${path}.path`, problems)
  checkEnum(hostPath.type, `${path}.type`, HOST_PATH_TYPES, problems)
}

const checkNfs: SourceCheck<Shared> = ({ nfs }, path, problems) => {
  checkRequired(nfs?.server, `${path}.server`, problems)
  checkRequired(nfs?.path, `${path}.path`, problems)
  if (nfs !== undefined && !nfs.path.startsWith('/')) problems.push(invalid(`${path}.path`, nfs.path, 'must be an absolute path'))
}

function checkPartition(partition: number | undefined, path: string, problems: Problems): void {
  if (partition !== undefined && (partition < 0 || partition > 255))
    problems.push(invalid(`${path}.partition`, partition, rangeText(1, 255)))
}

const checkGcePersistentDisk: SourceCheck<Shared> = ({ gcePersistentDisk: disk }, path, problems) => {
  checkRequired(disk?.pdName, `${path}.pdName`, problems)
  checkPartition(disk?.partition, path, problems)
}

const checkAwsElasticBlockStore: SourceCheck<Shared> = ({ awsElasticBlockStore: disk }, path, problems) => {
  checkRequired(disk?.volumeID, `${path}.volumeID`, problems)
  checkPartition(disk?.partition, path, problems)
}

const checkFc: SourceCheck<Shared> = ({ fc }, path, problems) => {
  const worldWide = fc?.targetWWNs?.length ?? 0
  const ids = fc?.wwids?.length ?? 0
  const at = `${path}.targetWWNs`
  if (worldWide === 0 && ids === 0) problems.push(required(at, 'must specify either targetWWNs or wwids, but not both'))
  if (worldWide > 0 && ids > 0) problems.push(invalid(at, fc?.targetWWNs, 'targetWWNs and wwids can not be specified simultaneously'))
  if (worldWide > 0 && fc?.lun === undefined) problems.push(required(`${path}.lun`, 'lun is required if targetWWNs is specified'))
  else checkLun(fc?.lun, path, problems)
}

function checkLun(lun: number | undefined, path: string, problems: Problems): void {
  if (lun !== undefined && (lun < 0 || lun > 255)) problems.push(invalid(`${path}.lun`, lun, rangeText(0, 255)))
}

const checkFlocker: SourceCheck<Shared> = ({ flocker }, path, problems) => {
  const { datasetName = '', datasetUUID = '' } = flocker ?? {}
  if (datasetName === '' && datasetUUID === '') problems.push(required(path, 'one of datasetName and datasetUUID is required'))
  if (datasetName !== '' && datasetUUID !== '')
    problems.push(invalid(path, 'resource', 'datasetName and datasetUUID can not be specified simultaneously'))
  if (datasetName.includes('/')) problems.push(invalid(`${path}.datasetName`, datasetName, "must not contain '/'"))
}

const REGISTRY_TEXT = 'must be a host:port pair or multiple pairs separated by commas'

const checkQuobyte: SourceCheck<Shared> = ({ quobyte }, path, problems) => {
  if (quobyte === undefined) return
  if (quobyte.registry === '') problems.push(required(`${path}.registry`, REGISTRY_TEXT))
  else if ((quobyte.tenant ?? '').length >= 65)
    problems.push(required(`${path}.tenant`, 'must be a UUID and may not exceed a length of 64 characters'))
  else if (!quobyte.registry.split(',').every((host) => /^.+:\d+$/.test(host)))
    problems.push(invalid(`${path}.registry`, quobyte.registry, REGISTRY_TEXT))
  checkRequired(quobyte.volume, `${path}.volume`, problems)
}

const checkAzureDisk: SourceCheck<Shared> = ({ azureDisk: disk }, path, problems) => {
  if (disk === undefined) return
  checkRequired(disk.diskName, `${path}.diskName`, problems)
  checkRequired(disk.diskURI, `${path}.diskURI`, problems)
  checkEnum(disk.cachingMode, `${path}.cachingMode`, ['None', 'ReadOnly', 'ReadWrite'], problems)
  checkEnum(disk.kind, `${path}.kind`, ['Dedicated', 'Managed', 'Shared'], problems)
  const managed = disk.diskURI.startsWith('/subscriptions/')
  if (disk.kind === 'Managed' && !managed)
    problems.push(
      notSupported(`${path}.diskURI`, disk.diskURI, [
        '/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}',
      ]),
    )
  if (disk.kind !== 'Managed' && disk.diskURI !== '' && !disk.diskURI.startsWith('https://'))
    problems.push(
      notSupported(`${path}.diskURI`, disk.diskURI, ['https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd']),
    )
}

/** A source of which only some text fields have to be there. */
export function requires<K extends string>(key: K, ...fields: readonly string[]): SourceCheck<{ readonly [P in K]?: object | undefined }> {
  return (volume, path, problems) => {
    const source = volume[key] as Record<string, unknown> | undefined
    for (const field of fields) {
      const value = source?.[field]
      if (value === undefined || value === '' || (Array.isArray(value) && value.length === 0)) problems.push(required(`${path}.${field}`))
    }
  }
}

const MAX_DRIVER_LENGTH = 63

/** Names of CSI drivers are DNS names of at most 63 bytes, in either case. */
export function checkDriverName(name: string, path: string, problems: Problems): void {
  if (name === '') problems.push(required(path))
  if (name.length > MAX_DRIVER_LENGTH) problems.push(tooLong(path, MAX_DRIVER_LENGTH))
  for (const text of dns1123SubdomainProblems(name.toLowerCase())) problems.push(invalid(path, name, text))
}

const IQN = /iqn\.\d{4}-\d{2}\.([a-zA-Z0-9\-.]+)(:[^,;*&$|\s]+)$/
const EUI = /^eui.[a-zA-Z0-9]{16}$/
const NAA = /^naa.[a-zA-Z0-9]{32}$/

function initiatorProblem(name: string): string | undefined {
  const rule = name.startsWith('iqn') ? IQN : name.startsWith('eui') ? EUI : name.startsWith('naa') ? NAA : undefined
  if (rule === undefined) return 'must be valid format starting with iqn, eui, or naa'
  return rule.test(name) ? undefined : 'must be valid format'
}

const checkIscsi: SourceCheck<Shared> = ({ iscsi }, path, problems) => {
  if (iscsi === undefined) return
  checkRequired(iscsi.targetPortal, `${path}.targetPortal`, problems)
  if (iscsi.iqn === '') problems.push(required(`${path}.iqn`))
  else pushProblem(initiatorProblem(iscsi.iqn), `${path}.iqn`, iscsi.iqn, problems)
  checkLun(iscsi.lun, path, problems)
  if ((iscsi.chapAuthDiscovery === true || iscsi.chapAuthSession === true) && iscsi.secretRef === undefined)
    problems.push(required(`${path}.secretRef`))
  if (iscsi.initiatorName !== undefined)
    pushProblem(initiatorProblem(iscsi.initiatorName), `${path}.initiatorname`, iscsi.initiatorName, problems)
}

function pushProblem(text: string | undefined, path: string, value: string, problems: Problems): void {
  if (text !== undefined) problems.push(invalid(path, value, text))
}

/** Options of a flex driver may not pass for the system's own. */
const checkFlex: SourceCheck<Shared> = ({ flexVolume }, path, problems) => {
  checkRequired(flexVolume?.driver, `${path}.driver`, problems)
  for (const key in flexVolume?.options) {
    const domain = key.toLowerCase().split('/')[0] ?? ''
    const reserved = ['kubernetes.io', 'k8s.io'].some((own) => domain === own || domain.endsWith(`.${own}`))
    if (reserved && key.includes('/'))
      problems.push(invalid(`${path}.options[${key}]`, key, 'kubernetes.io and k8s.io namespaces are reserved'))
  }
}

/** By field. */
export const SHARED_SOURCES = {
  awsElasticBlockStore: checkAwsElasticBlockStore,
  azureDisk: checkAzureDisk,
  azureFile: requires('azureFile', 'secretName', 'shareName'),
  cephfs: requires('cephfs', 'monitors'),
  fc: checkFc,
  flexVolume: checkFlex,
  flocker: checkFlocker,
  gcePersistentDisk: checkGcePersistentDisk,
  glusterfs: requires('glusterfs', 'endpoints', 'path'),
  hostPath: checkHostPath,
  iscsi: checkIscsi,
  nfs: checkNfs,
  photonPersistentDisk: requires('photonPersistentDisk', 'pdID'),
  portworxVolume: requires('portworxVolume', 'volumeID'),
  quobyte: checkQuobyte,
  rbd: requires('rbd', 'monitors', 'image'),
  scaleIO: requires('scaleIO', 'gateway', 'system', 'volumeName'),
  storageos: requires('storageos', 'volumeName'),
  vsphereVolume: requires('vsphereVolume', 'volumePath'),
} as const satisfies Readonly<Record<string, SourceCheck<Shared>>>

/** Fields whose error path has another name, and those that have it when they are one too many. */
const PATH_NAMES: Readonly<Record<string, string>> = { cephfs: 'cephFS' }
const EXTRA_PATH_NAMES: Readonly<Record<string, string>> = { ...PATH_NAMES, downwardAPI: 'downwarAPI' }

/** A volume has one source: the first that is set is checked, every further one is a mistake. */
export function checkOneSource<K extends string, V extends { readonly [P in K]?: unknown }>(
  volume: V,
  sources: readonly (readonly [K, SourceCheck<V>])[],
  path: string,
  problems: Problems,
): void {
  let found = false
  for (const [key, check] of sources) {
    if (volume[key] === undefined) continue
    if (found) problems.push(forbidden(`${path}.${EXTRA_PATH_NAMES[key] ?? key}`, 'may not specify more than 1 volume type'))
    else check(volume, `${path}.${PATH_NAMES[key] ?? key}`, problems)
    found = true
  }
  if (!found) problems.push(required(path, 'must specify a volume type'))
}
