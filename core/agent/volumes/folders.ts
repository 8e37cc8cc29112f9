import { chmodSync, closeSync, constants, lstatSync, mkdirSync, openSync, readdirSync, type Stats, statSync } from 'node:fs'
import { lchown, open } from 'node:fs/promises'
import { join } from 'node:path'
import type { EmptyDirVolumeSource, HostPathVolumeSource, PodSecurityContext } from '../../api/types/core-v1.ts'
import { parseQuantity, toUnits } from '../../meta/quantity.ts'
import { type AgentPaths, podDir } from '../paths.ts'
import { VolumeError } from './errors.ts'
import { mounts } from './mounts.ts'

export const emptyDirFolder = (paths: AgentPaths, uid: string, volume: string): string =>
  join(podDir(paths, uid), 'volumes', 'kubernetes.io~empty-dir', volume)

/** A scratch folder; medium Memory is a tmpfs of its own, as large as its limit allows. Idempotent. */
export async function prepareEmptyDir(source: EmptyDirVolumeSource, folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true, mode: 0o777 })
  const limit = source.sizeLimit === undefined ? 0 : toUnits(parseQuantity(source.sizeLimit))
  if (source.medium === 'Memory' && !mounts.isMounted(folder)) await mounts.tmpfs(folder, { sizeBytes: limit > 0 ? limit : undefined })
  else if (source.medium !== undefined && source.medium !== 'Memory')
    throw new VolumeError(`emptyDir: medium ${JSON.stringify(source.medium)} is not supported`)
  // The umask took bits away.
  chmodSync(folder, 0o777)
}

/** Checks, or makes, what a hostPath names. Source: Kubernetes docs, hostPath volume types. */
export function checkHostPath({ path, type = '' }: HostPathVolumeSource): void {
  const found = statSync(path, { throwIfNoEntry: false })
  if (type === 'DirectoryOrCreate' && found === undefined) {
    mkdirSync(path, { recursive: true, mode: 0o755 })
    return
  }
  if (type === 'FileOrCreate' && found === undefined) {
    closeSync(openSync(path, 'a', 0o644))
    return
  }
  const problem = hostPathProblem(type, found)
  if (problem !== undefined) throw new VolumeError(`hostPath type check failed: ${path} is not ${problem}`)
}

function hostPathProblem(type: string, found: Stats | undefined): string | undefined {
  switch (type) {
    case '':
      return undefined
    case 'Directory':
    case 'DirectoryOrCreate':
      return found?.isDirectory() === true ? undefined : 'a directory'
    case 'File':
    case 'FileOrCreate':
      return found?.isFile() === true ? undefined : 'a file'
    case 'Socket':
      return found?.isSocket() === true ? undefined : 'a socket file'
    case 'CharDevice':
      return found?.isCharacterDevice() === true ? undefined : 'a character device'
    case 'BlockDevice':
      return found?.isBlockDevice() === true ? undefined : 'a block device'
    default:
      return `of the unknown type ${JSON.stringify(type)}`
  }
}

/** Gives a volume to the pod's group: owner group, group permissions, and new files inherit it. Source: Kubernetes docs, fsGroup. */
export async function applyFsGroup(folder: string, security: PodSecurityContext | undefined): Promise<void> {
  const group = security?.fsGroup
  if (group === undefined) return
  const top = statSync(folder)
  const matches = top.gid === group && (top.mode & 0o2070) === 0o2070
  if (security?.fsGroupChangePolicy === 'OnRootMismatch' && matches) return
  await giveToGroup(folder, group)
}

async function giveToGroup(path: string, group: number): Promise<void> {
  const stat = lstatSync(path)
  await lchown(path, stat.uid, group)
  if (stat.isSymbolicLink()) return
  await addMode(path, stat.isDirectory() ? 0o2770 : 0o660)
  if (!stat.isDirectory()) return
  for (const name of readdirSync(path)) await giveToGroup(join(path, name), group)
}

/** On what was opened: a pod that puts a link in the place of its file meanwhile changes no file of the machine. */
async function addMode(path: string, bits: number): Promise<void> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    try {
      await file.chmod(((await file.stat()).mode & 0o7777) | bits)
    } finally {
      await file.close()
    }
  } catch (err) {
    // A socket cannot be opened, and what has become a link or is gone is not this one's any more.
    if (!['ENXIO', 'ELOOP', 'ENOENT'].includes((err as NodeJS.ErrnoException).code ?? '')) throw err
  }
}
