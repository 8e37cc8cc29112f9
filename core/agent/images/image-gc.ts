import { readFile, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from '../../observability/log.ts'
import { isAborted } from '../../runtime/abort.ts'
import type { Clock } from '../../runtime/clock.ts'
import { ignoreMissing } from '../../runtime/missing-file.ts'
import type { ImageService, RuntimeService } from '../cri/index.ts'
import type { RuntimeImage } from '../cri/types.ts'

export interface ImageGcDeps {
  readonly images: Pick<ImageService, 'listImages' | 'removeImage' | 'imageFilesystems'>
  readonly runtime: Pick<RuntimeService, 'listContainers'>
  readonly clock: Clock
  readonly log: Logger
  /** Used disk, in percent, at which images are removed, and to which. High 100: never. */
  readonly highPercent: number
  readonly lowPercent: number
  /** Names that are never removed: the sandbox image, and what was imported from agent/images. */
  readonly keep: () => Promise<ReadonlySet<string>>
  /** Tells of a disk that stays full. */
  readonly event: (type: 'Warning', reason: string, message: string) => void
  /** Capacity and free bytes of the file system at a path; for tests. */
  readonly disk?: (path: string) => Promise<{ readonly capacityBytes: number; readonly availableBytes: number }>
}

const PERIOD_MS = 300_000
/** An image that has just arrived may belong to a pod that is about to start. Source: kubelet, imageMinimumGCAge. */
const MIN_AGE_MS = 120_000

/** Removes images that no container uses, least recently used first, when the disk gets full. Source: Kubernetes docs, "Garbage Collection". */
export class ImageGc {
  readonly #deps: ImageGcDeps
  /** Image id to when it was first seen and last found in use. */
  readonly #seen = new Map<string, { readonly firstMs: number; usedMs: number }>()

  constructor(deps: ImageGcDeps) {
    this.#deps = deps
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#deps
    while (!isAborted(signal)) {
      await this.pass(signal).catch((err: unknown) => {
        if (!isAborted(signal)) log.warn({ err }, 'Images could not be collected')
      })
      await clock.sleep(PERIOD_MS, signal).catch(() => undefined)
    }
  }

  /** One look; frees what it takes to come down to the lower mark. */
  async pass(signal: AbortSignal): Promise<void> {
    const { images, highPercent, lowPercent, disk = diskOf } = this.#deps
    const list = await images.listImages(signal)
    const used = await this.#usedImages(signal)
    this.#note(list, used)
    if (highPercent >= 100) return
    const [filesystem] = await images.imageFilesystems(signal)
    if (filesystem === undefined) return
    const { capacityBytes, availableBytes } = await disk(filesystem.mountpoint)
    const usedPercent = 100 - Math.floor((availableBytes * 100) / capacityBytes)
    if (usedPercent < highPercent) return
    const wantedBytes = (capacityBytes * (100 - lowPercent)) / 100 - availableBytes
    const freedBytes = await this.#free(list, used, wantedBytes, signal)
    if (freedBytes >= wantedBytes) return
    const message = `Failed to garbage collect required amount of images. Attempted to free ${Math.ceil(wantedBytes)} bytes, but only found ${freedBytes} bytes eligible to free.`
    this.#deps.event('Warning', 'FreeDiskSpaceFailed', message)
  }

  async #usedImages(signal: AbortSignal): Promise<ReadonlySet<string>> {
    const containers = await this.#deps.runtime.listContainers({}, signal)
    return new Set(containers.flatMap(({ image, imageRef }) => [image, imageRef]))
  }

  #note(list: readonly RuntimeImage[], used: ReadonlySet<string>): void {
    const now = this.#deps.clock.now()
    for (const image of list) {
      const known = this.#seen.get(image.id) ?? { firstMs: now, usedMs: 0 }
      if (isIn(used, image)) known.usedMs = now
      this.#seen.set(image.id, known)
    }
    const present = new Set(list.map(({ id }) => id))
    for (const id of this.#seen.keys()) if (!present.has(id)) this.#seen.delete(id)
  }

  async #free(list: readonly RuntimeImage[], used: ReadonlySet<string>, wantedBytes: number, signal: AbortSignal): Promise<number> {
    const { clock, log, images, keep } = this.#deps
    const kept = await keep()
    const age = (image: RuntimeImage): number => clock.now() - (this.#seen.get(image.id)?.firstMs ?? clock.now())
    const lastUsed = (image: RuntimeImage): number => this.#seen.get(image.id)?.usedMs ?? 0
    const candidates = list
      .filter((image) => !image.isPinned && !isIn(used, image) && !isIn(kept, image) && age(image) >= MIN_AGE_MS)
      .sort((a, b) => lastUsed(a) - lastUsed(b))
    let freedBytes = 0
    for (const image of candidates) {
      if (freedBytes >= wantedBytes) break
      await images.removeImage({ image: image.id }, signal)
      log.info({ image: image.tags[0] ?? image.id, sizeBytes: image.sizeBytes }, 'Removed an unused image to free disk space')
      freedBytes += image.sizeBytes
    }
    return freedBytes
  }
}

const isIn = (names: ReadonlySet<string>, image: RuntimeImage): boolean =>
  [image.id, ...image.tags, ...image.digests].some((name) => names.has(name))

async function diskOf(path: string): Promise<{ readonly capacityBytes: number; readonly availableBytes: number }> {
  const { blocks, bavail, bsize } = await statfs(path)
  return { capacityBytes: blocks * bsize, availableBytes: bavail * bsize }
}

/** Names of the images that came from the image folder, by its own record. */
export async function importedImages(dir: string): Promise<readonly string[]> {
  const text = await ignoreMissing(readFile(join(dir, '.cache.json'), 'utf8'))
  try {
    const cache = JSON.parse(text ?? '{}') as Readonly<Record<string, { readonly images: readonly string[] }>>
    return Object.values(cache).flatMap(({ images }) => images)
  } catch {
    return [] // cut off by a crash; written anew with the next import
  }
}
