import { type FSWatcher, watch } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { isAborted } from '../../runtime/abort.ts'
import type { Clock } from '../../runtime/clock.ts'
import { type LogOptions, parseLogLine, renderLine } from './log-format.ts'

export interface LogSource {
  readonly path: string
  /** Says whether the container still runs; a followed log ends when it does not and all is read. */
  readonly isRunning: () => boolean
  readonly clock: Clock
}

const CHUNK_BYTES = 64 * 1024
/** Safety net beside file events: rotation and the end of a container show up within this time. */
const LOOK_AGAIN_MS = 500

/** The log of one container as clients see it. Follows over rotations; ends with the signal, the limit or the container. */
export async function* readLog(source: LogSource, options: LogOptions, signal: AbortSignal): AsyncGenerator<Buffer> {
  let left = options.limitBytes ?? Number.POSITIVE_INFINITY
  for await (const line of records(source, options, signal)) {
    const parsed = parseLogLine(line)
    const bytes = parsed === undefined ? undefined : renderLine(parsed, options)
    if (bytes === undefined) continue
    yield bytes.length > left ? bytes.subarray(0, left) : bytes
    left -= bytes.length
    if (left <= 0) return
  }
}

async function* records(source: LogSource, options: LogOptions, signal: AbortSignal): AsyncGenerator<Buffer> {
  using changes = new Changes(source.path, source.clock)
  let file = await open(source.path, 'r')
  try {
    let offset = options.tailLines === undefined ? 0 : await tailOffset(file, options.tailLines)
    let rest: Buffer = Buffer.alloc(0)
    for (;;) {
      const ended = !source.isRunning()
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
      const { bytesRead } = await file.read(chunk, 0, CHUNK_BYTES, offset)
      offset += bytesRead
      if (bytesRead > 0) {
        const data = Buffer.concat([rest, chunk.subarray(0, bytesRead)])
        const last = data.lastIndexOf(0x0a)
        yield* splitLines(data.subarray(0, last + 1))
        rest = Buffer.from(data.subarray(last + 1))
        continue
      }
      if (!options.follow || isAborted(signal)) break
      const next = await reopened(file, source.path, offset)
      if (next !== undefined) {
        await file.close()
        file = next
        offset = 0
        rest = Buffer.alloc(0)
        continue
      }
      if (ended) break
      await changes.wait(signal)
    }
    if (rest.length > 0) yield rest
  } finally {
    await file.close()
  }
}

/** The file that now stands under the name when the log was rotated or cut. */
async function reopened(file: FileHandle, path: string, offset: number): Promise<FileHandle | undefined> {
  const [mine, current] = [await file.stat(), await stat(path).catch(() => undefined)]
  if (current === undefined || (current.ino === mine.ino && current.size >= offset)) return undefined
  return open(path, 'r')
}

/** Start of the last `lines` lines, found by reading backwards. */
async function tailOffset(file: FileHandle, lines: number): Promise<number> {
  let end = (await file.stat()).size
  if (lines === 0) return end
  let wanted = lines + 1
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
  while (end > 0) {
    const size = Math.min(CHUNK_BYTES, end)
    await file.read(chunk, 0, size, end - size)
    for (let at = size - 1; at >= 0; at -= 1) {
      if (chunk[at] !== 0x0a) continue
      wanted -= 1
      if (wanted === 0) return end - size + at + 1
    }
    end -= size
  }
  return 0
}

function* splitLines(data: Buffer): Generator<Buffer> {
  let begin = 0
  for (let end = data.indexOf(0x0a); end >= 0; end = data.indexOf(0x0a, begin)) {
    yield data.subarray(begin, end)
    begin = end + 1
  }
}

/** Wakes on changes in the log's folder, and now and then in any case. */
class Changes implements Disposable {
  readonly #clock: Clock
  #watcher: FSWatcher | undefined
  #wake: (() => void) | undefined

  constructor(path: string, clock: Clock) {
    this.#clock = clock
    try {
      this.#watcher = watch(dirname(path), () => this.#wake?.())
      this.#watcher.on('error', () => undefined)
    } catch {
      // out of watches: looking again serves
    }
  }

  async wait(signal: AbortSignal): Promise<void> {
    const changed = new Promise<void>((resolve) => (this.#wake = resolve))
    const timer = new AbortController()
    const stop = (): void => timer.abort()
    signal.addEventListener('abort', stop, { once: true })
    await Promise.race([changed, this.#clock.sleep(LOOK_AGAIN_MS, timer.signal).catch(() => undefined)])
    signal.removeEventListener('abort', stop)
    timer.abort()
  }

  [Symbol.dispose](): void {
    this.#watcher?.close()
  }
}
