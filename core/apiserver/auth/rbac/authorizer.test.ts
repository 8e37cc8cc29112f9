import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { FakeReader } from '../../../../tests/helpers/object-reader.ts'
import type { PolicyRule, RoleRef, Subject } from '../../../api/types/rbac-v1.ts'
import type { Attributes, UserInfo } from '../auth.ts'
import { createAuthorization } from '../authorizer.ts'
import { forbiddenError } from '../forbidden.ts'
import { RbacAuthorizer } from './authorizer.ts'
import { BindingIndex } from './binding-index.ts'
import { uncovered } from './cover.ts'
import { assertMayBind, assertMayGrant } from './escalation.ts'

const GROUP = 'rbac.authorization.k8s.io'
const type = (resource: string): { group: string; resource: string } => ({ group: GROUP, resource })
const jane: UserInfo = { name: 'jane', groups: ['devs', 'system:authenticated'] }
const ref = (kind: string, name: string): RoleRef => ({ apiGroup: GROUP, kind, name })

function ask(verb: string, resource: string, more: Partial<Extract<Attributes, { kind: 'resource' }>> = {}): Attributes {
  const [name = '', subresource = ''] = resource.split('/')
  return {
    kind: 'resource',
    user: jane,
    verb,
    group: '',
    version: 'v1',
    resource: name,
    subresource,
    namespace: 'default',
    name: '',
    ...more,
  }
}

describe('RBAC', () => {
  let reader = new FakeReader()
  let rbac = new RbacAuthorizer(new BindingIndex(reader))
  beforeEach(() => {
    reader = new FakeReader()
    rbac = new RbacAuthorizer(new BindingIndex(reader))
  })
  const role = (name: string, rules: readonly PolicyRule[], namespace?: string): unknown =>
    reader.put(type(namespace === undefined ? 'clusterroles' : 'roles'), {
      metadata: { name, ...(namespace !== undefined && { namespace }) },
      rules,
    } as never)
  const bind = (name: string, roleRef: RoleRef, subjects: readonly Subject[], namespace?: string): unknown =>
    reader.put(type(namespace === undefined ? 'clusterrolebindings' : 'rolebindings'), {
      metadata: { name, ...(namespace !== undefined && { namespace }) },
      roleRef,
      subjects,
    } as never)

  const user = (name: string): Subject => ({ kind: 'User', name, apiGroup: GROUP })

  for (const { title, rules, yes, no } of [
    {
      title: 'a plain resource does not cover its subresources',
      rules: [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }],
      yes: [ask('get', 'pods')],
      no: [ask('get', 'pods/log'), ask('list', 'pods'), ask('get', 'pods', { group: 'metrics.k8s.io' })],
    },
    {
      title: '*/scale covers that subresource of all',
      rules: [{ verbs: ['update'], apiGroups: ['*'], resources: ['*/scale'] }],
      yes: [ask('update', 'deployments/scale', { group: 'apps' })],
      no: [ask('update', 'deployments', { group: 'apps' }), ask('update', 'deployments/status', { group: 'apps' })],
    },
    {
      title: '* covers everything of a group',
      rules: [{ verbs: ['*'], apiGroups: ['apps'], resources: ['*'] }],
      yes: [ask('delete', 'deployments/status', { group: 'apps' })],
      no: [ask('get', 'pods')],
    },
    {
      title: 'names narrow',
      rules: [{ verbs: ['get'], apiGroups: [''], resources: ['configmaps'], resourceNames: ['a', 'b'] }],
      yes: [ask('get', 'configmaps', { name: 'a' }), ask('get', 'configmaps', { name: 'b' })],
      no: [ask('get', 'configmaps', { name: 'c' }), ask('list', 'configmaps')],
    },
    {
      title: 'paths match exactly or by prefix',
      rules: [{ verbs: ['get'], nonResourceURLs: ['/healthz', '/apis/*'] }],
      yes: [
        { kind: 'path', user: jane, verb: 'get', path: '/healthz' },
        { kind: 'path', user: jane, verb: 'get', path: '/apis/apps/v1' },
      ],
      no: [
        { kind: 'path', user: jane, verb: 'get', path: '/healthz/etcd' },
        { kind: 'path', user: jane, verb: 'post', path: '/healthz' },
      ],
    },
  ] satisfies readonly { title: string; rules: readonly PolicyRule[]; yes: readonly Attributes[]; no: readonly Attributes[] }[]) {
    it(title, () => {
      role('r', rules)
      bind('b', ref('ClusterRole', 'r'), [user('jane')])
      // Twice: the second answer comes from memory.
      for (const attributes of [...yes, ...yes]) assert.equal(rbac.authorize(attributes).allowed, true, JSON.stringify(attributes))
      for (const attributes of [...no, ...no]) assert.equal(rbac.authorize(attributes).allowed, false, JSON.stringify(attributes))
    })
  }

  it('keeps a role binding inside its namespace and says why it allows', () => {
    role('reader', [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }])
    bind('devs-read', ref('ClusterRole', 'reader'), [{ kind: 'Group', name: 'devs', apiGroup: GROUP }], 'default')
    assert.equal(
      rbac.authorize(ask('get', 'pods')).reason,
      'RBAC: allowed by RoleBinding "devs-read/default" of ClusterRole "reader" to Group "devs"',
    )
    assert.equal(rbac.authorize(ask('get', 'pods', { namespace: 'other' })).allowed, false)
    assert.equal(rbac.authorize(ask('get', 'pods', { namespace: '' })).allowed, false)
  })

  it('knows service accounts by namespace and name', () => {
    role('r', [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }])
    bind('b', ref('ClusterRole', 'r'), [{ kind: 'ServiceAccount', name: 'robot', namespace: 'ops' }])
    const robot = { name: 'system:serviceaccount:ops:robot', groups: [] }
    assert.equal(
      rbac.authorize(ask('get', 'pods', { user: robot })).reason,
      'RBAC: allowed by ClusterRoleBinding "b" of ClusterRole "r" to ServiceAccount "robot/ops"',
    )
    assert.equal(rbac.authorize(ask('get', 'pods', { user: { name: 'system:serviceaccount:x:robot', groups: [] } })).allowed, false)
  })

  it('follows changes of roles and bindings at once', () => {
    assert.equal(rbac.authorize(ask('get', 'pods')).allowed, false)
    bind('b', ref('Role', 'r'), [user('jane')], 'default')
    assert.deepEqual(rbac.authorize(ask('get', 'pods')), { allowed: false, reason: `RBAC: role.${GROUP} "r" not found` })
    role('r', [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }], 'default')
    assert.equal(rbac.authorize(ask('get', 'pods')).allowed, true)
    bind('b', ref('Role', 'r'), [user('john')], 'default')
    assert.equal(rbac.authorize(ask('get', 'pods')).allowed, false)
    bind('b', ref('Role', 'r'), [user('jane')], 'default')
    reader.remove(type('rolebindings'), { namespace: 'default', name: 'b' })
    assert.equal(rbac.authorize(ask('get', 'pods')).allowed, false)
  })

  it('refuses in the words of Kubernetes', () => {
    assert.equal(
      forbiddenError(ask('list', 'pods'), '').message,
      'pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "default"',
    )
    assert.equal(
      forbiddenError(ask('get', 'nodes/proxy', { namespace: '', name: 'one' }), 'why').message,
      'nodes "one" is forbidden: User "jane" cannot get resource "nodes/proxy" in API group "" at the cluster scope: why',
    )
    assert.deepEqual(forbiddenError({ kind: 'path', user: jane, verb: 'get', path: '/metrics' }, '').toStatus(), {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: 'forbidden: User "jane" cannot get path "/metrics"',
      reason: 'Forbidden',
      code: 403,
    })
  })

  describe('escalation', () => {
    const target = { user: jane, resource: 'roles', namespace: 'default', name: 'new' } as const
    const secrets: PolicyRule = { verbs: ['get', 'list'], apiGroups: [''], resources: ['secrets', 'pods'] }

    it('lists the missing rights', () => {
      const { authorizer, rules } = createAuthorization(reader, [])
      role('r', [{ verbs: ['get', 'list'], apiGroups: [''], resources: ['pods'] }])
      bind('b', ref('ClusterRole', 'r'), [user('jane')])
      assert.throws(
        () => {
          assertMayGrant(target, { rules: [secrets], aggregationRule: undefined }, { authorizer, rules })
        },
        {
          message: `roles.${GROUP} "new" is forbidden: user "jane" (groups=["devs" "system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list"]}`,
        },
      )
    })

    it('passes with the rights themselves, with the verb, and for masters', () => {
      const { authorizer, rules } = createAuthorization(reader, [])
      const deps = { authorizer, rules }
      const grant = (): void => {
        assertMayGrant(target, { rules: [secrets], aggregationRule: undefined }, deps)
      }
      assert.throws(grant)
      role('r', [{ verbs: ['escalate'], apiGroups: [GROUP], resources: ['roles'] }])
      bind('b', ref('ClusterRole', 'r'), [user('jane')])
      grant()
      role('r', [{ verbs: ['*'], apiGroups: [''], resources: ['*'] }])
      grant()
      assertMayGrant({ ...target, user: { name: 'x', groups: ['system:masters'] } }, { rules: [secrets], aggregationRule: {} }, deps)
    })

    it('asks for bind, or for the rights of the role', () => {
      const { authorizer, rules } = createAuthorization(reader, [])
      const deps = { authorizer, rules }
      role('wide', [secrets])
      const binding = (): void => {
        assertMayBind({ ...target, resource: 'rolebindings' }, ref('ClusterRole', 'wide'), deps)
      }
      assert.throws(binding, /rolebindings.*attempting to grant/)
      role('r', [{ verbs: ['bind'], apiGroups: [GROUP], resources: ['clusterroles'], resourceNames: ['wide'] }])
      bind('b', ref('ClusterRole', 'r'), [user('jane')])
      binding()
      assert.throws(() => {
        assertMayBind({ ...target, resource: 'rolebindings' }, ref('Role', 'gone'), deps)
      }, /role.*"gone" not found/)
    })

    it('does not take rights on names for rights on all', () => {
      const named: PolicyRule = { verbs: ['get'], apiGroups: [''], resources: ['pods'], resourceNames: ['a'] }
      const all: PolicyRule = { verbs: ['get'], apiGroups: [''], resources: ['pods'] }
      assert.equal(uncovered([named], [all]).length, 1)
      assert.equal(uncovered([all], [named]).length, 0)
      assert.equal(uncovered([{ verbs: ['*'], nonResourceURLs: ['/a*'] }], [{ verbs: ['get'], nonResourceURLs: ['/ab', '/b'] }]).length, 1)
      assert.equal(
        uncovered(
          [{ verbs: ['*'], apiGroups: ['*'], resources: ['*/scale'] }],
          [{ verbs: ['get'], apiGroups: ['apps'], resources: ['deployments/scale'] }],
        ).length,
        0,
      )
    })
  })
})
