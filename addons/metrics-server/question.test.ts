import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formOf, questionOf } from './question.ts'

const BASE = '/apis/metrics.k8s.io/v1beta1'
const ask = (path: string, method = 'GET'): unknown => {
  const { verb, reads, target } = questionOf(method, new URL(path, 'https://x'))
  return [verb, reads, target && `${target.resource} ${target.namespace}/${target.name}`]
}

describe('questionOf', () => {
  it('knows nodes and pods, one and all', () => {
    assert.deepEqual(ask(`${BASE}/nodes`), ['list', true, 'nodes /'])
    assert.deepEqual(ask(`${BASE}/nodes/n1`), ['get', true, 'nodes /n1'])
    assert.deepEqual(ask(`${BASE}/pods/`), ['list', true, 'pods /'])
    assert.deepEqual(ask(`${BASE}/namespaces/default/pods`), ['list', true, 'pods default/'])
    assert.deepEqual(ask(`${BASE}/namespaces/default/pods/a%20b`), ['get', true, 'pods default/a b'])
    assert.deepEqual(ask(`${BASE}/namespaces/%E0/pods`), ['list', true, 'pods %E0/'])
  })

  it('tells apart what reads and what does not', () => {
    assert.deepEqual(ask(`${BASE}/nodes`, 'DELETE'), ['delete', false, 'nodes /'])
    assert.deepEqual(ask(`${BASE}/pods?watch=true`), ['watch', false, 'pods /'])
    assert.deepEqual(ask(`${BASE}/pods?watch=0`), ['list', true, 'pods /'])
  })

  it('leaves paths that are no resources to others, and refuses resources that there are not', () => {
    for (const path of [BASE, `${BASE}/`, '/apis', '/openapi/v2', '/']) assert.deepEqual(ask(path), ['get', true, undefined], path)
    for (const path of ['widgets', 'pods/web', 'namespaces/default', 'namespaces/default/nodes', 'nodes/n1/proxy'])
      assert.throws(() => ask(`${BASE}/${path}`), /could not find the requested resource/, path)
  })
})

describe('formOf', () => {
  const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io'

  it('takes the first form that there is', () => {
    assert.equal(formOf(), 'Plain')
    assert.equal(formOf('application/vnd.kubernetes.protobuf, */*'), 'Plain')
    assert.equal(formOf(`${TABLE},application/json`), 'Metadata')
    assert.equal(formOf(TABLE, new URLSearchParams('includeObject=None')), 'None')
    assert.equal(formOf('application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json'), 'Plain')
  })

  it('refuses when there is none', () => {
    assert.throws(() => formOf('application/vnd.kubernetes.protobuf'), /only the following media types are accepted/)
  })
})
