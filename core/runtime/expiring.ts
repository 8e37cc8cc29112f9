const LIMIT = 1_000

/** Answers that stay good for a while, at most a thousand of them. One that failed is asked for again. */
export class Expiring<T> {
  readonly #ageMs: (value: T) => number
  readonly #nowMs: () => number
  readonly #entries = new Map<string, Entry<T>>()

  /** `ageMs`: how long a value counts from when it was asked for. */
  constructor(ageMs: number | ((value: T) => number), nowMs: () => number) {
    this.#ageMs = typeof ageMs === 'number' ? () => ageMs : ageMs
    this.#nowMs = nowMs
  }

  /** The value of `key`; whoever comes while it is asked for waits for the same answer. */
  get(key: string, ask: () => Promise<T>): Promise<T> {
    const now = this.#nowMs()
    const known = this.#entries.get(key)
    if (known !== undefined && known.untilMs > now) return known.value
    const entry: Entry<T> = { value: ask(), untilMs: Number.POSITIVE_INFINITY }
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    entry.value.then(
      (value) => {
        entry.untilMs = now + this.#ageMs(value)
      },
      () => {
        if (this.#entries.get(key) === entry) this.#entries.delete(key)
      },
    )
    const [oldest] = this.#entries.keys()
    if (this.#entries.size > LIMIT && oldest !== undefined) this.#entries.delete(oldest)
    return entry.value
  }
}

interface Entry<T> {
  readonly value: Promise<T>
  untilMs: number
}
