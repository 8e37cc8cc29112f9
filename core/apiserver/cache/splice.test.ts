import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeObject, frameOf, frameWithRevision, objectOfFrame, sameButRevision, withRevision } from './splice.ts'

const pod = {
  metadata: {
    name: 'ü',
    uid: 'u',
    creationTimestamp: '2026-01-01T00:00:00Z',
    resourceVersion: '99',
    annotations: { trap: '"metadata":{"resourceVersion":"' },
  },
  spec: { text: 'für' },
  apiVersion: 'v1',
  kind: 'Pod',
  status: undefined,
}

describe('bytes with the revision put in', () => {
  it('have kind, apiVersion and an empty resourceVersion first, whatever the order and revision of the object', () => {
    const { bytes, object } = encodeObject(pod)
    assert.match(Buffer.from(bytes).toString(), /^\{"kind":"Pod","apiVersion":"v1","metadata":\{"resourceVersion":"","name":"ü","uid":"u",/)
    assert.equal(object.metadata.resourceVersion, '')
    assert.deepEqual(JSON.parse(Buffer.from(bytes).toString()), {
      ...JSON.parse(JSON.stringify(pod)),
      metadata: { ...pod.metadata, resourceVersion: '' },
    })
  })

  for (const revision of [1, 4096, Number.MAX_SAFE_INTEGER]) {
    it(`carry revision ${revision}, first and in place of another`, () => {
      const first = withRevision(encodeObject(pod).bytes, 7)
      for (const from of [encodeObject(pod).bytes, first]) {
        const parsed = JSON.parse(withRevision(from, revision).toString()) as typeof pod
        assert.deepEqual(parsed, { ...JSON.parse(JSON.stringify(pod)), metadata: { ...pod.metadata, resourceVersion: String(revision) } })
      }
    })
  }

  for (const type of ['ADDED', 'MODIFIED', 'DELETED'] as const) {
    it(`are a part of their ${type} frame`, () => {
      const frame = frameWithRevision(type, encodeObject(pod).bytes, 12)
      const object = objectOfFrame(type, frame)
      assert.equal(object.buffer, frame.buffer)
      assert.deepEqual(object, withRevision(encodeObject(pod).bytes, 12))
      assert.deepEqual(frameOf(type, object), frame)
      assert.equal(frame.toString(), `{"type":"${type}","object":${object.toString()}}\n`)
    })
  }

  it('are the same but for the revision only when everything else is', () => {
    const a = withRevision(encodeObject(pod).bytes, 9)
    assert.ok(sameButRevision(a, encodeObject(pod).bytes))
    assert.ok(sameButRevision(encodeObject(pod).bytes, withRevision(a, 10_000)))
    const changed = { ...pod, spec: { text: 'fur' } }
    assert.ok(!sameButRevision(a, encodeObject({ ...pod, kind: 'Bod' }).bytes))
    assert.ok(!sameButRevision(a, encodeObject(changed).bytes))
    assert.ok(!sameButRevision(a, encodeObject({ ...pod, ...{ more: 1 } }).bytes))
  })

  it('break on bytes without a place for it', () => {
    assert.throws(() => withRevision(Buffer.from('{"metadata":{}}'), 1), /place for the revision/)
  })
})
