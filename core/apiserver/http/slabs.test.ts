import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { ReusedSlab, toSlabs, totalLength } from './slabs.ts'

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

  it('share their memory once it was given back, and never that of the pieces', () => {
    const small = Array.from({ length: 600 }, (_, i) => piece(1000, i))
    const pieces = [...small, piece(SLAB * 2, 7), ...small]
    const before = Buffer.concat(pieces)
    const memory = new ReusedSlab()
    const sent: Buffer[] = []
    const buffers = new Set<ArrayBufferLike>()
    for (const slab of toSlabs(pieces, memory.take)) {
      sent.push(Buffer.from(slab))
      buffers.add(slab.buffer)
      memory.giveBack(slab)
    }
    assert.ok(Buffer.concat(sent).equals(before))
    assert.ok(Buffer.concat(pieces).equals(before))
    assert.equal(buffers.size, 2, 'one slab and the large piece')
  })

  it('that are still in use are left alone', () => {
    const pieces = Array.from({ length: 1000 }, (_, i) => piece(1000, i))
    const slabs = [...toSlabs(pieces, new ReusedSlab().take)]
    assert.ok(Buffer.concat(slabs).equals(Buffer.concat(pieces)))
  })

  it('join small pieces and do not copy large ones', () => {
    const many = Array.from({ length: 1000 }, (_, i) => piece(1000, i))
    assert.equal([...toSlabs(many)].length, Math.ceil(1_000_000 / SLAB))
    const large = piece(SLAB * 2, 1)
    assert.ok([...toSlabs([large])].every((slab) => slab.buffer === large.buffer))
  })
})
