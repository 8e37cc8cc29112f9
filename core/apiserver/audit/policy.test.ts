import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Policy } from '../../api/types/audit-v1.ts'
import { requestInfo } from '../request-info.ts'
import { auditRules } from './match.ts'
import { readAuditPolicy } from './policy.ts'

function read(policy: object): Policy {
  return readAuditPolicy({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', ...policy })
}

const jane = { name: 'jane', groups: ['devs'] }
const NOBODY = { name: '', groups: [] }

function infoOf(method: string, url: string): ReturnType<typeof requestInfo> {
  const [path = '', query] = url.split('?')
  return requestInfo(method, path, new URLSearchParams(query))
}

/** Whether a policy of this one rule wants the request. */
function fits(rule: object, request: string, user = jane): boolean {
  const [method = '', url = ''] = request.split(' ')
  return auditRules(read({ rules: [{ level: 'Metadata', ...rule }] }))(user, infoOf(method, url)).level !== 'None'
}

describe('an audit policy', () => {
  for (const [title, policy, expected] of [
    ['level', { rules: [{ level: 'All' }] }, /^rules\[0\]\.level: Unsupported value: "All": supported values: "Metadata", "None"/],
    ['no level', { rules: [{ users: ['a'] }] }, /^rules\[0\]\.level: Required value$/],
    [
      'stage',
      { rules: [{ level: 'None', omitStages: ['X'] }] },
      /^rules\[0\]\.omitStages\[0\]: Invalid value: "X": allowed stages are Req/,
    ],
    ['stage of all', { omitStages: ['X'], rules: [{ level: 'None' }] }, /^omitStages\[0\]: Invalid value: "X"/],
    [
      'resources and paths',
      { rules: [{ level: 'None' }, { level: 'None', namespaces: ['a'], nonResourceURLs: ['/x'] }] },
      /^rules\[1\]\.nonResourceURLs: Invalid value: \["\/x"\]: rules cannot apply to both regular resources and non-resource URLs$/,
    ],
    [
      'paths',
      { rules: [{ level: 'None', nonResourceURLs: ['*', 'x', '/a*b'] }] },
      /^rules\[0\]\.nonResourceURLs\[1\]: .* must begin with a '\/' character; rules\[0\]\.nonResourceURLs\[2\]: .*must be the final/,
    ],
    ['group', { rules: [{ level: 'None', resources: [{ group: 'A/v1' }] }] }, /^rules\[0\]\.resources\[0\]\.group: Invalid value: "A\/v1"/],
    [
      'names alone',
      { rules: [{ level: 'None', resources: [{ resourceNames: ['a'] }] }] },
      /^rules\[0\]\.resources\[0\]\.resourceNames: Invalid value: \["a"\]: using resourceNames requires at least one resource$/,
    ],
    ['unknown field', { rules: [{ level: 'None', user: ['a'] }] }, /^unknown field "rules\[0\]\.user"$/],
    ['type', { rules: [{ level: 'None', users: 'a' }] }, /users/],
    ['no rules', {}, /^rules: Required value/],
    ['version', { apiVersion: 'audit.k8s.io/v1beta1', rules: [] }, /^want apiVersion audit\.k8s\.io\/v1 .*got "audit\.k8s\.io\/v1beta1"/],
  ] as const) {
    it(`is refused for its ${title}`, () => {
      assert.throws(() => read(policy), { message: expected })
    })
  }

  it('that is empty or no object is refused', () => {
    for (const document of [undefined, null, [], 'x']) assert.throws(() => readAuditPolicy(document), /want apiVersion/)
  })
})

describe('a rule', () => {
  const PODS = '/api/v1/namespaces/default/pods'
  const resources = (names: readonly string[], more: object = {}): object => ({ resources: [{ group: '', resources: names, ...more }] })
  for (const [title, rule, yes, no] of [
    ['alone fits everything', {}, [`GET ${PODS}`, 'GET /healthz'], []],
    ['names verbs', { verbs: ['watch', 'get'] }, [`GET ${PODS}?watch=1`, `GET ${PODS}/a`, 'GET /healthz'], [`GET ${PODS}`, `POST ${PODS}`]],
    ['names namespaces', { namespaces: ['default'] }, [`GET ${PODS}`], ['GET /api/v1/nodes', 'GET /healthz', 'GET /api/v1/pods']],
    ['names what has no namespace', { namespaces: [''] }, ['GET /api/v1/nodes', 'GET /api/v1/pods'], [`GET ${PODS}`]],
    ['names a group', { resources: [{ group: 'apps' }] }, ['GET /apis/apps/v1/deployments'], [`GET ${PODS}`]],
    ['names the core group', { resources: [{ group: '' }] }, [`GET ${PODS}`, `GET ${PODS}/a/log`], ['GET /apis/apps/v1/deployments']],
    ['names a resource', resources(['pods']), [`GET ${PODS}`], [`GET ${PODS}/a/log`, 'GET /api/v1/nodes']],
    ['names a subresource', resources(['pods/log']), [`GET ${PODS}/a/log`], [`GET ${PODS}/a`, `GET ${PODS}/a/exec`]],
    ['names all subresources', resources(['pods/*']), [`GET ${PODS}/a/log`, `GET ${PODS}/a`], ['GET /api/v1/nodes/a/status']],
    ['names a subresource of all', resources(['*/status']), ['GET /api/v1/nodes/a/status'], ['GET /api/v1/nodes/a']],
    ['names all resources', resources(['*']), [`GET ${PODS}/a/log`], ['GET /apis/apps/v1/deployments']],
    ['names objects', resources(['pods'], { resourceNames: ['a'] }), [`GET ${PODS}/a`], [`GET ${PODS}/b`, `GET ${PODS}`]],
    [
      'names paths',
      { nonResourceURLs: ['/healthz*', '/version'] },
      ['GET /healthz/etcd', 'GET /version'],
      ['GET /version/x', `GET ${PODS}`],
    ],
    ['names all paths', { nonResourceURLs: ['*'] }, ['GET /anything', 'GET /api/v1'], [`GET ${PODS}`]],
  ] as const) {
    it(title, () => {
      for (const request of yes) assert.equal(fits(rule, request), true, request)
      for (const request of no) assert.equal(fits(rule, request), false, request)
    })
  }

  it('names users and their groups', () => {
    assert.equal(fits({ users: ['joe', 'jane'] }, `GET ${PODS}`), true)
    assert.equal(fits({ users: ['joe'] }, `GET ${PODS}`), false)
    assert.equal(fits({ userGroups: ['ops', 'devs'] }, `GET ${PODS}`), true)
    assert.equal(fits({ userGroups: ['ops'] }, `GET ${PODS}`), false)
    assert.equal(fits({ users: ['jane'], userGroups: ['ops'] }, `GET ${PODS}`), false)
    assert.equal(fits({ users: ['jane'] }, 'GET /healthz', NOBODY), false)
  })

  it('that fits first decides; stages of all rules are left out too', () => {
    const rules = auditRules(
      read({
        omitStages: ['RequestReceived'],
        omitManagedFields: true,
        rules: [
          { level: 'None', verbs: ['list'] },
          { level: 'Request', omitStages: ['Panic'], omitManagedFields: false, users: ['jane'] },
          { level: 'RequestResponse', nonResourceURLs: ['/x'] },
        ],
      }),
    )
    assert.equal(rules(jane, infoOf('GET', PODS)).level, 'None')
    const second = rules(jane, infoOf('GET', `${PODS}/a`))
    assert.deepEqual([second.level, [...second.omitStages], second.omitManagedFields], ['Request', ['RequestReceived', 'Panic'], false])
    assert.deepEqual(rules(NOBODY, infoOf('GET', '/x')).omitManagedFields, true)
    assert.equal(rules(NOBODY, infoOf('GET', '/y')).level, 'None')
  })
})
