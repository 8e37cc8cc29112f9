import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { endpointSlices, endpoints, nodes, pods, services } from '../../core/api/kinds.ts'
import type { Pod, Service } from '../../core/api/types/core-v1.ts'
import type { Draft } from '../../core/meta/object.ts'
import { pod } from '../../tests/helpers/builders.ts'
import { type Bench, controllerBench } from '../../tests/helpers/controller-bench.ts'
import { endpointSliceController } from './endpoint-slice/endpoint-slice.ts'
import { endpointSliceMirroringController } from './endpoint-slice-mirroring.ts'
import { endpointsController } from './endpoints.ts'

async function start(bench: Bench): Promise<void> {
  const { cluster, recorder, clock } = bench
  const { informers } = cluster
  const shared = { client: cluster, services: informers.informer(services), pods: informers.informer(pods), recorder, clock }
  const slices = informers.informer(endpointSlices)
  await bench.run(
    endpointSliceController({ ...shared, nodes: informers.informer(nodes), slices }),
    endpointsController({ ...shared, endpoints: informers.informer(endpoints) }),
    endpointSliceMirroringController({ ...shared, endpoints: informers.informer(endpoints), slices }),
  )
}

const service = (spec: Draft<Service['spec']> = {}): Draft<Service> => ({
  metadata: { namespace: 'default', name: 'web', labels: { team: 'x' } },
  spec: {
    selector: { app: 'web' },
    ports: [{ name: 'http', port: 80, targetPort: 'http', protocol: 'TCP' }],
    ipFamilies: ['IPv4'],
    ...spec,
  },
})
const running = (name: string, ip: string, ready: boolean, over: Draft<Pod['metadata']> = {}): Draft<Pod> =>
  pod(name, {
    metadata: over,
    spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'i', ports: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }] }] },
    status: { phase: 'Running', podIP: ip, podIPs: [{ ip }], conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  })
const endpointsSeen = (bench: Bench): unknown =>
  bench.cluster
    .all(endpointSlices)
    .flatMap((slice) => slice.endpoints.map(({ addresses, conditions }) => [addresses[0], conditions.ready, conditions.terminating]))

describe('endpoints of a Service', () => {
  it('follow its pods: address, readiness, port, node, zone', async () => {
    await using bench = controllerBench()
    bench.cluster.seed(nodes, { metadata: { name: 'n1', labels: { 'topology.kubernetes.io/zone': 'z1' } } })
    bench.cluster.seed(services, service())
    const first = bench.cluster.seed(pods, running('a', '10.0.0.1', true))
    bench.cluster.seed(pods, running('b', '10.0.0.2', false))
    await start(bench)
    const [slice] = bench.cluster.all(endpointSlices)
    assert.deepEqual(slice?.ports, [{ name: 'http', protocol: 'TCP', port: 8080 }])
    assert.deepEqual(slice.endpoints[0], {
      addresses: ['10.0.0.1'],
      conditions: { ready: true, serving: true, terminating: false },
      targetRef: { kind: 'Pod', namespace: 'default', name: 'a', uid: first.metadata.uid },
      nodeName: 'n1',
      zone: 'z1',
    })
    assert.deepEqual(slice.metadata.labels, {
      team: 'x',
      'kubernetes.io/service-name': 'web',
      'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
    })
    assert.deepEqual(endpointsSeen(bench), [
      ['10.0.0.1', true, false],
      ['10.0.0.2', false, false],
    ])
    const [old] = bench.cluster.all(endpoints)
    assert.deepEqual(
      old?.subsets?.map(({ addresses, notReadyAddresses, ports }) => [
        addresses?.map(({ ip }) => ip),
        notReadyAddresses?.map(({ ip }) => ip),
        ports,
      ]),
      [[['10.0.0.1'], ['10.0.0.2'], [{ name: 'http', port: 8080, protocol: 'TCP' }]]],
    )
    bench.cluster.change(pods, { namespace: 'default', name: 'a' }, (object) => ({
      ...object,
      metadata: { ...object.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' },
    }))
    await bench.settle()
    assert.deepEqual(endpointsSeen(bench), [
      ['10.0.0.1', false, true],
      ['10.0.0.2', false, false],
    ])
    bench.cluster.remove(pods, { namespace: 'default', name: 'a' })
    bench.cluster.remove(pods, { namespace: 'default', name: 'b' })
    await bench.settle()
    assert.equal(bench.cluster.all(endpointSlices).length, 1)
    assert.deepEqual(endpointsSeen(bench), [])
    assert.equal(bench.cluster.all(endpoints)[0]?.subsets, undefined)
  })

  it('count as ready when the Service says so, and leave finished pods out', async () => {
    await using bench = controllerBench()
    bench.cluster.seed(services, service({ publishNotReadyAddresses: true, clusterIP: 'None' }))
    bench.cluster.seed(pods, running('a', '10.0.0.1', false))
    const finished = running('done', '10.0.0.2', true)
    bench.cluster.seed(pods, { ...finished, status: { ...finished.status, phase: 'Succeeded' } })
    await start(bench)
    assert.deepEqual(endpointsSeen(bench), [['10.0.0.1', true, false]])
    assert.equal(bench.cluster.all(endpointSlices)[0]?.metadata.labels?.['service.kubernetes.io/headless'], '')
    assert.deepEqual(
      bench.cluster.all(endpoints)[0]?.subsets?.[0]?.addresses?.map(({ ip }) => ip),
      ['10.0.0.1'],
    )
  })

  it('settle without further writes', async () => {
    await using bench = controllerBench()
    bench.cluster.seed(services, service())
    bench.cluster.seed(pods, running('a', '10.0.0.1', true))
    await start(bench)
    const before = bench.cluster.actions.length
    bench.cluster.change(pods, { namespace: 'default', name: 'a' }, (object) => ({
      ...object,
      metadata: { ...object.metadata, annotations: { x: 'y' } },
    }))
    await bench.settle()
    assert.equal(bench.cluster.actions.length, before)
  })

  it('are mirrored from hand-written Endpoints of a Service without selector', async () => {
    await using bench = controllerBench()
    bench.cluster.seed(services, service({ selector: undefined }))
    const metadata = { namespace: 'default', name: 'web' }
    bench.cluster.seed(endpoints, { metadata, subsets: [{ addresses: [{ ip: '192.0.2.1' }], ports: [{ port: 443, protocol: 'TCP' }] }] })
    await start(bench)
    const [mirror] = bench.cluster.all(endpointSlices)
    assert.equal(mirror?.metadata.labels?.['endpointslice.kubernetes.io/managed-by'], 'endpointslicemirroring-controller.k8s.io')
    assert.deepEqual(mirror.endpoints, [{ addresses: ['192.0.2.1'], conditions: { ready: true } }])
    bench.cluster.remove(endpoints, metadata)
    await bench.settle()
    assert.deepEqual(bench.cluster.all(endpointSlices), [])
  })

  it('of IPv6 pods go to a slice of their own in a dual-stack Service', async () => {
    await using bench = controllerBench()
    bench.cluster.seed(services, service({ ipFamilies: ['IPv4', 'IPv6'] }))
    const both = running('a', '10.0.0.1', true)
    bench.cluster.seed(pods, { ...both, status: { ...both.status, podIPs: [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }] } })
    await start(bench)
    assert.deepEqual(
      bench.cluster.all(endpointSlices).map(({ addressType, endpoints: [first] }) => [addressType, first?.addresses[0]]),
      [
        ['IPv4', '10.0.0.1'],
        ['IPv6', 'fd00::1'],
      ],
    )
  })
})
