import { Worker } from 'node:worker_threads'
import type { RowBatch, Slice } from './log-file.ts'
import type { LogWriter } from './log-writer.ts'
import { pack, type WriterReply, type WriterRequest } from './writer-messages.ts'

export interface ThreadWriterOptions {
  readonly path: string
  /** Entry point of the thread; the file beside this one when the sources run directly. */
  readonly threadUrl?: URL
  /** Called once when the thread ends without having been asked to. */
  readonly onDeath: (err: Error) => void
}

interface Waiting {
  readonly resolve: (result: number) => void
  readonly reject: (err: unknown) => void
}

/** The main thread's side of the writer thread. */
export class ThreadWriter implements LogWriter {
  readonly #worker: Worker
  readonly #onDeath: (err: Error) => void
  #waiting: Waiting | undefined
  #closing = false
  #dead: Error | undefined

  private constructor(options: ThreadWriterOptions) {
    this.#onDeath = options.onDeath
    this.#worker = new Worker(options.threadUrl ?? new URL('./writer-thread.ts', import.meta.url), {
      workerData: { path: options.path },
      name: 'store-writer',
    })
    this.#worker.on('message', (reply: WriterReply) => this.#settle(reply))
    this.#worker.on('error', (err) => this.#die(err instanceof Error ? err : new Error(String(err))))
    this.#worker.on('exit', (code) => this.#die(new Error(`the writer thread of the datastore ended with code ${code}`)))
  }

  /** Resolves when the thread has opened the file. Rejects with a `DriverFailure` or the error that ended the thread. */
  static async open(options: ThreadWriterOptions): Promise<ThreadWriter> {
    const writer = new ThreadWriter(options)
    await new Promise<number>((resolve, reject) => {
      writer.#waiting = { resolve, reject }
    })
    return writer
  }

  async append(batch: RowBatch): Promise<void> {
    const packed = pack(batch)
    await this.#ask({ type: 'append', batch: packed }, [packed.bytes])
  }

  async remove(slice: Slice): Promise<void> {
    await this.#ask({ type: 'remove', slice })
  }

  vacuum(maxPages: number): Promise<number> {
    return this.#ask({ type: 'vacuum', maxPages })
  }

  async close(): Promise<void> {
    if (this.#dead !== undefined) return
    this.#closing = true
    await this.#ask({ type: 'close' })
    await this.#worker.terminate()
  }

  #ask(request: WriterRequest, transfer: ArrayBuffer[] = []): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.#dead !== undefined) {
        reject(this.#dead)
        return
      }
      this.#waiting = { resolve, reject }
      this.#worker.postMessage(request, transfer)
    })
  }

  #settle(reply: WriterReply): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    if (reply.ok) waiting?.resolve(reply.result)
    else waiting?.reject(reply.failure)
  }

  #die(err: Error): void {
    if (this.#dead !== undefined) return
    this.#dead = err
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.reject(err)
    if (!this.#closing) this.#onDeath(err)
  }
}
