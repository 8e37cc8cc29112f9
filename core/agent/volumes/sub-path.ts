import { closeSync, constants, existsSync, mkdirSync, openSync, readlinkSync, realpathSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { VolumeError } from './errors.ts'
import { mounts } from './mounts.ts'

const FOLDER = constants.O_RDONLY | constants.O_DIRECTORY

/**
 * Makes `subPath` of a volume available at `target` by a bind mount of the very file that was checked: a pod that swaps a
 * folder for a link in between cannot lead the mount out of its volume. Absent folders are made. Idempotent.
 */
export async function prepareSubPath(volumePath: string, subPath: string, target: string): Promise<string> {
  if (mounts.isMounted(target)) return target
  const root = realpathSync(volumePath)
  const wanted = join(root, subPath)
  if (!isInside(root, wanted)) throw new VolumeError(`subPath ${JSON.stringify(subPath)} leaves the volume`)
  makeMissing(root, subPath)
  const real = realpathSync(wanted)
  if (!isInside(root, real)) throw new VolumeError(`subPath ${JSON.stringify(subPath)} leaves the volume through a link`)
  const handle = openSync(real, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const opened = `/proc/${process.pid}/fd/${handle}`
    if (!isInside(root, readlinkSync(opened))) throw new VolumeError(`subPath ${JSON.stringify(subPath)} leaves the volume through a link`)
    mkdirSync(dirname(target), { recursive: true, mode: 0o750 })
    if (statSync(opened).isDirectory()) mkdirSync(target, { recursive: true })
    else if (!existsSync(target)) writeFileSync(target, '')
    await mounts.bind(opened, target)
  } finally {
    closeSync(handle)
  }
  return target
}

/** Makes folder after folder, each inside the one that was opened and found to be in the volume, whatever its name stands for meanwhile. */
function makeMissing(root: string, subPath: string): void {
  let handle = openSync(root, FOLDER)
  try {
    for (const part of subPath.split('/').filter((name) => name !== '' && name !== '.')) {
      const path = `/proc/${process.pid}/fd/${handle}/${part}`
      const found = statSync(path, { throwIfNoEntry: false })
      if (found !== undefined && !found.isDirectory()) return
      if (found === undefined) mkdirSync(path, { mode: 0o750 })
      const next = openSync(path, FOLDER)
      closeSync(handle)
      handle = next
      if (!isInside(root, readlinkSync(`/proc/${process.pid}/fd/${handle}`)))
        throw new VolumeError(`subPath ${JSON.stringify(subPath)} leaves the volume through a link`)
    }
  } finally {
    closeSync(handle)
  }
}

function isInside(root: string, path: string): boolean {
  const way = relative(root, path)
  // A name may begin with two dots, as the folders behind ..data do.
  return way !== '..' && !way.startsWith('../') && !way.startsWith('/')
}
