import type { DriverFailure } from './errors.ts'
import type { RowBatch, Slice } from './log-file.ts'

/** What the writer thread is told. One request at a time. */
export type WriterRequest =
  | { readonly type: 'append'; readonly batch: PackedBatch }
  | { readonly type: 'remove'; readonly slice: Slice }
  | { readonly type: 'vacuum'; readonly maxPages: number }
  | { readonly type: 'close' }

export type WriterReply = { readonly ok: true; readonly result: number } | { readonly ok: false; readonly failure: DriverFailure }

/** A batch whose values lie in one buffer, which is moved to the other thread instead of copied. */
export interface PackedBatch extends Omit<RowBatch, 'values'> {
  /** End of each value in `bytes`; below zero: no bytes but the number -(end + 1). */
  readonly ends: readonly number[]
  readonly bytes: ArrayBuffer
}

/** All values in one buffer, which is moved to the writer's thread instead of copied. */
export function pack(batch: RowBatch): PackedBatch {
  let total = 0
  for (const value of batch.values) if (typeof value !== 'number') total += value.length
  const bytes = new Uint8Array(total)
  const ends: number[] = []
  let end = 0
  for (const value of batch.values) {
    if (typeof value === 'number') {
      ends.push(-value - 1)
      continue
    }
    bytes.set(value, end)
    end += value.length
    ends.push(end)
  }
  return { revisions: batch.revisions, keys: batch.keys, created: batch.created, ends, bytes: bytes.buffer }
}

/** Reverse of `pack`; values are views of the one buffer. */
export function unpack(packed: PackedBatch): RowBatch {
  let start = 0
  const values = packed.ends.map((end) => {
    if (end < 0) return -end - 1
    const value = Buffer.from(packed.bytes, start, end - start)
    start = end
    return value
  })
  return { revisions: packed.revisions, keys: packed.keys, created: packed.created, values }
}
