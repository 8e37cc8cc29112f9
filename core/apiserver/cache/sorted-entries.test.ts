import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { SortedEntries } from './sorted-entries.ts'

interface Item {
  readonly key: string
  readonly value: number
}

const key = fc.tuple(fc.constantFrom('a', 'a-b', 'b', 'c'), fc.integer({ min: 0, max: 999 })).map(([ns, n]) => `${ns}/${n}`)

describe('sorted entries', () => {
  it('agree with a plain map after any changes, for any range', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(key, fc.boolean()), { maxLength: 1500, size: 'max' }),
        fc.record({
          after: fc.option(key, { nil: undefined }),
          below: fc.option(key, { nil: undefined }),
          limit: fc.integer({ min: 0, max: 50 }),
        }),
        fc.boolean(),
        (changes, range, flattenFirst) => {
          const model = new Map<string, Item>()
          const sorted = new SortedEntries<Item>()
          sorted.load([])
          for (const [i, [changed, keep]] of changes.entries()) {
            if (keep) {
              model.set(changed, { key: changed, value: i })
              sorted.set({ key: changed, value: i })
            } else {
              model.delete(changed)
              sorted.delete(changed)
            }
          }
          if (flattenFirst) sorted.all()
          const inRange = [...model.values()]
            .filter(
              (item) => (range.after === undefined || item.key > range.after) && (range.below === undefined || item.key < range.below),
            )
            .sort((a, b) => (a.key < b.key ? -1 : 1))
          const wanted = range.limit === 0 ? inRange : inRange.slice(0, range.limit)
          const got = sorted.range(range)
          assert.deepEqual(got.entries, wanted)
          assert.equal(got.remaining, inRange.length - wanted.length)
        },
      ),
      { numRuns: 60 },
    )
  })

  it('load many at once and hand out the same array until something changes', () => {
    const sorted = new SortedEntries<Item>()
    sorted.load(Array.from({ length: 5000 }, (_, i) => ({ key: `k/${(i * 7919) % 5000}`, value: i })))
    const all = sorted.all()
    assert.equal(all.length, 5000)
    assert.ok(all.every((item, i) => i === 0 || (all[i - 1]?.key ?? '') < item.key))
    assert.equal(sorted.all(), all)
    sorted.set({ key: 'k/1', value: -1 })
    assert.notEqual(sorted.all(), all)
    assert.notEqual(all.find((item) => item.key === 'k/1')?.value, -1, 'an array that was handed out does not change')
  })
})
