import type { LogFile, RowBatch } from './log-file.ts'

const PAGE_BYTES = 8192
/** With this much in the WAL a quiet moment is used to move it into the database file. */
const QUIET_PAGES = 128
/** Under a load without quiet moments, between two commits. */
const BUSY_PAGES = 1024
/** Something holds old WAL pages: wait for it, so that the WAL stays bounded (64 MB). */
const MAX_PAGES = 8192
const QUIET_MS = 20

/** Moves the WAL into the database file off the commit path: after the answer to the commit, best in a quiet moment. */
export class Checkpoints {
  readonly #file: LogFile
  #walPages = 0
  #quiet: NodeJS.Timeout | undefined

  constructor(file: LogFile) {
    this.#file = file
  }

  /** Call after each commit was answered. */
  committed(batch: RowBatch): void {
    let bytes = 0
    for (const value of batch.values) bytes += typeof value === 'number' ? 8 : value.length + 64
    this.#walPages += 2 + Math.ceil(bytes / PAGE_BYTES)
    this.touched(0)
  }

  /** Call after any other change of about `pages` pages. */
  touched(pages: number): void {
    this.#walPages += pages
    if (this.#walPages >= BUSY_PAGES) this.#run()
    else if (this.#walPages >= QUIET_PAGES) this.#whenQuiet()
  }

  stop(): void {
    clearTimeout(this.#quiet)
  }

  #whenQuiet(): void {
    if (this.#quiet !== undefined) this.#quiet.refresh()
    else {
      this.#quiet = setTimeout(() => {
        this.#quiet = undefined
        this.#run()
      }, QUIET_MS)
      this.#quiet.unref()
    }
  }

  #run(): void {
    try {
      const { pendingPages } = this.#file.checkpoint(false)
      this.#walPages = pendingPages > MAX_PAGES ? this.#file.checkpoint(true).pendingPages : pendingPages
    } catch {
      // The disk may be full. The WAL holds everything; the next commit tries again.
    }
  }
}
