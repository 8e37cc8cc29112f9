import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ObjectReader } from '../admission/admission.ts'
import type { UserInfo } from '../auth/auth.ts'
import { flowControlObjects } from '../bootstrap/flow-control.ts'
import { requestInfo } from '../request-info.ts'
import { createFlowClassifier } from './classifier.ts'

/** The objects that every cluster has, with their names as uids. */
function reader(): ObjectReader {
  const objects = flowControlObjects().map((object) => ({ ...object, metadata: { ...object.metadata, uid: object.metadata.name } }))
  const of = (resource: string): typeof objects => objects.filter(({ kind }) => `${kind.toLowerCase()}s` === resource)
  return {
    get: (type, _namespace, name) => of(type.resource).find(({ metadata }) => metadata.name === name) as never,
    list: (type) => of(type.resource) as never,
    onChange: () => () => undefined,
  }
}

const user = (name: string, ...groups: string[]): UserInfo => ({ name, groups: [...groups, 'system:authenticated'] })

const CASES: readonly (readonly [who: UserInfo, method: string, path: string, schema: string])[] = [
  [user('admin', 'system:masters'), 'GET', '/api/v1/pods', 'exempt'],
  [user('jane'), 'GET', '/api/v1/pods', 'global-default'],
  [user('jane'), 'GET', '/healthz', 'probes'],
  [user('system:node:a', 'system:nodes'), 'PUT', '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/a', 'system-node-high'],
  [user('system:node:a', 'system:nodes'), 'GET', '/api/v1/namespaces/default/pods', 'system-nodes'],
  [
    user('system:serviceaccount:kube-system:x', 'system:serviceaccounts', 'system:serviceaccounts:kube-system'),
    'GET',
    '/api/v1/pods',
    'kube-system-service-accounts',
  ],
  [
    user('system:serviceaccount:default:x', 'system:serviceaccounts', 'system:serviceaccounts:default'),
    'GET',
    '/api/v1/pods',
    'service-accounts',
  ],
  [{ name: 'system:anonymous', groups: ['system:unauthenticated'] }, 'GET', '/livez', 'probes'],
  [{ name: 'system:anonymous', groups: ['system:unauthenticated'] }, 'GET', '/secret', 'global-default'],
]

describe('a request', () => {
  const classify = createFlowClassifier(reader())
  for (const [who, method, path, schema] of CASES) {
    it(`${method} ${path} of ${who.name} belongs to ${schema}`, () => {
      const info = requestInfo(method, path, new URLSearchParams())
      for (let again = 0; again < 2; again += 1) assert.equal(classify(who, info)?.['x-kubernetes-pf-flowschema-uid'], schema)
    })
  }
})
