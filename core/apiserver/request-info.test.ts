import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { requestInfo } from './request-info.ts'

type Expected = Readonly<Record<string, string>>

const CASES: readonly (readonly [method: string, url: string, expected: Expected])[] = [
  ['GET', '/api/v1/pods', { verb: 'list', group: '', version: 'v1', resource: 'pods', namespace: '', name: '' }],
  ['GET', '/api/v1/namespaces/a/pods/', { verb: 'list', resource: 'pods', namespace: 'a', name: '' }],
  ['GET', '/api/v1/namespaces/a/pods?watch=1', { verb: 'watch', resource: 'pods', namespace: 'a' }],
  ['GET', '/api/v1/namespaces/a/pods?watch=false', { verb: 'list' }],
  ['GET', '/api/v1/watch/namespaces/a/pods', { verb: 'watch', resource: 'pods', namespace: 'a' }],
  ['GET', '/api/v1/watch/namespaces/a/pods/b', { verb: 'watch', resource: 'pods', namespace: 'a', name: 'b' }],
  ['HEAD', '/api/v1/namespaces/a/pods/b', { verb: 'get', resource: 'pods', namespace: 'a', name: 'b', subresource: '' }],
  ['GET', '/api/v1/namespaces', { verb: 'list', resource: 'namespaces', namespace: '' }],
  ['GET', '/api/v1/namespaces/a', { verb: 'get', resource: 'namespaces', namespace: 'a', name: 'a' }],
  ['PUT', '/api/v1/namespaces/a/finalize', { verb: 'update', resource: 'namespaces', name: 'a', subresource: 'finalize' }],
  [
    'PUT',
    '/apis/apps/v1/namespaces/a/deployments/d/status',
    { verb: 'update', group: 'apps', resource: 'deployments', name: 'd', subresource: 'status' },
  ],
  ['DELETE', '/api/v1/namespaces/a/pods', { verb: 'deletecollection', resource: 'pods' }],
  ['DELETE', '/api/v1/namespaces/a/pods/b', { verb: 'delete', name: 'b' }],
  [
    'PATCH',
    '/apis/g.io/v1beta1/things/t',
    { verb: 'patch', group: 'g.io', version: 'v1beta1', resource: 'things', namespace: '', name: 't' },
  ],
  ['POST', '/api/v1/namespaces/a/pods/b/exec?command=sh', { verb: 'create', subresource: 'exec', name: 'b' }],
  [
    'GET',
    '/api/v1/nodes/n/proxy/stats/summary',
    { verb: 'get', resource: 'nodes', name: 'n', subresource: 'proxy', rest: 'stats/summary' },
  ],
  ['GET', '/api/v1/namespaces/a/pods?fieldSelector=metadata.name=b', { verb: 'list', name: 'b' }],
  ['GET', '/api/v1/namespaces/a/pods?fieldSelector=metadata.name!=b', { verb: 'list', name: '' }],
  ['GET', '/api/v1/clusterroles/system%3Anode', { name: 'system:node' }],
  ['GET', '/healthz', { kind: 'path', verb: 'get', path: '/healthz' }],
  ['GET', '/apis/apps/v1', { kind: 'path', path: '/apis/apps/v1' }],
  ['POST', '/', { kind: 'path', verb: 'post', path: '/' }],
]

describe('requestInfo', () => {
  for (const [method, url, expected] of CASES) {
    it(`reads ${method} ${url}`, () => {
      const [path = '', query] = url.split('?')
      const info: Readonly<Record<string, unknown>> = { ...requestInfo(method, path, new URLSearchParams(query)) }
      for (const [key, value] of Object.entries(expected)) assert.equal(info[key], value, key)
    })
  }
})
