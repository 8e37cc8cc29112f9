import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ConfigMap, Node } from '../../core/api/types/core-v1.ts'
import { type ObjectKey, objectKey } from '../../core/meta/object.ts'
import { cloudNodeController } from './node.ts'
import { planAddresses } from './node-addresses.ts'
import { nodeHostsController, planNodeHosts } from './node-hosts.ts'
import { planNode, UNINITIALIZED_TAINT } from './node-plan.ts'
import { informerOf, recording, testContext } from './testing.ts'

interface NodeFacts {
  readonly name?: string
  readonly annotations?: Readonly<Record<string, string>>
  readonly labels?: Readonly<Record<string, string>>
  readonly addresses?: readonly string[]
  readonly taints?: readonly string[]
  readonly providerID?: string
}

function node({ name = 'a', annotations = {}, labels = {}, addresses = [], taints = [], providerID }: NodeFacts): Node {
  return {
    metadata: { name, uid: `uid-${name}`, resourceVersion: '7', creationTimestamp: '', annotations, labels },
    spec: { taints: taints.map((key) => ({ key, effect: 'NoSchedule' })), ...(providerID !== undefined && { providerID }) },
    status: {
      addresses: addresses.map((text) => ({ type: text.split(' ')[0] ?? '', address: text.split(' ')[1] ?? '' })),
    },
  } as unknown as Node
}

const text = (list: ReturnType<typeof planAddresses>): readonly string[] | undefined =>
  list?.map(({ type, address }) => `${type} ${address}`)

describe('addresses of a node', () => {
  const cases: readonly { readonly title: string; readonly node: NodeFacts; readonly want: readonly string[] | undefined }[] = [
    {
      title: 'come from all annotations in their order',
      node: {
        annotations: {
          'k3s.io/external-dns': 'a.example.org',
          'k3s.io/internal-dns': 'a.internal',
          'k3s.io/hostname': 'a',
          'k3s.io/external-ip': '198.51.100.1',
          'k3s.io/internal-ip': '192.0.2.1',
        },
      },
      want: ['InternalIP 192.0.2.1', 'ExternalIP 198.51.100.1', 'Hostname a', 'InternalDNS a.internal', 'ExternalDNS a.example.org'],
    },
    {
      title: 'may be one a family',
      node: { annotations: { 'k3s.io/internal-ip': '192.0.2.1, 2001:db8::1,192.0.2.1', 'k3s.io/hostname': 'a' } },
      want: ['InternalIP 192.0.2.1', 'InternalIP 2001:db8::1', 'Hostname a'],
    },
    { title: 'may be labels', node: { labels: { 'k3s.io/internal-ip': '192.0.2.1' } }, want: ['InternalIP 192.0.2.1'] },
    {
      title: 'keep the hostname of the kubelet, and nothing else of it',
      node: { annotations: { 'k3s.io/internal-ip': '192.0.2.1' }, addresses: ['InternalIP 192.0.2.9', 'Hostname b'] },
      want: ['InternalIP 192.0.2.1', 'Hostname b'],
    },
    { title: 'are unknown without an internal one', node: { annotations: { 'k3s.io/hostname': 'a' } }, want: undefined },
  ]
  for (const entry of cases) {
    it(entry.title, () => {
      assert.deepEqual(text(planAddresses(node(entry.node))), entry.want)
    })
  }
})

describe('cloud node controller', () => {
  const annotations = { 'k3s.io/internal-ip': '192.0.2.1', 'k3s.io/hostname': 'a' }
  const addresses = ['InternalIP 192.0.2.1', 'Hostname a']

  it('leaves a settled node alone', () => {
    assert.deepEqual(planNode(node({ annotations, addresses })), {})
  })

  it('keeps a node closed that has not said its address', () => {
    assert.deepEqual(planNode(node({ taints: [UNINITIALIZED_TAINT] })), {})
  })

  it('never changes a provider id', () => {
    const plan = planNode(node({ annotations, addresses, taints: [UNINITIALIZED_TAINT], providerID: 'other://a' }))
    assert.equal(plan.initialize?.providerID, 'other://a')
  })

  it('writes addresses first, then opens the node and keeps its other taints', async () => {
    const fresh = node({ annotations, taints: ['mine', UNINITIALIZED_TAINT] })
    const seen = recording([fresh])
    await cloudNodeController({ ...seen, nodes: informerOf(fresh) }).reconcile('a' as ObjectKey, testContext)
    assert.deepEqual(seen.writes, ['merge nodes/status a', 'merge nodes a'])
    assert.deepEqual(seen.bodies[1], {
      metadata: {
        uid: 'uid-a',
        resourceVersion: '7',
        labels: { 'node.kubernetes.io/instance-type': 'k3s', 'beta.kubernetes.io/instance-type': 'k3s' },
      },
      spec: { providerID: 'k3s://a', taints: [{ key: 'mine', effect: 'NoSchedule' }] },
    })
    assert.deepEqual(seen.events, ['Normal Synced Node synced successfully'])
  })

  it('follows annotations after the node was opened', async () => {
    const moved = node({ annotations: { ...annotations, 'k3s.io/internal-ip': '192.0.2.5' }, addresses, providerID: 'k3s://a' })
    const seen = recording([moved])
    await cloudNodeController({ ...seen, nodes: informerOf(moved) }).reconcile('a' as ObjectKey, testContext)
    assert.deepEqual(seen.writes, ['merge nodes/status a'])
  })
})

describe('node hosts', () => {
  const all = [
    node({ name: 'b', addresses: ['InternalIP 192.0.2.2', 'ExternalIP 198.51.100.2'] }),
    node({ name: 'a', addresses: ['InternalIP 192.0.2.1', 'InternalIP 2001:db8::1', 'Hostname a'] }),
  ]
  const lines = '192.0.2.1 a\n2001:db8::1 a\n192.0.2.2 b\n'
  const key = objectKey('kube-system', 'coredns')

  it('name internal addresses, ordered by node', () => {
    assert.equal(planNodeHosts(all), lines)
  })

  const cases: readonly { readonly title: string; readonly data?: Readonly<Record<string, string>>; readonly want: readonly string[] }[] = [
    { title: 'wait for the ConfigMap', want: [] },
    { title: 'are added', data: { Corefile: '' }, want: ['apply configmaps kube-system/coredns'] },
    { title: 'are corrected', data: { NodeHosts: 'x' }, want: ['apply configmaps kube-system/coredns'] },
    { title: 'are left when right', data: { NodeHosts: lines }, want: [] },
  ]
  for (const { title, data, want } of cases) {
    it(title, async () => {
      const map = { metadata: { name: 'coredns', namespace: 'kube-system', uid: 'u' }, data } as unknown as ConfigMap
      const seen = recording()
      const maps = data === undefined ? informerOf<ConfigMap>() : informerOf(map)
      await nodeHostsController({ client: seen.client, nodes: informerOf(...all), configMaps: maps }).reconcile(key, testContext)
      assert.deepEqual(seen.writes, want)
      const metadata = { name: 'coredns', namespace: 'kube-system', uid: 'u' }
      for (const body of seen.bodies) assert.deepEqual(body, { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { NodeHosts: lines } })
    })
  }
})
