import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isReason } from '../../meta/status-error.ts'
import { JSON_OBJECT, negotiate, type Offer, type OutputForm } from './form.ts'

const OBJECT: Offer = { endpoint: 'object', protobuf: true }
const LIST: Offer = { endpoint: 'list', protobuf: true }
const CUSTOM_LIST: Offer = { endpoint: 'list', protobuf: false }
const KUBECTL = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json'

const CASES: readonly (readonly [title: string, accept: string | undefined, offer: Offer, form: Partial<OutputForm>])[] = [
  ['no header', undefined, OBJECT, { encoding: 'json', shape: 'object' }],
  ['anything', '*/*', OBJECT, { encoding: 'json', shape: 'object' }],
  ['what kubectl get sends', KUBECTL, LIST, { encoding: 'json', shape: 'table', metaVersion: 'v1' }],
  [
    'an unknown transformation before a known type',
    'application/json;as=Chair;v=v1;g=meta.k8s.io,application/json',
    LIST,
    { shape: 'object' },
  ],
  ['protobuf first', 'application/vnd.kubernetes.protobuf,application/json', LIST, { encoding: 'protobuf' }],
  ['protobuf first for a custom kind', 'application/vnd.kubernetes.protobuf,application/json', CUSTOM_LIST, { encoding: 'json' }],
  [
    'metadata of a custom kind in protobuf',
    'application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io',
    CUSTOM_LIST,
    { encoding: 'protobuf', shape: 'metadata' },
  ],
  ['weights', 'application/json;q=0.5, application/yaml;q=0.9', OBJECT, { encoding: 'yaml' }],
  ['one object as metadata', 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io', OBJECT, { shape: 'metadata' }],
]

describe('negotiate', () => {
  for (const [title, accept, offer, expected] of CASES) {
    it(`understands ${title}`, () => {
      const form: Readonly<Record<string, unknown>> = { ...negotiate(accept, offer) }
      for (const [key, value] of Object.entries(expected)) assert.equal(form[key], value, key)
    })
  }

  it('answers equal requests with the same form', () => {
    assert.equal(negotiate('application/json', OBJECT), JSON_OBJECT)
    assert.equal(negotiate(KUBECTL, LIST), negotiate(KUBECTL, LIST))
  })

  for (const accept of ['text/html', 'application/vnd.kubernetes.protobuf', 'application/cbor']) {
    it(`refuses ${accept} for a custom kind`, () => {
      assert.throws(
        () => negotiate(accept, CUSTOM_LIST),
        (err) =>
          isReason(err, 'NotAcceptable') &&
          err.message === 'only the following media types are accepted: application/json, application/yaml',
      )
    })
  }
})
