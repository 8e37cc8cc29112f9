import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { addressRange, canonicalAddress } from './address-range.ts'
import { dynamicBands, findFree, Pool } from './pool.ts'

describe('a service range', () => {
  it('leaves out its first address and, for IPv4, its last', () => {
    const range = addressRange('10.43.0.0/29')
    assert.equal(range?.size, 6)
    assert.deepEqual([range.at(1), range.at(6)], ['10.43.0.1', '10.43.0.6'])
    assert.deepEqual(
      ['10.43.0.0', '10.43.0.1', '10.43.0.6', '10.43.0.7', '10.44.0.1', 'fd00::1', 'x'].map((a) => range.contains(a)),
      [false, true, true, false, false, false, false],
    )
    assert.equal(addressRange('fd00::/126')?.size, 3)
  })

  it('uses at most 2^20 addresses of a large one', () => {
    const range = addressRange('fd00:43::/64')
    assert.deepEqual([range?.size, range?.at(0x10001)], [2 ** 20, 'fd00:43::1:1'])
  })

  for (const text of ['10.0.0.0', '10.0.0.0/33', '10.0.0/8', 'fd00::/129', 'x/8', ''])
    it(`is not ${JSON.stringify(text)}`, () => {
      assert.equal(addressRange(text), undefined)
    })

  it('knows one spelling of each address', () => {
    for (const [given, expected] of [
      ['fd00:0:0:0:0:0:0:1', 'fd00::1'],
      ['FD00::0:1', 'fd00::1'],
      ['::', '::'],
      ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
      ['::ffff:10.1.2.3', '::ffff:a01:203'],
      ['10.1.2.3', '10.1.2.3'],
      ['10.1.2', undefined],
      ['1::2::3', undefined],
    ] as const)
      assert.equal(canonicalAddress(given), expected, given)
  })
})

describe('bands', () => {
  it('keep the lower part for chosen values', () => {
    assert.deepEqual(dynamicBands({ from: 1, to: 65_534 }, 16, 256), [
      { from: 257, to: 65_534 },
      { from: 1, to: 256 },
    ])
    assert.deepEqual(dynamicBands({ from: 30_000, to: 32_767 }, 16, 128), [
      { from: 30_128, to: 32_767 },
      { from: 30_000, to: 30_127 },
    ])
    assert.deepEqual(dynamicBands({ from: 1, to: 14 }, 16, 256), [{ from: 1, to: 14 }])
  })

  it('are searched completely, in order', () => {
    const bands = dynamicBands({ from: 1, to: 40 }, 16, 256)
    const taken = new Set<number>()
    for (let i = 0; i < 40; i += 1) {
      const value = findFree(
        bands,
        (candidate) => !taken.has(candidate),
        () => 0.7,
      )
      assert.ok(value !== undefined)
      assert.equal(value > 16, i < 24)
      taken.add(value)
    }
    assert.equal(
      findFree(
        bands,
        (candidate) => !taken.has(candidate),
        () => 0.7,
      ),
      undefined,
    )
  })
})

describe('a pool', () => {
  it('holds what writes under way took until they settle', () => {
    const pool = new Pool(() => true)
    pool.take('a', '1')
    assert.deepEqual([pool.isFree('1', 'a'), pool.isFree('1', 'b'), pool.isTaken('1')], [true, false, true])
    pool.settle('a', '1', false)
    assert.equal(pool.isFree('1', 'b'), true)
    pool.take('a', '1')
    pool.settle('a', '1', true)
    assert.equal(pool.isFree('1', 'b'), false)
  })

  it('frees what its owner no longer has', () => {
    let holds = true
    const pool = new Pool(() => holds)
    pool.learn('a', '1')
    assert.equal(pool.isFree('1', 'b'), false)
    holds = false
    assert.equal(pool.isFree('1', 'b'), true)
  })
})
