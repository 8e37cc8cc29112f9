import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { KubeObject } from '../../meta/object.ts'
import { CachedEntry } from './cached-entry.ts'
import { Change } from './change.ts'
import { encodeObject } from './splice.ts'

const object = (text: string): KubeObject =>
  ({ kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'x', labels: { a: '1' } }, data: { text } }) as never

function entry(revision: number, text: string): CachedEntry {
  return new CachedEntry(
    { namespace: '', name: 'x', key: 'x', ...encodeObject(object(text)), modRevision: revision, createRevision: 1, type: 'ADDED' },
    { selectableFields: undefined, freeze: false },
  )
}

const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString()

describe('a change', () => {
  it('weighs the state that a deletion leaves to the history alone, and no copy of it', () => {
    const gone = entry(4, 'v'.repeat(2_000))
    const change = new Change(9, gone, { deleted: gone.deletedAt(9, undefined) })
    const before = change.weight
    assert.equal(before, 1024 + gone.weight)
    assert.ok(gone.weight > 2_000)
    assert.match(text(change.eventFor(undefined)?.frame), /^{"type":"DELETED","object":{.*"resourceVersion":"9"/)
    assert.equal(change.weight, before)
    assert.match(text(gone.bytes), /"resourceVersion":"4"/)
  })

  it('has one frame for all who see it at once', () => {
    const gone = entry(4, 'v')
    const change = new Change(9, gone, { deleted: gone.deletedAt(9, undefined) })
    const frame = change.eventFor(undefined)?.frame
    assert.equal(change.eventFor((seen) => seen.labels?.['a'] === '1')?.frame, frame)
    const next = entry(5, 'w')
    const entering = new Change(5, gone, { next })
    assert.equal(entering.eventFor((seen) => seen === next)?.frame, entering.eventFor((seen) => seen === next)?.frame)
    assert.match(text(entering.eventFor((seen) => seen === gone)?.frame), /"DELETED".*"resourceVersion":"5"/)
  })

  it('keeps a last state of its own, in memory of its own', () => {
    const gone = entry(4, 'old')
    const last = encodeObject(object('last'))
    assert.ok(last.bytes.buffer.byteLength > last.bytes.length) // from a pool
    const deleted = gone.deletedAt(9, last)
    assert.equal(deleted.weight, last.bytes.length)
    assert.match(text(deleted.bytes), /"resourceVersion":"9".*"text":"last"/)
    assert.equal(deleted.bytes.buffer.byteLength, deleted.frame('DELETED').length)
  })
})
