import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { toSlabs, totalLength } from './slabs.ts'

const SLAB = 256 * 1024

function piece(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length)
  for (let i = 0; i < length; i += 97) bytes[i] = (i + seed) % 251
  return bytes
}

describe('slabs', () => {
  it('carry every byte in order, none larger than 256 KB, whatever the pieces', () => {
    const lengths = fc.array(fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 3 * SLAB })), { maxLength: 12 })
    fc.assert(
      fc.property(lengths, (sizes) => {
        const pieces = sizes.map(piece)
        const slabs = [...toSlabs(pieces)]
        assert.ok(slabs.every((slab) => slab.length > 0 && slab.length <= SLAB))
        assert.ok(Buffer.concat(slabs).equals(Buffer.concat(pieces)))
        assert.equal(totalLength(slabs), totalLength(pieces))
      }),
      { numRuns: 60 },
    )
  })

  it('join small pieces and do not copy large ones', () => {
    const many = Array.from({ length: 1000 }, (_, i) => piece(1000, i))
    assert.equal([...toSlabs(many)].length, Math.ceil(1_000_000 / SLAB))
    const large = piece(SLAB * 2, 1)
    assert.ok([...toSlabs([large])].every((slab) => slab.buffer === large.buffer))
  })
})
