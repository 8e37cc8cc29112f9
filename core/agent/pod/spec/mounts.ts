import type { Container, Pod, VolumeMount } from '../../../api/types/core-v1.ts'
import type { ContainerConfig, ContainerMount } from '../../cri/types.ts'
import type { PodVolumes } from '../../volumes/volumes.ts'
import { ConfigError } from './config-error.ts'
import type { Environment } from './environment.ts'
import { expand } from './expand.ts'

const PROPAGATION = {
  None: 'PROPAGATION_PRIVATE',
  HostToContainer: 'PROPAGATION_HOST_TO_CONTAINER',
  Bidirectional: 'PROPAGATION_BIDIRECTIONAL',
} as const

export interface MountInput {
  readonly pod: Pod
  readonly container: Container
  readonly environment: Environment
  readonly volumes: PodVolumes
  /** Managed /etc/hosts; absent while the pod has no address. */
  readonly hostsFile: string | undefined
  readonly terminationFile: string | undefined
  /** Whether mounts below a read-only mount can be made read-only as well. */
  readonly recursiveReadOnlyMounts: boolean
}

/** All mounts of a container: its volumes, /etc/hosts and the file for the termination message. Throws ConfigError or VolumeError. */
export async function containerMounts(input: MountInput): Promise<readonly ContainerMount[]> {
  const { container, hostsFile, terminationFile } = input
  const mounts: ContainerMount[] = []
  for (const [index, mount] of (container.volumeMounts ?? []).entries()) mounts.push(await volumeMount(mount, index, input))
  const isTaken = (path: string): boolean => mounts.some(({ containerPath }) => containerPath === path)
  if (hostsFile !== undefined && !isTaken('/etc/hosts')) {
    const readonly = container.securityContext?.readOnlyRootFilesystem === true
    mounts.push({ containerPath: '/etc/hosts', hostPath: hostsFile, readonly, propagation: PROPAGATION.None })
  }
  const messagePath = container.terminationMessagePath ?? ''
  if (terminationFile !== undefined && messagePath !== '' && !isTaken(messagePath))
    mounts.push({ containerPath: messagePath, hostPath: terminationFile, readonly: false, propagation: PROPAGATION.None })
  return mounts
}

async function volumeMount(mount: VolumeMount, index: number, input: MountInput): Promise<ContainerMount> {
  const { container, environment, volumes } = input
  const volume = volumes.get(mount.name)
  if (volume === undefined) throw new ConfigError(`cannot find volume "${mount.name}" to mount into container "${container.name}"`)
  const subPath = subPathOf(mount, environment)
  const hostPath = subPath === '' ? volume.path : await volumes.subPath(mount.name, subPath, { container: container.name, index })
  const propagation = PROPAGATION[mount.mountPropagation ?? 'None']
  return {
    containerPath: mount.mountPath.startsWith('/') ? mount.mountPath : `/${mount.mountPath}`,
    hostPath,
    readonly: mount.readOnly === true || volume.readOnly,
    ...(isRecursive(mount, input) && { recursiveReadOnly: true }),
    propagation,
  }
}

/** Throws ConfigError when a mount insists on what the runtime cannot do. */
function isRecursive({ name, recursiveReadOnly = 'Disabled' }: VolumeMount, { recursiveReadOnlyMounts }: MountInput): boolean {
  if (recursiveReadOnly === 'Enabled' && !recursiveReadOnlyMounts)
    throw new ConfigError(`volume "${name}" cannot be mounted with recursiveReadOnly: the container runtime does not support it`)
  return recursiveReadOnly !== 'Disabled' && recursiveReadOnlyMounts
}

function subPathOf(mount: VolumeMount, environment: Environment): string {
  if (mount.subPathExpr === undefined || mount.subPathExpr === '') return mount.subPath ?? ''
  const expanded = expand(mount.subPathExpr, (name) => environment.get(name))
  if (/\$\([^)]*\)/.test(expanded)) throw new ConfigError(`missing value for ${JSON.stringify(/\$\(([^)]*)\)/.exec(expanded)?.[1] ?? '')}`)
  if (expanded.startsWith('/')) throw new ConfigError('error SubPath must not be an absolute path')
  if (expanded.split('/').includes('..')) throw new ConfigError("error SubPath must not contain '..'")
  return expanded
}

/** Raw block volumes as devices. */
export function containerDevices(container: Container, volumes: PodVolumes): ContainerConfig['devices'] {
  const devices = (container.volumeDevices ?? []).map(({ name, devicePath }) => {
    const volume = volumes.get(name)
    if (volume?.block !== true) throw new ConfigError(`volume "${name}" is no block device`)
    return { containerPath: devicePath, hostPath: volume.path, permissions: volume.readOnly ? 'r' : 'mrw' }
  })
  return devices.length === 0 ? undefined : devices
}
