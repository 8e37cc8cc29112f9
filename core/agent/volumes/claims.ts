import { mkdirSync } from 'node:fs'
import { persistentVolumeClaims, persistentVolumes } from '../../api/kinds.ts'
import type { PersistentVolume, Pod, Volume } from '../../api/types/core-v1.ts'
import type { ContentSource } from './content.ts'
import { VolumeError } from './errors.ts'
import { checkHostPath } from './folders.ts'
import { mounts } from './mounts.ts'

/** Name of the claim behind a volume, also for a generic ephemeral volume; undefined for other volumes. */
export function claimNameOf(volume: Volume, pod: Pod): string | undefined {
  if (volume.persistentVolumeClaim !== undefined) return volume.persistentVolumeClaim.claimName
  return volume.ephemeral === undefined ? undefined : `${pod.metadata.name}-${volume.name}`
}

export interface ClaimedVolume {
  readonly path: string
  readonly readOnly: boolean
  /** Whether the pod's group may take the files over: not for what other nodes share. */
  readonly ownable: boolean
  readonly block: boolean
}

/** The place on this node of a bound claim's volume. `mountPoint` is where volumes that need mounting go. */
export async function prepareClaim(claimName: string, pod: Pod, source: ContentSource, mountPoint: string): Promise<ClaimedVolume> {
  const claim = await source.read(persistentVolumeClaims, { namespace: pod.metadata.namespace, name: claimName })
  if (claim === undefined) throw new VolumeError(`persistentvolumeclaim "${claimName}" not found`)
  const volumeName = claim.spec.volumeName ?? ''
  if (claim.status.phase !== 'Bound' || volumeName === '') throw new VolumeError(`persistentvolumeclaim "${claimName}" is not bound`)
  if (claim.metadata.deletionTimestamp !== undefined) throw new VolumeError(`persistentvolumeclaim "${claimName}" is being deleted`)
  const volume = await source.read(persistentVolumes, { name: volumeName })
  if (volume === undefined) throw new VolumeError(`persistentvolume "${volumeName}" not found`)
  if (volume.spec.claimRef?.uid !== undefined && volume.spec.claimRef.uid !== claim.metadata.uid)
    throw new VolumeError(`persistentvolume "${volumeName}" belongs to another claim`)
  return prepareVolume(volume, mountPoint)
}

async function prepareVolume(volume: PersistentVolume, mountPoint: string): Promise<ClaimedVolume> {
  const { spec } = volume
  const block = spec.volumeMode === 'Block'
  const readOnly = spec.accessModes?.length === 1 && spec.accessModes[0] === 'ReadOnlyMany'
  if (spec.local !== undefined) {
    checkHostPath({ path: spec.local.path, type: block ? 'BlockDevice' : 'Directory' })
    return { path: spec.local.path, readOnly, ownable: !block, block }
  }
  if (spec.hostPath !== undefined) {
    checkHostPath(spec.hostPath)
    return { path: spec.hostPath.path, readOnly, ownable: false, block }
  }
  if (spec.nfs !== undefined) {
    mkdirSync(mountPoint, { recursive: true, mode: 0o750 })
    if (!mounts.isMounted(mountPoint))
      await mounts.nfs(`${spec.nfs.server}:${spec.nfs.path}`, mountPoint, [
        ...(spec.mountOptions ?? []),
        ...(spec.nfs.readOnly === true ? ['ro'] : []),
      ])
    return { path: mountPoint, readOnly: spec.nfs.readOnly === true, ownable: false, block: false }
  }
  throw new VolumeError(
    `persistentvolume "${volume.metadata.name}" is of a type that this node cannot mount: supported are local, hostPath and nfs`,
  )
}
