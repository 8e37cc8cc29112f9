import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CachedEntry } from '../cache/cached-entry.ts'
import { Change } from '../cache/change.ts'
import { encodeObject } from '../cache/splice.ts'
import { RESOURCES } from '../resources/index.ts'
import { type EventOutput, eventOutput } from './event-output.ts'
import { negotiate } from './form.ts'

const ACCEPT = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1'

function metadataWatch(): EventOutput {
  const def = RESOURCES.find(({ resource, group }) => resource === 'secrets' && group === '')
  assert.ok(def)
  return eventOutput({ def, form: negotiate(ACCEPT, { endpoint: 'watch', protobuf: true }), include: 'Metadata', now: () => 0 })
}

function createdSecret() {
  const metadata = {
    name: 's',
    namespace: 'default',
    uid: 'u',
    creationTimestamp: '2026-01-01T00:00:00Z',
    deletionTimestamp: '2026-01-02T00:00:00Z',
    finalizers: ['a/b'],
    ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'o', blockOwnerDeletion: true }],
  }
  const { bytes } = encodeObject({ kind: 'Secret', apiVersion: 'v1', metadata, data: { key: 'dmFsdWU=' } } as never)
  const entry = new CachedEntry(
    { namespace: 'default', name: 's', key: 'default/s', bytes, modRevision: 7, createRevision: 7, type: 'ADDED' },
    { selectableFields: undefined, freeze: false },
  )
  const event = new Change(7, undefined, { next: entry }).eventFor(undefined)
  assert.ok(event)
  return { event, metadata }
}

describe('events in the metadata form', () => {
  it('hold all of the metadata and nothing else', () => {
    const { event, metadata } = createdSecret()
    const frame = JSON.parse(Buffer.from(metadataWatch().event(event)).toString()) as unknown
    const object = { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: { resourceVersion: '7', ...metadata } }
    assert.deepEqual(frame, { type: 'ADDED', object })
  })

  it('are shared by the watchers of one commit and do not stay with the history', async () => {
    const { event } = createdSecret()
    const frame = metadataWatch().event(event)
    assert.equal(metadataWatch().event(event), frame)
    await new Promise((resolve) => setImmediate(resolve))
    const later = metadataWatch().event(event)
    assert.notEqual(later, frame)
    assert.deepEqual(later, frame)
  })
})
