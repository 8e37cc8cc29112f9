/** Called as a reader moves on, so that the sender may send more or stop. */
export interface ByteStreamEvents {
  consumed(bytes: number): void
  /** The reader left before the end. */
  cancelled(): void
}

/** A single-reader queue of chunks; its length is bounded by the credit the sender has. */
export class ByteStream implements AsyncIterable<Uint8Array> {
  readonly #events: ByteStreamEvents
  readonly #chunks: Uint8Array[] = []
  #outcome: { readonly error?: Error } | undefined
  #wake: (() => void) | undefined

  constructor(events: ByteStreamEvents) {
    this.#events = events
  }

  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk)
    this.#wake?.()
  }

  end(): void {
    this.#outcome ??= {}
    this.#wake?.()
  }

  /** Chunks already here are dropped: the request was aborted or its body broke. */
  fail(error: Error): void {
    this.#outcome ??= { error }
    this.#chunks.length = 0
    this.#wake?.()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        const chunk = this.#chunks.shift()
        if (chunk !== undefined) {
          yield chunk
          this.#events.consumed(chunk.byteLength)
        } else if (this.#outcome !== undefined) break
        else await this.#arrival()
      }
      if (this.#outcome.error !== undefined) throw this.#outcome.error
    } finally {
      if (this.#outcome === undefined) this.#events.cancelled()
    }
  }

  async #arrival(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve
    })
    this.#wake = undefined
  }
}
