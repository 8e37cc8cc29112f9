import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LogIndex } from './log-index.ts'

function indexWithHistory(): LogIndex {
  const index = new LogIndex()
  index.apply({ op: 'create', revision: 1, key: '/a', createRevision: 1, previousRevision: 0 })
  index.apply({ op: 'update', revision: 2, key: '/a', createRevision: 1, previousRevision: 1 })
  index.apply({ op: 'create', revision: 3, key: '/b', createRevision: 3, previousRevision: 0 })
  index.apply({ op: 'delete', revision: 5, key: '/a', createRevision: 1, previousRevision: 2 })
  return index
}

describe('the index of a log', () => {
  it('knows the live revision and creation revision of each key', () => {
    const index = indexWithHistory()
    assert.equal(index.revision, 5)
    assert.equal(index.get('/a'), undefined)
    assert.deepEqual(index.get('/b'), { revision: 3, createRevision: 3 })
    assert.equal(index.liveKeys, 1)
  })

  for (const { compacted, dead } of [
    { compacted: 1, dead: [] },
    { compacted: 2, dead: [1] },
    { compacted: 4, dead: [1] },
    { compacted: 5, dead: [1, 2, 5] },
  ]) {
    it(`hands out ${JSON.stringify(dead)} when compacted at ${compacted}, a tombstone after what it removed`, () => {
      const index = indexWithHistory()
      index.markCompacted(compacted)
      assert.deepEqual(index.takeDead(100), dead)
      assert.deepEqual(index.takeDead(100), [])
    })
  }

  it('hands dead revisions out in slices and takes them back in order', () => {
    const index = indexWithHistory()
    index.markCompacted(5)
    const first = index.takeDead(2)
    assert.deepEqual(first, [1, 2])
    index.returnDead(first)
    assert.deepEqual(index.takeDead(2), [1, 2])
    assert.deepEqual(index.takeDead(2), [5])
  })

  it('goes on counting from the compaction mark when nothing else is left', () => {
    const index = new LogIndex()
    index.markCompacted(40)
    assert.equal(index.revision, 40)
  })

  it('breaks on a revision that does not grow', () => {
    const index = indexWithHistory()
    assert.throws(() => index.apply({ op: 'create', revision: 5, key: '/c', createRevision: 5, previousRevision: 0 }), /revisions grow/)
  })
})
