import type { Container, Volume, VolumeDevice, VolumeMount } from '../../../../api/types/core-v1.ts'
import { forbidden, invalid, notFound, notSupported, required } from '../../../../meta/field-error.ts'
import type { Problems } from '../../validation/common.ts'
import { checkDescending, hasBackstep } from './paths.ts'

type Mounting = Pick<Container, 'volumeMounts' | 'volumeDevices' | 'securityContext'>

const PROPAGATIONS = ['Bidirectional', 'HostToContainer', 'None']
const RECURSIVE_READ_ONLY = ['Disabled', 'Enabled', 'IfPossible']

/** Mounts and block devices of one container. `volumes` holds the pod's valid volumes by name. */
export function checkMounts(container: Mounting, path: string, volumes: ReadonlyMap<string, Volume>, problems: Problems): void {
  const { volumeMounts = [], volumeDevices = [] } = container
  const seen = new Set<string>()
  for (let i = 0; i < volumeMounts.length; i++) {
    const mount = volumeMounts[i]
    if (mount === undefined) continue
    const at = `${path}.volumeMounts[${i}]`
    if (mount.name === '') problems.push(required(`${at}.name`))
    if (!volumes.has(mount.name)) problems.push(notFound(`${at}.name`, mount.name))
    if (mount.mountPath === '') problems.push(required(`${at}.mountPath`))
    if (seen.has(mount.mountPath)) problems.push(invalid(`${at}.mountPath`, mount.mountPath, 'must be unique'))
    seen.add(mount.mountPath)
    if (volumeDevices.length > 0) checkAgainstDevices(mount, at, volumeDevices, problems)
    checkMountDetails(mount, `${path}.volumeMounts`, i, { container, problems })
  }
  if (volumeDevices.length > 0) checkDevices(container, `${path}.volumeDevices`, volumes, problems)
}

function checkAgainstDevices(mount: VolumeMount, path: string, devices: readonly VolumeDevice[], problems: Problems): void {
  if (devices.some((device) => device.name === mount.name))
    problems.push(invalid(`${path}.name`, mount.name, 'must not already exist in volumeDevices'))
  if (devices.some((device) => device.devicePath === mount.mountPath))
    problems.push(invalid(`${path}.mountPath`, mount.mountPath, 'must not already exist as a path in volumeDevices'))
}

interface MountScope {
  readonly container: Mounting
  readonly problems: Problems
}

/** NOTE: most of these are reported under the list, without the index of the mount, as Kubernetes does. */
function checkMountDetails(mount: VolumeMount, path: string, index: number, { container, problems }: MountScope): void {
  const { subPath = '', subPathExpr = '', mountPropagation, recursiveReadOnly } = mount
  if (subPath !== '') checkDescending(subPath, `${path}.subPath`, problems)
  if (subPathExpr !== '') {
    if (subPath !== '')
      problems.push(invalid(`${path}[${index}].subPathExpr`, subPathExpr, 'subPathExpr and subPath are mutually exclusive'))
    checkDescending(subPathExpr, `${path}.subPathExpr`, problems)
  }
  if (mountPropagation !== undefined) checkPropagation(mountPropagation, `${path}.mountPropagation`, container, problems)
  if (recursiveReadOnly !== undefined) checkRecursiveReadOnly(mount, `${path}.recursiveReadOnly`, problems)
}

function checkPropagation(propagation: string, path: string, container: Mounting, problems: Problems): void {
  if (!PROPAGATIONS.includes(propagation)) problems.push(notSupported(path, propagation, PROPAGATIONS))
  if (propagation === 'Bidirectional' && container.securityContext?.privileged !== true)
    problems.push(forbidden(path, 'Bidirectional mount propagation is available only to privileged containers'))
}

function checkRecursiveReadOnly(mount: VolumeMount, path: string, problems: Problems): void {
  const mode = mount.recursiveReadOnly ?? ''
  if (mode === 'Disabled') return
  if (mode !== 'Enabled' && mode !== 'IfPossible') {
    problems.push(notSupported(path, mode, RECURSIVE_READ_ONLY))
    return
  }
  if (mount.readOnly !== true) problems.push(forbidden(path, 'may only be specified when readOnly is true'))
  if (mount.mountPropagation !== undefined && mount.mountPropagation !== 'None')
    problems.push(forbidden(path, 'may only be specified when mountPropagation is None or not specified'))
}

function checkDevices(container: Mounting, path: string, volumes: ReadonlyMap<string, Volume>, problems: Problems): void {
  const names = new Set<string>()
  const paths = new Set<string>()
  const { volumeMounts: mounts = [], volumeDevices = [] } = container
  volumeDevices.forEach(({ name, devicePath }, i) => {
    const at = `${path}[${i}]`
    const fail = (field: string, value: string, text: string): void => {
      problems.push(invalid(`${at}.${field}`, value, text))
    }
    if (name === '') problems.push(required(`${at}.name`))
    if (names.has(name)) fail('name', name, 'must be unique')
    const volume = volumes.get(name)
    if (volume === undefined) problems.push(notFound(`${at}.name`, name))
    else if (volume.persistentVolumeClaim === undefined && volume.ephemeral === undefined)
      fail('name', name, 'can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode')
    if (devicePath === '') problems.push(required(`${at}.devicePath`))
    if (paths.has(devicePath)) fail('devicePath', devicePath, 'must be unique')
    if (hasBackstep(devicePath)) fail('devicePath', devicePath, "can not contain backsteps ('..')")
    else paths.add(devicePath)
    if (mounts.some((mount) => mount.name === name)) fail('name', name, 'must not already exist in volumeMounts')
    if (mounts.some((mount) => mount.mountPath === devicePath))
      fail('devicePath', devicePath, 'must not already exist as a path in volumeMounts')
    names.add(name)
  })
}
