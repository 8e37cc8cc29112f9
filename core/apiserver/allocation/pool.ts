/** Answers whether an object that once took a value still has it. */
export type StillHolds = (owner: string, value: string) => boolean

/**
 * Who has which value. Values of committed objects are looked up where the objects are: what an object no longer has is
 * free, so nothing has to be told of deletions. Values taken by writes under way are held until those settle.
 */
export class Pool {
  readonly #owners = new Map<string, string>()
  readonly #pending = new Map<string, string>()
  readonly #stillHolds: StillHolds

  constructor(stillHolds: StillHolds) {
    this.#stillHolds = stillHolds
  }

  /** Records what a stored object has. */
  learn(owner: string, value: string): void {
    this.#owners.set(value, owner)
  }

  isFree(value: string, owner: string): boolean {
    const pending = this.#pending.get(value)
    if (pending !== undefined && pending !== owner) return false
    const holder = this.#owners.get(value)
    if (holder === undefined || holder === owner) return true
    if (this.#stillHolds(holder, value)) return false
    this.#owners.delete(value)
    return true
  }

  /** Takes a free value for a write; `settle` ends that. */
  take(owner: string, value: string): void {
    this.#pending.set(value, owner)
  }

  settle(owner: string, value: string, committed: boolean): void {
    if (this.#pending.get(value) === owner) this.#pending.delete(value)
    if (committed) this.#owners.set(value, owner)
  }

  /** Also by the owner itself. For values that are chosen here, which must be nobody's. */
  isTaken(value: string): boolean {
    const holder = this.#owners.get(value)
    return this.#pending.has(value) || (holder !== undefined && this.#stillHolds(holder, value))
  }
}

export interface Band {
  /** First and last value, inclusive. */
  readonly from: number
  readonly to: number
}

/**
 * A free value of the bands, tried in their order: at random first, and by looking at each when the band is nearly full.
 * Undefined when all are taken.
 */
export function findFree(bands: readonly Band[], isFree: (value: number) => boolean, random: () => number): number | undefined {
  for (const { from, to } of bands) {
    const count = to - from + 1
    if (count <= 0) continue
    const start = Math.floor(random() * count)
    for (let i = 0; i < count; i += 1) {
      const value = from + ((start + i) % count)
      if (isFree(value)) return value
    }
  }
  return undefined
}

/**
 * The lower part of a range is left to values that users choose, as long as the upper part has room. `min` and `max` bound
 * its size. Source: KEP-3070, KEP-3668: min(max(min, size / 16), max).
 */
export function dynamicBands(range: Band, min: number, max: number): readonly Band[] {
  const size = range.to - range.from + 1
  if (size <= min) return [range]
  const reserved = Math.min(Math.max(min, Math.floor(size / 16)), max)
  return [
    { from: range.from + reserved, to: range.to },
    { from: range.from, to: range.from + reserved - 1 },
  ]
}
