/** Size that costs least per byte through TLS while the loop stays free between two of them. */
const SLAB_BYTES = 256 * 1024

/** In bytes. */
export function totalLength(pieces: readonly Uint8Array[]): number {
  let total = 0
  for (const piece of pieces) total += piece.length
  return total
}

/** Where the memory of slabs comes from; `bytes` is at most 256 KB. */
export type TakeSlab = (bytes: number) => Buffer

const freshSlab: TakeSlab = (bytes) => Buffer.allocUnsafeSlow(bytes)

/** One slab that is filled again and again: the pages of a fresh one cost more than what is copied into them. */
export class ReusedSlab {
  #own: Buffer | undefined
  #isFree = true

  readonly take: TakeSlab = (bytes) => {
    if (!this.#isFree) return freshSlab(bytes)
    this.#isFree = false
    if (this.#own === undefined || this.#own.length < bytes) this.#own = freshSlab(bytes)
    return this.#own.subarray(0, bytes)
  }

  /** Call when nobody reads any more what was handed on; pieces that were not copied are none of ours. */
  giveBack(slab: Uint8Array): void {
    if (slab.buffer === this.#own?.buffer) this.#isFree = true
  }
}

/** Joins pieces of any size into slabs of 256 KB; a large piece is passed on uncopied, in parts. */
export function* toSlabs(pieces: readonly Uint8Array[], take: TakeSlab = freshSlab): Generator<Uint8Array> {
  let slab: Buffer | undefined
  let used = 0
  let left = totalLength(pieces)
  for (const piece of pieces) {
    let from = 0
    while (from < piece.length) {
      if (slab === undefined && piece.length - from >= SLAB_BYTES) {
        yield piece.subarray(from, from + SLAB_BYTES)
        from += SLAB_BYTES
        left -= SLAB_BYTES
        continue
      }
      slab ??= take(Math.min(SLAB_BYTES, left))
      const part = Math.min(slab.length - used, piece.length - from)
      slab.set(from === 0 && part === piece.length ? piece : piece.subarray(from, from + part), used)
      used += part
      from += part
      left -= part
      if (used === slab.length) {
        yield slab
        slab = undefined
        used = 0
      }
    }
  }
  if (slab !== undefined) yield slab.subarray(0, used)
}
