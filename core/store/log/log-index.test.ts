import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LogIndex } from './log-index.ts'

function indexWithHistory(): LogIndex {
  const index = new LogIndex()
  index.apply({ op: 'create', revision: 2, key: '/a', createRevision: 2, previousRevision: 0 })
  index.apply({ op: 'update', revision: 3, key: '/a', createRevision: 2, previousRevision: 2 })
  index.apply({ op: 'create', revision: 4, key: '/b', createRevision: 4, previousRevision: 0 })
  index.apply({ op: 'delete', revision: 6, key: '/a', createRevision: 2, previousRevision: 3 })
  return index
}

describe('the index of a log', () => {
  it('knows the live revision and creation revision of each key', () => {
    const index = indexWithHistory()
    assert.equal(index.revision, 6)
    assert.equal(index.get('/a'), undefined)
    assert.deepEqual(index.get('/b'), { revision: 4, createRevision: 4 })
    assert.equal(index.liveKeys, 1)
  })

  for (const { compacted, dead } of [
    { compacted: 2, dead: [] },
    { compacted: 3, dead: [2] },
    { compacted: 5, dead: [2] },
    { compacted: 6, dead: [2, 3, 6] },
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
    index.markCompacted(6)
    const first = index.takeDead(2)
    assert.deepEqual(first, [2, 3])
    index.returnDead(first)
    assert.deepEqual(index.takeDead(2), [2, 3])
    assert.deepEqual(index.takeDead(2), [6])
  })

  it('starts at revision 1, so that 0 can mean any', () => {
    assert.equal(new LogIndex().revision, 1)
  })

  it('goes on counting from the compaction mark when nothing else is left', () => {
    const index = new LogIndex()
    index.markCompacted(40)
    assert.equal(index.revision, 40)
  })

  it('breaks on a revision that does not grow', () => {
    const index = indexWithHistory()
    assert.throws(() => index.apply({ op: 'create', revision: 6, key: '/c', createRevision: 6, previousRevision: 0 }), /revisions grow/)
  })
})
