import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { type Write, writeOf } from '../../../../tests/helpers/admission.ts'
import { FakeReader } from '../../../../tests/helpers/object-reader.ts'
import { nodeRestriction } from './node-restriction.ts'

const user = { name: 'system:node:one', groups: ['system:nodes', 'system:authenticated'] }
const core = (resource: string): { group: string; resource: string } => ({ group: '', resource })

describe('NodeRestriction', () => {
  let reader = new FakeReader()
  beforeEach(() => {
    reader = new FakeReader()
    reader.put(core('nodes'), { metadata: { name: 'one' } })
  })
  const admit = (write: Write): void => {
    const plugin = nodeRestriction({ reader })
    const attributes = writeOf({ user, ...write })
    if (plugin.handles(attributes)) void plugin.admit?.(attributes)
  }
  const refuses = (write: Write, message: RegExp): void => {
    assert.throws(
      () => {
        admit(write)
      },
      { code: 403, message },
    )
  }
  const owner = { apiVersion: 'v1', kind: 'Node', name: 'one', uid: 'uid-one', controller: true }
  const mirror = (spec: object = {}, metadata: object = {}): Write => ({
    object: {
      metadata: {
        name: 'static-one',
        namespace: 'default',
        annotations: { 'kubernetes.io/config.mirror': 'x' },
        ownerReferences: [owner],
        ...metadata,
      },
      spec: { nodeName: 'one', containers: [], ...spec },
      status: {},
    },
  })

  it('lets a node make mirror pods of its own, and nothing else', () => {
    admit(mirror())
    refuses(mirror({}, { annotations: {} }), /node "one" can only create mirror pods/)
    refuses(mirror({ nodeName: 'two' }), /can only create pods with spec.nodeName set to itself/)
    refuses(mirror({}, { ownerReferences: [] }), /with an owner reference set to itself/)
    refuses(mirror({}, { ownerReferences: [{ ...owner, uid: 'x' }] }), /node one UID mismatch: expected x got uid-one/)
    refuses(mirror({ serviceAccountName: 'default' }), /can not create pods that reference a service account/)
    refuses(mirror({ volumes: [{ name: 'v', configMap: { name: 'c' } }] }), /can not create pods that reference configmaps/)
    refuses({ ...mirror(), oldObject: mirror().object ?? {} }, /unexpected operation "UPDATE"/)
  })

  it('lets it report on and remove pods bound to it', () => {
    const bound = mirror().object ?? {}
    const foreign = mirror({ nodeName: 'two' }).object ?? {}
    admit({ oldObject: bound })
    refuses({ oldObject: foreign }, /can only delete pods with spec.nodeName set to itself/)
    admit({ subresource: 'status', object: bound, oldObject: bound })
    refuses({ subresource: 'status', object: foreign, oldObject: foreign }, /can only update pod status for pods with spec.nodeName/)
    const labelled = mirror({}, { labels: { a: 'b' } }).object ?? {}
    refuses({ subresource: 'status', object: labelled, oldObject: bound }, /cannot update labels through pod status/)
  })

  it('lets it keep its own node, without taints and labels that steer pods', () => {
    const node = (name: string, labels: object = {}, spec: object = {}): object => ({ metadata: { name, labels }, spec })
    const write = (next: object, old?: object): Write => ({ resource: 'nodes', object: next, ...(old !== undefined && { oldObject: old }) })
    admit(
      write(node('one', { 'kubernetes.io/os': 'linux', 'node.kubernetes.io/x': '1', 'example.com/any': '1' }, { taints: [{ key: 'a' }] })),
    )
    refuses(write(node('two')), /node "one" is not allowed to modify node "two"/)
    refuses(
      write(node('one', { 'node-role.kubernetes.io/control-plane': '', 'node-restriction.kubernetes.io/a': '1' })),
      /not allowed to set the following labels: node-restriction.kubernetes.io\/a, node-role.kubernetes.io\/control-plane/,
    )
    refuses(write(node('one', {}, { taints: [] }), node('one', {}, { taints: [{ key: 'a' }] })), /not allowed to modify taints/)
    refuses(write(node('one'), node('one', { 'x.k8s.io/y': '1' })), /is not allowed to modify labels: x.k8s.io\/y/)
    const kept = { 'node-role.kubernetes.io/master': 'true' }
    admit(write(node('one', kept), node('one', kept)))
  })

  it('holds leases and CSI nodes to its own name', () => {
    const lease = (name: string, namespace: string): Write => ({
      group: 'coordination.k8s.io',
      resource: 'leases',
      namespace,
      object: { metadata: { name, namespace } },
    })
    admit(lease('one', 'kube-node-lease'))
    refuses(lease('two', 'kube-node-lease'), /can only access node lease with the same name/)
    refuses(lease('one', 'default'), /can only access leases in the "kube-node-lease" system namespace/)
    refuses(
      { group: 'storage.k8s.io', resource: 'csinodes', object: { metadata: { name: 'two' } } },
      /can only access CSINode with the same name/,
    )
  })

  it('gives it tokens only for pods bound to it, for audiences they ask for', () => {
    const volumes = [
      {
        name: 'v',
        projected: { sources: [{ serviceAccountToken: { path: 'token' } }, { serviceAccountToken: { path: 'v', audience: 'vault' } }] },
      },
    ]
    for (const [name, nodeName] of [
      ['web', 'one'],
      ['far', 'two'],
    ] as const) {
      reader.put(core('pods'), { metadata: { name, namespace: 'default' }, spec: { nodeName, containers: [], volumes } } as never)
    }
    const token = (ref: object | undefined, audiences: string[] = []): Write => ({
      resource: 'serviceaccounts',
      subresource: 'token',
      name: 'robot',
      operation: 'CREATE',
      object: { metadata: { name: 'robot' }, spec: { audiences, boundObjectRef: ref } },
    })
    const web = { apiVersion: 'v1', kind: 'Pod', name: 'web', uid: 'uid-web' }
    admit(token(web))
    admit(token(web, ['vault']))
    refuses(token(web, ['other']), /audience "other" not found in pod spec volume/)
    refuses(token(undefined), /node requested token not bound to a pod/)
    refuses(token({ ...web, uid: '' }), /without a uid/)
    refuses(token({ ...web, name: 'far', uid: 'uid-far' }), /bound to a pod scheduled on a different node/)
  })

  it('lets it report the size of a claim and nothing else', () => {
    const claim = (status: object, labels: object = {}): object => ({
      metadata: { name: 'c', labels, resourceVersion: '1' },
      spec: {},
      status,
    })
    const write = (next: object): Write => ({
      resource: 'persistentvolumeclaims',
      subresource: 'status',
      object: next,
      oldObject: claim({ phase: 'Bound' }),
    })
    admit(write(claim({ phase: 'Bound', capacity: { storage: '2Gi' } })))
    refuses(write(claim({ phase: 'Lost' })), /not allowed to update fields other than status.quantity and status.conditions/)
    refuses(write(claim({ phase: 'Bound' }, { a: 'b' })), /not allowed to update fields other/)
  })

  it('leaves other users alone', () => {
    admit({ user: { name: 'jane', groups: [] }, resource: 'nodes', object: { metadata: { name: 'two' }, spec: {} } })
  })
})
