import { randomBytes } from 'node:crypto'
import { chown, mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

export interface WriteFileOptions {
  /** Default 0600: most of what is written here is secret. */
  readonly mode?: number
  /** Group that owns the file; default the process's own. */
  readonly gid?: number
  /** Waits for the disk. For what cannot be made again, such as authorities and tokens. Default false. */
  readonly durable?: boolean
}

/** Readers see the old content or the new one, never a part. Creates missing folders with mode 0700. */
export async function writeFileAtomic(path: string, content: string, options: WriteFileOptions = {}): Promise<void> {
  const folder = dirname(path)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`
  try {
    await writeWhole(temporary, content, options)
    await rename(temporary, path)
  } catch (err) {
    await rm(temporary, { force: true })
    throw err
  }
  if (options.durable === true) await syncFolder(folder)
}

async function writeWhole(path: string, content: string, options: WriteFileOptions): Promise<void> {
  const mode = options.mode ?? 0o600
  const file = await open(path, 'wx', mode)
  try {
    // NOTE: the mode of open is cut by the umask.
    await file.chmod(mode)
    await file.writeFile(content)
    if (options.durable === true) await file.sync()
  } finally {
    await file.close()
  }
  if (options.gid !== undefined) await chown(path, -1, options.gid)
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
