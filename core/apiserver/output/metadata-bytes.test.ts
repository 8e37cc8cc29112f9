import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { metadataBytes } from './metadata-bytes.ts'

const METADATA: readonly unknown[] = [
  { resourceVersion: '12', name: 'a' },
  { resourceVersion: '1', annotations: { text: 'a "quoted" } brace { and \\' }, name: 'b' },
  { resourceVersion: '1', managedFields: [{ fieldsV1: { 'f:spec': { 'k:{"name":"x"}': { '.': {} } } } }] },
  { resourceVersion: '', annotations: { end: '\\"}\\\\' } },
]

describe('metadataBytes', () => {
  for (const metadata of METADATA) {
    it(`cuts ${JSON.stringify(metadata)}`, () => {
      const object = Buffer.from(JSON.stringify({ kind: 'A', apiVersion: 'v1', metadata, spec: { metadata: { x: 1 } } }))
      assert.deepEqual(JSON.parse(metadataBytes(object).toString()), metadata)
    })
  }
})
