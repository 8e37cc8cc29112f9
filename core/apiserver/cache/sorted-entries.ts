/** Entries a chunk holds before it is split: inserting moves at most so many pointers. */
const MAX_CHUNK = 512

export interface Keyed {
  readonly key: string
}

export interface RangeOptions {
  /** Exclusive lower and upper bound of the keys. */
  readonly after?: string | undefined
  readonly below?: string | undefined
  /** 0 and absent: all. */
  readonly limit?: number | undefined
}

export interface Range<T> {
  readonly entries: readonly T[]
  /** How many follow the last one inside the bounds. */
  readonly remaining: number
}

/**
 * Entries in the order of their keys, in chunks: a change costs one chunk, a range only what it returns. The array of all
 * entries is kept until the next change.
 */
export class SortedEntries<T extends Keyed> {
  #chunks: T[][] = []
  #all: readonly T[] | undefined

  /** From entries in any order, much cheaper than one by one. */
  load(entries: readonly T[]): void {
    const sorted = [...entries].sort((a, b) => (a.key < b.key ? -1 : 1))
    this.#chunks = []
    for (let i = 0; i < sorted.length; i += MAX_CHUNK / 2) this.#chunks.push(sorted.slice(i, i + MAX_CHUNK / 2))
    this.#all = undefined
  }

  /** Adds the entry or replaces the one of the same key. */
  set(entry: T): void {
    this.#all = undefined
    const at = Math.min(this.#chunkFor(entry.key), this.#chunks.length - 1)
    const chunk = this.#chunks[at]
    if (chunk === undefined) {
      this.#chunks.push([entry])
      return
    }
    const place = lowerBound(chunk, entry.key)
    if (chunk[place]?.key === entry.key) chunk[place] = entry
    else chunk.splice(place, 0, entry)
    if (chunk.length > MAX_CHUNK) this.#chunks.splice(at + 1, 0, chunk.splice(MAX_CHUNK / 2))
  }

  delete(key: string): void {
    const at = this.#chunkFor(key)
    const chunk = this.#chunks[at]
    const place = chunk === undefined ? 0 : lowerBound(chunk, key)
    if (chunk?.[place]?.key !== key) return
    this.#all = undefined
    chunk.splice(place, 1)
    if (chunk.length === 0) this.#chunks.splice(at, 1)
  }

  all(): readonly T[] {
    this.#all ??= this.#chunks.flat()
    return this.#all
  }

  range(options: RangeOptions): Range<T> {
    const { after, below, limit = 0 } = options
    if (after === undefined && below === undefined && limit === 0) return { entries: this.all(), remaining: 0 }
    if (this.#all !== undefined) return rangeOf(this.#all, options)
    return this.#collect(options)
  }

  #collect({ after, below, limit = 0 }: RangeOptions): Range<T> {
    const entries: T[] = []
    let remaining = 0
    for (let at = after === undefined ? 0 : this.#chunkFor(after); at < this.#chunks.length; at += 1) {
      const chunk = this.#chunks[at] ?? []
      const from = after === undefined ? 0 : upperBound(chunk, after)
      const until = below === undefined ? chunk.length : lowerBound(chunk, below)
      const end = limit === 0 ? until : Math.max(from, Math.min(until, from + limit - entries.length))
      for (let i = from; i < end; i += 1) entries.push(chunk[i] as T)
      remaining += Math.max(0, until - end)
      if (until < chunk.length) break
    }
    return { entries, remaining }
  }

  /** First chunk whose last key is not below `key`. */
  #chunkFor(key: string): number {
    let low = 0
    let high = this.#chunks.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const last = this.#chunks[middle]?.at(-1)
      if (last !== undefined && last.key < key) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** The same range of a sorted array. */
export function rangeOf<T extends Keyed>(sorted: readonly T[], options: RangeOptions): Range<T> {
  const { after, below, limit = 0 } = options
  const from = after === undefined ? 0 : upperBound(sorted, after)
  const until = Math.max(from, below === undefined ? sorted.length : lowerBound(sorted, below))
  const end = limit === 0 ? until : Math.min(until, from + limit)
  return { entries: sorted.slice(from, end), remaining: until - end }
}

/** First place whose key is not below `key`. */
function lowerBound(sorted: readonly Keyed[], key: string): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const entry = sorted[middle]
    if (entry !== undefined && entry.key < key) low = middle + 1
    else high = middle
  }
  return low
}

function upperBound(sorted: readonly Keyed[], key: string): number {
  const place = lowerBound(sorted, key)
  return sorted[place]?.key === key ? place + 1 : place
}
