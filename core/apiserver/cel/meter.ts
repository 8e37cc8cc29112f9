import { CostError } from './issue.ts'

/**
 * Counts the work of evaluations: about one unit a node, more for long strings and lists. One meter may serve many
 * expressions of a request. Throws CostError when its limit is passed.
 */
export class Meter {
  readonly #limit: number
  #spent = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  get spent(): number {
    return this.#spent
  }

  get left(): number {
    return this.#limit - this.#spent
  }

  /** Adds work that is done already; never throws. */
  charge(units: number): void {
    this.#spent += units
  }

  /** Throws CostError beyond the limit. */
  spend(units: number): void {
    this.#spent += units
    if (this.#spent > this.#limit) throw new CostError()
  }
}
