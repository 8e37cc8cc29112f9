import { Checkpoints } from './checkpoints.ts'
import { type LogFile, type RowBatch, type Slice } from './log-file.ts'

/** Where durable writes happen. One call at a time; rejects with a `DriverFailure` and then changed nothing. */
export interface LogWriter {
  append(batch: RowBatch): Promise<void>
  remove(slice: Slice): Promise<void>
  /** Returns free pages of the file in a small step; resolves with how many. */
  vacuum(maxPages: number): Promise<number>
  close(): Promise<void>
}

/** The same code without a thread: tests, in-memory databases, machines with one core. A commit blocks the caller's thread. */
export class InProcessWriter implements LogWriter {
  readonly #file: LogFile
  readonly #checkpoints: Checkpoints

  constructor(file: LogFile) {
    this.#file = file
    this.#checkpoints = new Checkpoints(file)
  }

  async append(batch: RowBatch): Promise<void> {
    // NOTE: one turn of the loop later, so that what arrives in this turn is served by one fsync.
    await new Promise(setImmediate)
    this.#file.append(batch)
    this.#checkpoints.committed(batch)
  }

  async remove(slice: Slice): Promise<void> {
    await new Promise(setImmediate)
    this.#file.remove(slice)
    this.#checkpoints.touched(slice.revisions.length)
  }

  async vacuum(maxPages: number): Promise<number> {
    await new Promise(setImmediate)
    const pages = this.#file.vacuum(maxPages)
    this.#checkpoints.touched(pages)
    return pages
  }

  close(): Promise<void> {
    this.#checkpoints.stop()
    this.#file.close()
    return Promise.resolve()
  }
}
