/** Bytes one side may still send. `take` may overdraw; `available` then waits until the reader gave enough back. */
export class Credit {
  #bytes: number
  #closed = false
  #wake: (() => void) | undefined

  constructor(bytes: number) {
    this.#bytes = bytes
  }

  take(bytes: number): void {
    this.#bytes -= bytes
  }

  add(bytes: number): void {
    this.#bytes += bytes
    if (this.#bytes > 0) this.#release()
  }

  /** Releases the waiter for good: the transfer is over. */
  close(): void {
    this.#closed = true
    this.#release()
  }

  async available(): Promise<void> {
    if (this.#closed || this.#bytes > 0) return
    await new Promise<void>((resolve) => {
      this.#wake = resolve
    })
  }

  #release(): void {
    this.#wake?.()
    this.#wake = undefined
  }
}
