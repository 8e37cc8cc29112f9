import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { DaemonSet } from '../../core/api/types/apps-v1.ts'
import type { Node, Pod, Service } from '../../core/api/types/core-v1.ts'
import type { EndpointSlice } from '../../core/api/types/discovery-v1.ts'
import type { ObjectKey } from '../../core/meta/object.ts'
import { serviceLbController } from './service-lb.ts'
import { buildDaemonSet } from './service-lb-daemon-set.ts'
import { CLEANUP_FINALIZER, LEGACY_FINALIZER } from './service-lb-names.ts'
import { removeServiceLb } from './service-lb-remove.ts'
import { informerOf, type Recorded, recording, testContext } from './testing.ts'

const settings = { namespace: 'kube-system', image: 'lb:1', priorityClassName: 'system-node-critical' }
const KEY = 'default/web' as ObjectKey
const NAME = 'svclb-web-01234567'

interface ServiceFacts {
  readonly spec?: object
  readonly finalizers?: readonly string[]
  readonly annotations?: Readonly<Record<string, string>>
  readonly deleted?: boolean
  readonly ips?: readonly string[]
}

function service({ spec, finalizers = [CLEANUP_FINALIZER], annotations = {}, deleted = false, ips = [] }: ServiceFacts = {}): Service {
  const metadata = { name: 'web', namespace: 'default', uid: '01234567-89ab', resourceVersion: '5', finalizers, annotations }
  const ports = [{ protocol: 'TCP', port: 80, nodePort: 30080 }]
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { ...metadata, ...(deleted && { deletionTimestamp: '2026-01-01T00:00:00Z' }) },
    spec: { type: 'LoadBalancer', ports, clusterIPs: ['10.43.0.9'], ipFamilies: ['IPv4'], ...spec },
    status: { loadBalancer: { ingress: ips.map((ip) => ({ ip, ipMode: 'VIP' })) } },
  } as unknown as Service
}

/** As the API server has it after it was created for `owner`. */
function daemonSet(owner: Service): DaemonSet {
  const built = buildDaemonSet({ service: owner, settings, placement: { isAllowList: false, constraints: {} }, tolerations: [] })
  const stored = structuredClone(built) as unknown as { metadata: object; spec: { template: { spec: object } } }
  Object.assign(stored.metadata, { uid: 'ds', resourceVersion: '9', annotations: { other: 'kept' } })
  Object.assign(stored.spec.template.spec, { dnsPolicy: 'ClusterFirst', restartPolicy: 'Always' })
  return stored as unknown as DaemonSet
}

function pod(nodeName: string, ready = 'True'): Pod {
  const labels = { app: NAME, 'svccontroller.k3s.cattle.io/svcname': 'web', 'svccontroller.k3s.cattle.io/svcnamespace': 'default' }
  return {
    metadata: { name: `p-${nodeName}`, namespace: 'kube-system', labels },
    spec: { nodeName },
    status: { podIP: '10.42.0.7', conditions: [{ type: 'Ready', status: ready }] },
  } as unknown as Pod
}

function node(name: string, address: string): Node {
  return { metadata: { name, labels: {} }, status: { addresses: [{ type: 'InternalIP', address }] } } as unknown as Node
}

interface World {
  readonly service?: Service
  readonly sets?: readonly DaemonSet[]
  readonly pods?: readonly Pod[]
  readonly nodes?: readonly Node[]
  readonly slices?: readonly EndpointSlice[]
}

async function run(world: World): Promise<Recorded> {
  const seen = recording()
  const controller = serviceLbController({
    ...seen,
    settings,
    services: world.service === undefined ? informerOf<Service>() : informerOf(world.service),
    daemonSets: informerOf(...(world.sets ?? [])),
    pods: informerOf(...(world.pods ?? [])),
    nodes: informerOf(...(world.nodes ?? [])),
    slices: informerOf(...(world.slices ?? [])),
    serviceAccounts: informerOf(),
  })
  await controller.reconcile(KEY, testContext)
  return seen
}

const ACCOUNT = ['create namespaces kube-system', 'create serviceaccounts kube-system/svclb']

describe('service load balancer', () => {
  it('claims a Service before anything is made for it, and drops the finalizer of old', async () => {
    const seen = await run({ service: service({ finalizers: ['other', LEGACY_FINALIZER] }) })
    assert.deepEqual(seen.writes, ['merge services default/web'])
    const finalizers = ['other', CLEANUP_FINALIZER]
    assert.deepEqual(seen.bodies, [{ metadata: { uid: '01234567-89ab', resourceVersion: '5', finalizers } }])
  })

  it('makes the account and the DaemonSet', async () => {
    const seen = await run({ service: service() })
    assert.deepEqual(seen.writes, [...ACCOUNT, `create daemonsets kube-system/${NAME}`])
    assert.deepEqual(seen.events, [
      'Normal EnsuringLoadBalancer Ensuring load balancer',
      `Normal AppliedDaemonSet Applied LoadBalancer DaemonSet kube-system/${NAME}`,
      'Normal EnsuredLoadBalancer Ensured load balancer',
    ])
  })

  it('names the nodes that serve, and says so once', async () => {
    const world = { sets: [daemonSet(service())], pods: [pod('a'), pod('b'), pod('c', 'False')] }
    const nodes = [node('a', '192.0.2.2'), node('b', '192.0.2.1'), node('c', '192.0.2.3')]
    const seen = await run({ ...world, nodes, service: service() })
    assert.deepEqual(seen.writes.slice(2), ['merge services/status default/web'])
    assert.deepEqual(seen.events, ['Normal UpdatedLoadBalancer Updated LoadBalancer with new IPs: [] -> [192.0.2.1 192.0.2.2]'])
    const again = await run({ ...world, nodes, service: service({ ips: ['192.0.2.1', '192.0.2.2'] }) })
    assert.deepEqual([again.writes.slice(2), again.events], [[], []])
  })

  it('warns when no node serves any more', async () => {
    const seen = await run({ service: service({ ips: ['192.0.2.1'] }), sets: [daemonSet(service())] })
    assert.deepEqual(seen.events, ['Warning UnAvailableLoadBalancer There are no available nodes for LoadBalancer'])
  })

  it("replaces a DaemonSet that differs and keeps others' annotations", async () => {
    const changed = service({ spec: { ports: [{ protocol: 'UDP', port: 53 }] } })
    const seen = await run({ service: changed, sets: [daemonSet(service())] })
    assert.deepEqual(seen.writes.slice(2), [`update daemonsets kube-system/${NAME}`])
    const body = seen.bodies[2] as DaemonSet
    assert.deepEqual([body.metadata.resourceVersion, body.metadata.annotations], ['9', { other: 'kept' }])
    assert.deepEqual(
      body.spec.template.spec.containers.map(({ name }) => name),
      ['lb-udp-53'],
    )
  })

  it('takes a node selector away that is no longer wanted', async () => {
    const restricted = structuredClone(daemonSet(service())) as unknown as { spec: { template: { spec: { nodeSelector: object } } } }
    restricted.spec.template.spec.nodeSelector = { 'svccontroller.k3s.cattle.io/enablelb': 'true' }
    const seen = await run({ service: service(), sets: [restricted as unknown as DaemonSet] })
    assert.deepEqual(seen.writes.slice(2), [`update daemonsets kube-system/${NAME}`])
  })

  it('adds the tolerations of the annotation', async () => {
    const annotations = { 'svccontroller.k3s.cattle.io/tolerations': '- key: gpu\n  operator: Exists\n' }
    const seen = await run({ service: service({ annotations }) })
    const body = seen.bodies[2] as DaemonSet
    assert.deepEqual(body.spec.template.spec.tolerations?.at(-1), { key: 'gpu', operator: 'Exists' })
  })

  it('tells about a wrong annotation and makes nothing', async () => {
    const annotations = { 'svccontroller.k3s.cattle.io/tolerations': '[{"operator": "Equal"}]' }
    const seen = await run({ service: service({ annotations }) })
    assert.deepEqual(seen.writes, [])
    const problem = 'annotation svccontroller.k3s.cattle.io/tolerations: [0]: operator must be Exists when key is empty'
    assert.deepEqual(seen.events, [`Warning SyncLoadBalancerFailed Error syncing load balancer: ${problem}`])
  })
})

describe('end of a load balancer', () => {
  const deleteSet = `delete daemonsets kube-system/${NAME}`
  const cases: readonly { readonly title: string; readonly world: World; readonly want: readonly string[] }[] = [
    {
      title: 'comes with the deletion: the finalizer goes after the DaemonSet',
      world: { service: service({ deleted: true, ips: ['192.0.2.1'] }), sets: [daemonSet(service())] },
      want: [deleteSet, 'merge services default/web'],
    },
    {
      title: 'comes with another type: the status is emptied first',
      world: { service: service({ spec: { type: 'ClusterIP' }, ips: ['192.0.2.1'] }), sets: [daemonSet(service())] },
      want: [deleteSet, 'merge services/status default/web'],
    },
    {
      title: 'and then the finalizer goes',
      world: { service: service({ spec: { type: 'ClusterIP' } }) },
      want: ['merge services default/web'],
    },
    { title: 'finds what a vanished Service left', world: { sets: [daemonSet(service())] }, want: [deleteSet] },
    {
      title: 'leaves status and finalizers of a Service with a class alone',
      world: { service: service({ spec: { loadBalancerClass: 'example.org/lb' }, ips: ['192.0.2.1'] }) },
      want: [],
    },
    {
      title: 'does not concern other Services',
      world: { service: service({ spec: { type: 'NodePort' }, finalizers: ['other'] }) },
      want: [],
    },
  ]
  for (const { title, world, want } of cases) {
    it(title, async () => {
      assert.deepEqual((await run(world)).writes, want)
    })
  }

  it('is complete when the load balancer is disabled', async () => {
    const served = service({ ips: ['192.0.2.1'], finalizers: ['other', CLEANUP_FINALIZER] })
    const seen = recording([daemonSet(served), served])
    await removeServiceLb({ client: seen.client, namespace: 'kube-system' }, testContext.signal)
    assert.deepEqual(seen.writes, [
      'merge services default/web',
      'merge services/status default/web',
      'delete-collection daemonsets kube-system/svccontroller.k3s.cattle.io/nodeselector',
    ])
    assert.deepEqual((seen.bodies[0] as Service).metadata.finalizers, ['other'])
    const idle = recording()
    await removeServiceLb({ client: idle.client, namespace: 'kube-system' }, testContext.signal)
    assert.deepEqual(idle.writes, [])
  })
})
