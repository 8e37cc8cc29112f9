/** Size that costs least per byte through TLS while the loop stays free between two of them. */
const SLAB_BYTES = 256 * 1024

/** In bytes. */
export function totalLength(pieces: readonly Uint8Array[]): number {
  let total = 0
  for (const piece of pieces) total += piece.length
  return total
}

/** Joins pieces of any size into slabs of 256 KB; a large piece is passed on uncopied, in parts. */
export function* toSlabs(pieces: readonly Uint8Array[]): Generator<Uint8Array> {
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
      slab ??= Buffer.allocUnsafeSlow(Math.min(SLAB_BYTES, left))
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
