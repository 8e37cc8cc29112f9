import { type FSWatcher, watch } from 'node:fs'
import { mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from '../../observability/log.ts'
import { isAborted } from '../../runtime/abort.ts'
import type { Clock } from '../../runtime/clock.ts'
import { ignoreMissing } from '../../runtime/missing-file.ts'
import type { ImageService } from '../cri/index.ts'
import { archiveImages, type ImageStore, importArchive, isArchive, isUnsupportedArchive } from './archive.ts'

export interface ImageFolderDeps {
  readonly dir: string
  readonly store: ImageStore
  readonly images: ImageService
  readonly clock: Clock
  readonly log: Logger
}

export interface ImageFolder {
  /** Imports what is new; resolves when the folder has been gone through once. A bad archive is logged and never blocks the others. */
  importAll(signal: AbortSignal): Promise<void>
  /** Follows the folder until the signal aborts. */
  follow(signal: AbortSignal): Promise<void>
}

interface Imported {
  readonly size: number
  readonly mtimeMs: number
  readonly images: readonly string[]
}
type Cache = Record<string, Imported>

const CACHE_FILE = '.cache.json'
/** A file that still changes is left until it has been quiet for so long. Source: K3s, live import. */
const QUIET_MS = 2_000

/** The folder agent/images: archives are imported, `.txt` files list images to pull. Source: K3s, "Air-Gap Install". */
export function createImageFolder(deps: ImageFolderDeps): ImageFolder {
  return {
    importAll: async (signal) => {
      await pass(deps, false, signal)
    },
    follow: (signal) => follow(deps, signal),
  }
}

/**
 * The images that lie in the folder, by full name, with the file each is in; the file `except` is left out. Archives that were
 * imported before are not read again.
 * What cannot be read counts as empty here: the import tells about it.
 */
export async function imagesInFolder(dir: string, except: string, signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
  const cache = await readCache(dir)
  const found = new Map<string, string>()
  for (const name of (await ignoreMissing(readdir(dir))) ?? []) {
    if (!isArchive(name) || name === except) continue
    const info = await ignoreMissing(stat(join(dir, name)))
    if (info?.isFile() !== true) continue
    const known = cache[name]
    const isSame = known?.size === info.size && known.mtimeMs === info.mtimeMs
    const images = isSame ? known.images : await archiveImages(join(dir, name), signal).catch(() => [])
    for (const image of images) found.set(image, name)
  }
  return found
}

/** One look at all files. `waitForQuiet`: files that changed just now are left alone. Returns whether such files were seen. */
async function pass(deps: ImageFolderDeps, waitForQuiet: boolean, signal: AbortSignal): Promise<boolean> {
  const { dir, clock, log } = deps
  await mkdir(dir, { recursive: true })
  const cache = await readCache(dir)
  let unsettled = false
  for (const name of (await readdir(dir)).sort()) {
    const file = join(dir, name)
    if (isUnsupportedArchive(name)) log.warn({ file }, 'Images in this compression cannot be imported; use .tar, .tar.gz or .tar.zst')
    if (!isArchive(name) && !name.endsWith('.txt')) continue
    const info = await ignoreMissing(stat(file))
    if (info?.isFile() !== true) continue
    if (waitForQuiet && clock.now() - info.mtimeMs < QUIET_MS) {
      unsettled = true
      continue
    }
    if (await isKnown(cache[name], info, deps, signal)) continue
    const images = await load(file, deps, signal)
    if (images !== undefined) cache[name] = { size: info.size, mtimeMs: info.mtimeMs, images }
    await writeCache(dir, cache)
  }
  return unsettled
}

async function isKnown(
  known: Imported | undefined,
  info: { readonly size: number; readonly mtimeMs: number },
  { images }: ImageFolderDeps,
  signal: AbortSignal,
): Promise<boolean> {
  if (known?.size !== info.size || known.mtimeMs !== info.mtimeMs) return false
  // The image store may have been wiped since.
  for (const image of known.images) if ((await images.imageStatus({ image }, signal)) === undefined) return false
  return true
}

async function load(file: string, deps: ImageFolderDeps, signal: AbortSignal): Promise<readonly string[] | undefined> {
  const { log, clock } = deps
  const startedMs = clock.now()
  try {
    const images = file.endsWith('.txt') ? await pullList(file, deps, signal) : await importArchive(file, deps.store, signal)
    await waitUntilVisible(images, deps, signal)
    log.info({ file, images, durationMs: clock.now() - startedMs }, 'Images loaded')
    return images
  } catch (err) {
    if (!isAborted(signal)) log.error({ err, file }, 'Images of this file could not be loaded')
    return undefined
  }
}

async function pullList(file: string, { images }: ImageFolderDeps, signal: AbortSignal): Promise<readonly string[]> {
  const lines = (await readFile(file, 'utf8')).split('\n').map((line) => line.trim())
  const names = lines.filter((line) => line !== '' && !line.startsWith('#'))
  for (const image of names)
    if ((await images.imageStatus({ image }, signal)) === undefined) await images.pullImage({ image: { image } }, signal)
  return names
}

/** CRI learns of imports a moment later; a pod started in between would try to pull. */
async function waitUntilVisible(names: readonly string[], { images, clock }: ImageFolderDeps, signal: AbortSignal): Promise<void> {
  const deadlineMs = clock.now() + 10_000
  for (const image of names)
    while ((await images.imageStatus({ image }, signal)) === undefined && clock.now() < deadlineMs) await clock.sleep(20, signal)
}

async function follow(deps: ImageFolderDeps, signal: AbortSignal): Promise<void> {
  const { clock, log } = deps
  let wake: (() => void) | undefined
  let changed = false
  let watcher: FSWatcher | undefined
  try {
    watcher = watch(deps.dir, (_event, name) => {
      if (name === CACHE_FILE || name === `${CACHE_FILE}.part`) return
      changed = true
      wake?.()
    })
    watcher.on('error', (err) => log.warn({ err, dir: deps.dir }, 'The image folder can no longer be followed'))
  } catch (err) {
    log.warn({ err, dir: deps.dir }, 'The image folder cannot be followed; files are imported at the next start')
  }
  const onAbort = (): void => wake?.()
  signal.addEventListener('abort', onAbort, { once: true })
  while (!isAborted(signal)) {
    if (!changed) await new Promise<void>((resolve) => (wake = resolve))
    changed = false
    await clock.sleep(QUIET_MS, signal).catch(() => undefined)
    if (isAborted(signal)) break
    const unsettled = await pass(deps, true, signal).catch((err: unknown) => {
      log.error({ err }, 'The image folder could not be read')
      return false
    })
    changed ||= unsettled
  }
  signal.removeEventListener('abort', onAbort)
  watcher?.close()
}

async function readCache(dir: string): Promise<Cache> {
  const text = await ignoreMissing(readFile(join(dir, CACHE_FILE), 'utf8'))
  try {
    return text === undefined ? {} : (JSON.parse(text) as Cache)
  } catch {
    return {} // cut off by a crash: import everything again
  }
}

async function writeCache(dir: string, cache: Cache): Promise<void> {
  await writeFile(join(dir, `${CACHE_FILE}.part`), JSON.stringify(cache))
  await rename(join(dir, `${CACHE_FILE}.part`), join(dir, CACHE_FILE))
}
