import { createReadStream, createWriteStream } from 'node:fs'
import { chmod, type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import type { Clock } from './clock.ts'

export interface RotatingFileOptions {
  readonly path: string
  /** The file is put aside before it would grow beyond. */
  readonly maxBytes: number
  /** Files put aside that are kept; 0: all. */
  readonly maxBackups: number
  /** Files put aside are removed when they are older; 0: never. */
  readonly maxAgeMs: number
  readonly compress: boolean
  readonly clock: Clock
  /** Putting aside worked, clearing up did not. */
  readonly onError: (err: unknown) => void
}

const MODE = 0o600

/**
 * A log file that is put aside as `NAME-TIMESTAMP.EXT` when it is full; names and limits as K3s' logs have them. Calls of `append` must
 * not overlap. Source: the names and options of lumberjack, which kube-apiserver uses.
 */
export class RotatingFile {
  readonly #options: RotatingFileOptions
  #file: FileHandle | undefined
  #size = 0
  #clearing: Promise<void> = Promise.resolve()
  #isTorn = false

  private constructor(options: RotatingFileOptions) {
    this.#options = options
  }

  /** Makes folder and file when they are missing. Rejects when the file cannot be written. */
  static async open(options: RotatingFileOptions): Promise<RotatingFile> {
    await mkdir(dirname(options.path), { recursive: true, mode: 0o700 })
    const file = new RotatingFile(options)
    await file.#open(MODE)
    file.#startClearing()
    return file
  }

  /** Whole lines. Rejects when the disk does not take them; a line may then be torn, and the next one starts anew. */
  async append(lines: readonly string[]): Promise<void> {
    let batch: Buffer[] = []
    let bytes = 0
    for (const line of lines) {
      const next = Buffer.from(line)
      if (bytes > 0 && this.#size + bytes + next.length > this.#options.maxBytes) {
        await this.#write(Buffer.concat(batch, bytes))
        batch = []
        bytes = 0
      }
      if (bytes === 0 && this.#size > 0 && this.#size + next.length > this.#options.maxBytes) await this.#rotate()
      batch.push(next)
      bytes += next.length
    }
    if (bytes > 0) await this.#write(Buffer.concat(batch, bytes))
  }

  async close(): Promise<void> {
    await this.#file?.close()
    this.#file = undefined
    await this.#clearing
  }

  async #open(mode: number): Promise<FileHandle> {
    const file = await open(this.#options.path, 'a', mode)
    const { size } = await file.stat()
    this.#file = file
    this.#size = size
    return file
  }

  async #write(bytes: Buffer): Promise<void> {
    const file = this.#file ?? (await this.#open(MODE))
    let done = 0
    try {
      if (this.#isTorn) await file.write('\n')
      this.#isTorn = false
      while (done < bytes.length) {
        const { bytesWritten } = await file.write(bytes, done)
        done += bytesWritten
      }
    } catch (err) {
      this.#isTorn = done > 0 || this.#isTorn
      throw err
    } finally {
      this.#size += done
    }
  }

  async #rotate(): Promise<void> {
    const { path, clock } = this.#options
    const mode = this.#file === undefined ? MODE : (await this.#file.stat()).mode & 0o777
    await this.#file?.close()
    this.#file = undefined
    let ms = clock.now()
    while (await exists(this.#backup(ms))) ms += 1
    await rename(path, this.#backup(ms))
    await this.#open(mode)
    this.#startClearing()
  }

  #backup(ms: number): string {
    const { path } = this.#options
    const extension = extname(path)
    const time = new Date(ms).toISOString().slice(0, 23).replaceAll(':', '-')
    return join(dirname(path), `${basename(path, extension)}-${time}${extension}`)
  }

  /** In the background, one run after the other: writers do not wait for it. */
  #startClearing(): void {
    this.#clearing = this.#clearing.then(() => this.#clear()).catch(this.#options.onError)
  }

  async #clear(): Promise<void> {
    const { path, maxBackups, maxAgeMs, compress, clock } = this.#options
    if (maxBackups === 0 && maxAgeMs === 0 && !compress) return
    const folder = dirname(path)
    const backups = (await readdir(folder)).flatMap((name) => timeOf(name, path) ?? []).sort((a, b) => b.ms - a.ms)
    const oldest = maxAgeMs === 0 ? 0 : clock.now() - maxAgeMs
    const kept = (maxBackups === 0 ? backups : backups.slice(0, maxBackups)).filter(({ ms }) => ms >= oldest)
    for (const { name } of backups) if (!kept.some((one) => one.name === name)) await rm(join(folder, name), { force: true })
    if (!compress) return
    for (const { name } of kept) if (!name.endsWith('.gz')) await gzip(join(folder, name))
  }
}

interface Backup {
  readonly name: string
  readonly ms: number
}

function timeOf(name: string, path: string): Backup | undefined {
  const extension = extname(path)
  const prefix = `${basename(path, extension)}-`
  const plain = name.endsWith('.gz') ? name.slice(0, -3) : name
  if (!plain.startsWith(prefix) || !plain.endsWith(extension)) return undefined
  const text = plain.slice(prefix.length, plain.length - extension.length)
  const parts = /^(?<date>\d{4}-\d\d-\d\d)T(?<hours>\d\d)-(?<minutes>\d\d)-(?<seconds>\d\d\.\d{3})$/.exec(text)?.groups
  if (parts === undefined) return undefined
  const ms = Date.parse(`${parts['date'] ?? ''}T${parts['hours'] ?? ''}:${parts['minutes'] ?? ''}:${parts['seconds'] ?? ''}Z`)
  return Number.isNaN(ms) ? undefined : { name, ms }
}

/** What a crash left half done is made anew. */
async function gzip(path: string): Promise<void> {
  const { mode } = await stat(path)
  const target = `${path}.gz`
  await rm(target, { force: true })
  await pipeline(createReadStream(path), createGzip(), createWriteStream(target, { mode: mode & 0o777 }))
  await chmod(target, mode & 0o777)
  await rm(path)
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch {
    // Not there, or not to be seen: the rename will tell.
    return false
  }
}
