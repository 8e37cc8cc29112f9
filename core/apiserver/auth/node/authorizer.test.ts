import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { FakeReader } from '../../../../tests/helpers/object-reader.ts'
import type { Attributes } from '../auth.ts'
import { createAuthorization } from '../authorizer.ts'

const user = { name: 'system:node:one', groups: ['system:nodes', 'system:authenticated'] }
const core = (resource: string): { group: string; resource: string } => ({ group: '', resource })

function ask(verb: string, resource: string, more: Partial<Extract<Attributes, { kind: 'resource' }>> = {}): Attributes {
  const [plural = '', subresource = ''] = resource.split('/')
  return { kind: 'resource', user, verb, group: '', version: 'v1', resource: plural, subresource, namespace: 'default', name: '', ...more }
}

describe('node authorizer', () => {
  let reader = new FakeReader()
  let { authorizer } = createAuthorization(reader, [])
  beforeEach(() => {
    reader = new FakeReader()
    authorizer = createAuthorization(reader, [{ verbs: ['get', 'list', 'watch'], apiGroups: [''], resources: ['services'] }]).authorizer
  })
  const allowed = (attributes: Attributes): boolean => authorizer.authorize(attributes).allowed
  const pod = (nodeName: string, more: object = {}): void => {
    reader.put(core('pods'), {
      metadata: { name: 'web', namespace: 'default' },
      spec: {
        nodeName,
        serviceAccountName: 'robot',
        containers: [
          {
            name: 'a',
            env: [{ name: 'x', valueFrom: { secretKeyRef: { name: 'env', key: 'k' } } }],
            envFrom: [{ configMapRef: { name: 'settings' } }],
          },
        ],
        volumes: [
          { name: 'v', secret: { secretName: 'vol' } },
          { name: 'd', persistentVolumeClaim: { claimName: 'data' } },
        ],
      },
      status: {},
      ...more,
    } as never)
  }

  it('lets a node see what its pods use, and only while they are there', () => {
    const secret = ask('get', 'secrets', { name: 'env' })
    assert.deepEqual(authorizer.authorize(secret), {
      allowed: false,
      reason: "no relationship found between node 'one' and this object",
    })
    pod('one')
    assert.equal(allowed(secret), true)
    assert.equal(allowed(ask('watch', 'secrets', { name: 'vol' })), true)
    assert.equal(allowed(ask('get', 'configmaps', { name: 'settings' })), true)
    assert.equal(allowed(ask('get', 'persistentvolumeclaims', { name: 'data' })), true)
    assert.equal(allowed(ask('create', 'serviceaccounts/token', { name: 'robot' })), true)
    assert.equal(allowed(ask('list', 'secrets')), false)
    assert.equal(allowed(ask('delete', 'secrets', { name: 'env' })), false)
    assert.equal(allowed(ask('get', 'secrets', { name: 'env', namespace: 'other' })), false)
    assert.equal(allowed(ask('get', 'secrets', { name: 'env', user: { ...user, name: 'system:node:two' } })), false)
    reader.remove(core('pods'), { namespace: 'default', name: 'web' })
    assert.equal(allowed(secret), false)
  })

  it('gives mirror pods no rights', () => {
    pod('one', { metadata: { name: 'web', namespace: 'default', annotations: { 'kubernetes.io/config.mirror': 'x' } } })
    assert.equal(allowed(ask('get', 'secrets', { name: 'env' })), false)
  })

  it('follows a claim to its volume and the secrets of that', () => {
    pod('one')
    reader.put(core('persistentvolumes'), {
      metadata: { name: 'pv' },
      spec: { claimRef: { namespace: 'default', name: 'data' }, csi: { nodeStageSecretRef: { name: 'csi', namespace: 'storage' } } },
    } as never)
    assert.equal(allowed(ask('get', 'persistentvolumes', { namespace: '', name: 'pv' })), true)
    assert.equal(allowed(ask('get', 'secrets', { namespace: 'storage', name: 'csi' })), true)
    assert.equal(allowed(ask('get', 'persistentvolumes', { namespace: '', name: 'other' })), false)
  })

  it('lets it list only its own pods, node and lease', () => {
    assert.equal(allowed(ask('list', 'pods', { namespace: '' })), false)
    assert.equal(allowed(ask('list', 'pods', { namespace: '', fieldSelector: 'spec.nodeName=one' })), true)
    assert.equal(allowed(ask('list', 'pods', { namespace: '', fieldSelector: 'spec.nodeName=two' })), false)
    assert.equal(allowed(ask('get', 'nodes', { namespace: '', name: 'one' })), true)
    assert.deepEqual(authorizer.authorize(ask('get', 'nodes', { namespace: '', name: 'two' })), {
      allowed: false,
      reason: "node 'one' cannot read 'two', only its own Node object",
    })
    const lease = { group: 'coordination.k8s.io', namespace: 'kube-node-lease' }
    assert.equal(allowed(ask('update', 'leases', { ...lease, name: 'one' })), true)
    assert.equal(allowed(ask('update', 'leases', { ...lease, name: 'two' })), false)
    assert.equal(allowed(ask('create', 'leases', { ...lease, namespace: 'default' })), false)
  })

  it('uses the fixed rules for the rest and has no opinion on other users', () => {
    assert.equal(allowed(ask('list', 'services', { namespace: '' })), true)
    assert.equal(allowed(ask('list', 'services', { user: { name: 'jane', groups: [] } })), false)
    assert.equal(
      authorizer.authorize(ask('list', 'services', { user: { name: 'system:node:', groups: ['system:nodes'] } })).reason,
      'unknown node for user "system:node:"',
    )
  })
})
