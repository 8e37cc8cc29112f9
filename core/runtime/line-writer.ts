/** Takes whole lines; never called again before it has settled. */
export type AppendLines = (lines: readonly string[]) => Promise<void>

export interface LineWriterOptions {
  readonly append: AppendLines
  /** Lines that could not be written are lost; told how many. */
  readonly onError: (err: unknown, lines: number) => void
  /** How much waits before `room` asks writers to wait. In characters. */
  readonly limit?: number
}

/** Lines that come together are written together. */
const GATHER_MS = 20
const LIMIT = 8 * 1024 * 1024

/** Collects lines in memory and writes them in batches, so that nobody waits for a disk while it keeps up. */
export class LineWriter {
  readonly #options: LineWriterOptions
  readonly #limit: number
  #lines: string[] = []
  /** Of the lines that wait and of those under way. */
  #length = 0
  #running: Promise<void> | undefined
  #room: PromiseWithResolvers<undefined> | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(options: LineWriterOptions) {
    this.#options = options
    this.#limit = options.limit ?? LIMIT
  }

  write(line: string): void {
    this.#lines.push(line)
    this.#length += line.length
    if (this.#length > this.#limit) this.#room ??= Promise.withResolvers<undefined>()
    if (this.#running === undefined) this.#timer ??= setTimeout(() => void this.flush(), GATHER_MS)
  }

  /** Set while more waits than the limit; resolves when all of that has been written or lost. */
  get room(): Promise<void> | undefined {
    return this.#room?.promise
  }

  /** Resolves when everything written so far is with the system, or lost. */
  flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#running ??= this.#run()
    return this.#running
  }

  async #run(): Promise<void> {
    while (this.#lines.length > 0) {
      const lines = this.#lines
      const length = this.#length
      this.#lines = []
      try {
        await this.#options.append(lines)
      } catch (err) {
        this.#options.onError(err, lines.length)
      }
      this.#length -= length
      if (this.#length <= this.#limit) this.#giveRoom()
    }
    this.#running = undefined
  }

  #giveRoom(): void {
    this.#room?.resolve(undefined)
    this.#room = undefined
  }
}
