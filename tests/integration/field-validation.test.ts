/* eslint-disable @typescript-eslint/no-unsafe-member-access, @typescript-eslint/no-unsafe-argument -- answers of every kind are looked into */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { startTestApiServer, type TestApiServer } from '../helpers/api-server.ts'
import { callsTo, type Engine } from '../helpers/engine.ts'
import { eventually } from '../helpers/eventually.ts'

const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
const THINGS = '/apis/fields.example.com/v1/things'
const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments'
const APPLY = { headers: { 'content-type': 'application/apply-patch+yaml' } }

/** What the conformance tests "FieldValidation" and "Table transformation" ask for. */
describe('fieldValidation=Strict', () => {
  let server: TestApiServer
  let call: Engine['call']
  before(async () => {
    server = await startTestApiServer()
    call = callsTo(server.api.handle)
    const object = (properties: object, more: object = {}): object => ({ type: 'object', properties, ...more })
    const template = object(
      { metadata: object({ name: { type: 'string' } }), spec: { type: 'object' } },
      { 'x-kubernetes-embedded-resource': true },
    )
    const schema = object({
      spec: object({ foo: { type: 'string' }, cronSpec: { type: 'string' }, template }, { 'x-kubernetes-preserve-unknown-fields': true }),
    })
    await call('POST', CRDS, {
      metadata: { name: 'things.fields.example.com' },
      spec: {
        group: 'fields.example.com',
        scope: 'Cluster',
        names: { plural: 'things', kind: 'Thing' },
        versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } }],
      },
    })
    await eventually(async () => assert.equal((await call('GET', THINGS)).status, 200))
  })
  after(async () => {
    await server[Symbol.asyncDispose]()
  })

  it('tells unknown and duplicate fields of a built-in kind in the order of the text', async () => {
    const text = `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d","unknownMeta":"x"},"spec":{"unknownField":"foo","replicas":2,
      "replicas":3,"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"a","image":"x"}]}}}}`
    const refused = await call('POST', `${DEPLOYMENTS}?fieldValidation=Strict`, text)
    assert.equal(refused.status, 400)
    assert.equal(
      refused.json.message,
      'Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: unknown field "metadata.unknownMeta", unknown field "spec.unknownField", duplicate field "spec.replicas"',
    )
    const warned = await call('POST', `${DEPLOYMENTS}?fieldValidation=Warn&dryRun=All`, text)
    assert.equal(warned.status, 201)
    assert.match(warned.headers['warning'] ?? '', /duplicate field \\"spec\.replicas\\"/)
  })

  const applied = (validation: string, lines: string): ReturnType<typeof call> =>
    call(
      'PATCH',
      `${THINGS}/one?fieldManager=m&dryRun=All&fieldValidation=${validation}`,
      `apiVersion: fields.example.com/v1\nkind: Thing\nmetadata:\n  name: one\n${lines}`,
      APPLY,
    )

  it('tells keys that stand twice in applied YAML, where others let the last one count', async () => {
    const lines = 'spec:\n  unknown: uk1\n  foo: foo1\n  foo: foo2\n'
    const refused = await applied('Strict', lines)
    assert.equal(refused.status, 400)
    assert.match(refused.json.message, /^error strict decoding YAML: .*\n {2}line 8: key "foo" already set in map$/)
    const warned = await applied('Warn', lines)
    assert.equal(warned.json.spec.foo, 'foo2')
    assert.match(warned.headers['warning'] ?? '', /line 8: key/)
    assert.equal((await applied('Ignore', lines)).headers['warning'], undefined)
  })

  it('lets nothing be applied that the schema does not know, also in metadata of embedded objects', async () => {
    assert.match((await applied('Strict', 'unknownField: x\n')).text, /\.unknownField: field not declared in schema/)
    const embedded = 'spec:\n  template:\n    apiVersion: v1\n    kind: Sub\n    metadata:\n      unknownSubMeta: x\n'
    assert.match((await applied('Strict', embedded)).text, /\.spec\.template\.metadata\.unknownSubMeta: field not declared in schema/)
    assert.equal((await applied('Strict', 'spec:\n  anything: goes\n')).status, 201)
  })

  it('kinds that only answer have no table form', async () => {
    const review = { spec: { resourceAttributes: { verb: 'get', resource: 'pods' } } }
    const table = { headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' } }
    const refused = await call('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', review, table)
    assert.deepEqual([refused.status, refused.json.reason], [406, 'NotAcceptable'])
    const either = { headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' } }
    assert.equal((await call('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', review, either)).status, 201)
  })
})
