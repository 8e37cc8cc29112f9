/** Exponential delay: `baseMs`, doubled per failure, at most `maxMs`. */
export interface BackoffOptions {
  readonly baseMs: number
  readonly maxMs: number
  /** Fraction of the delay added at random, 0 to 1. Default 0. */
  readonly jitter?: number
  readonly random?: () => number
}

export class Backoff {
  readonly #options: BackoffOptions
  #failures = 0

  constructor(options: BackoffOptions) {
    this.#options = options
  }

  nextMs(): number {
    const { baseMs, maxMs, jitter = 0, random = Math.random } = this.#options
    const delay = Math.min(maxMs, baseMs * 2 ** Math.min(this.#failures, 30))
    this.#failures += 1
    return delay * (1 + jitter * random())
  }

  reset(): void {
    this.#failures = 0
  }
}
