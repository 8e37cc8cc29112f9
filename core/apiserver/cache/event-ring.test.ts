import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CachedEntry } from './cached-entry.ts'
import { Change } from './change.ts'
import { EventRing } from './event-ring.ts'

function change(revision: number, bytes = 10): Change {
  const entry = new CachedEntry(
    { namespace: '', name: 'x', key: 'x', bytes: Buffer.alloc(bytes), modRevision: revision, createRevision: 1, type: 'ADDED' },
    { selectableFields: undefined, freeze: false },
  )
  return new Change(revision, undefined, { next: entry })
}

function owner(): { readonly forgotten: number[]; forget(revision: number): void } {
  const forgotten: number[] = []
  return { forgotten, forget: (revision) => forgotten.push(revision) }
}

describe('the event ring', () => {
  it('finds the changes of one resource after a revision', () => {
    const ring = new EventRing()
    const [pods, nodes] = [owner(), owner()]
    for (const revision of [3, 5, 8]) ring.push(pods, change(revision))
    ring.push(nodes, change(9))
    assert.deepEqual(
      ring.since(pods, 3).map((found) => found.revision),
      [5, 8],
    )
    assert.deepEqual(
      ring.since(pods, 4).map((found) => found.revision),
      [5, 8],
    )
    assert.deepEqual(
      ring.since(nodes, 0).map((found) => found.revision),
      [9],
    )
    assert.deepEqual(ring.since(nodes, 9), [])
  })

  it('keeps so many changes, and tells the owner of each it drops', () => {
    const ring = new EventRing({ maxChanges: 3 })
    const [pods, nodes] = [owner(), owner()]
    ring.push(nodes, change(1))
    for (let revision = 2; revision <= 6; revision += 1) ring.push(pods, change(revision))
    assert.equal(ring.size, 3)
    assert.deepEqual([nodes.forgotten, pods.forgotten], [[1], [2, 3]])
    assert.deepEqual(
      ring.since(pods, 0).map((found) => found.revision),
      [4, 5, 6],
    )
  })

  it('keeps so many bytes, and at least the newest change', () => {
    const ring = new EventRing({ maxBytes: 3000 }) // a change weighs 1 KB besides its states
    const pods = owner()
    for (let revision = 1; revision <= 5; revision += 1) ring.push(pods, change(revision, 40))
    assert.equal(ring.size, 2)
    ring.push(pods, change(6, 5000))
    assert.equal(ring.size, 1)
    assert.equal(ring.bytes, 6024)
    assert.deepEqual(pods.forgotten, [1, 2, 3, 4, 5])
  })

  it('goes round for a long time', () => {
    const ring = new EventRing({ maxChanges: 100 })
    const pods = owner()
    for (let revision = 1; revision <= 10_000; revision += 1) ring.push(pods, change(revision))
    assert.equal(ring.size, 100)
    assert.equal(ring.since(pods, 9_950).length, 50)
    assert.equal(pods.forgotten.length, 9_900)
  })
})
