import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { leases, nodes, pods } from '../../../core/api/kinds.ts'
import type { Node, NodeCondition, Pod, Taint, Toleration } from '../../../core/api/types/core-v1.ts'
import type { Draft } from '../../../core/meta/object.ts'
import { toMicroTimestamp, toTimestamp } from '../../../core/runtime/clock.ts'
import { pod, readyStatus } from '../../../tests/helpers/builders.ts'
import { type Bench, controllerBench, namesOf } from '../../../tests/helpers/controller-bench.ts'
import { podGarbageCollector } from '../pod-garbage-collector.ts'
import { nodeIpamController, planCidrs } from './node-ipam.ts'
import { nodeLifecycleController } from './node-lifecycle.ts'
import { subnetsOf } from './subnets.ts'
import { planEviction, taintEvictionController } from './taint-eviction.ts'

const SECOND = 1_000
const condition = (type: string, status: string): NodeCondition => ({ type, status, lastHeartbeatTime: '2026-01-01T00:00:00Z' })
const node = (name: string, ready = 'True', over: Draft<Node['spec']> = {}): Draft<Node> => ({
  metadata: { name },
  spec: over,
  status: { conditions: [condition('Ready', ready)] },
})
const taintsOf = (bench: Bench, name: string): string[] =>
  (bench.cluster.all(nodes).find(({ metadata }) => metadata.name === name)?.spec.taints ?? [])
    .map(({ key, effect }) => `${key}:${effect}`)
    .sort()

describe('parts of a network', () => {
  it('are counted and found again, in both families', () => {
    const four = subnetsOf('10.42.0.0/16', 24)
    assert.deepEqual([four.count, four.at(0), four.at(255)], [256, '10.42.0.0/24', '10.42.255.0/24'])
    assert.deepEqual(
      ['10.42.7.0/24', '10.43.0.0/24', '10.42.7.0/25', 'x'].map((cidr) => four.indexOf(cidr)),
      [7, undefined, undefined, undefined],
    )
    const six = subnetsOf('fd00:42::/56', 64)
    assert.deepEqual([six.count, six.at(1), six.indexOf('fd00:42:0:ff::/64')], [256, 'fd00:42:0:1::/64', 255])
    assert.throws(() => subnetsOf('10.42.0.0/26', 24), RangeError)
  })
  it('are given lowest first until none is left', () => {
    const tiny = subnetsOf('10.0.0.0/23', 24)
    assert.deepEqual(planCidrs([tiny], ['10.0.0.0/24']), ['10.0.1.0/24'])
    assert.equal(planCidrs([tiny], ['10.0.0.0/24', '10.0.1.0/24']), undefined)
  })
})

describe('node address management', () => {
  it('gives each node its own part, and a freed one to the next', async () => {
    await using bench = controllerBench()
    const { cluster, recorder } = bench
    cluster.seed(nodes, node('a', 'True', { podCIDRs: ['10.42.1.0/24'] }))
    for (const name of ['b', 'c']) cluster.seed(nodes, node(name))
    const deps = {
      client: cluster,
      nodes: cluster.informers.informer(nodes),
      recorder,
      clusterCidrs: ['10.42.0.0/22'],
      maskIpv4: 24,
      maskIpv6: 64,
    }
    await bench.run(nodeIpamController(deps))
    const cidrs = (): unknown =>
      Object.fromEntries(cluster.all(nodes).map(({ metadata, spec }) => [metadata.name, spec.podCIDR ?? spec.podCIDRs?.[0]]))
    assert.deepEqual(cidrs(), { a: '10.42.1.0/24', b: '10.42.0.0/24', c: '10.42.2.0/24' })
    cluster.remove(nodes, { name: 'b' })
    cluster.seed(nodes, node('d'))
    cluster.seed(nodes, node('e'))
    await bench.settle()
    assert.deepEqual(cidrs(), { a: '10.42.1.0/24', c: '10.42.2.0/24', d: '10.42.0.0/24', e: '10.42.3.0/24' })
    cluster.seed(nodes, node('f'))
    await bench.settle()
    assert.equal(recorder.events[0], 'Normal CIDRNotAvailable Node f status is now: CIDRNotAvailable')
  })
})

async function start(bench: Bench): Promise<void> {
  const { cluster, recorder, clock } = bench
  const { informers } = cluster
  const shared = { client: cluster, nodes: informers.informer(nodes), pods: informers.informer(pods), recorder, clock }
  await bench.run(nodeLifecycleController({ ...shared, leases: informers.informer(leases) }), taintEvictionController(shared))
}
const pass = async (bench: Bench, seconds: number): Promise<void> => {
  await bench.clock.advance(seconds * SECOND)
  await bench.settle()
}
const renew = async (bench: Bench, name: string): Promise<void> => {
  const renewTime = toMicroTimestamp(bench.clock.now())
  const key = { namespace: 'kube-node-lease', name }
  if (bench.cluster.all(leases).some(({ metadata }) => metadata.name === name))
    bench.cluster.change(leases, key, (object) => ({ ...object, spec: { ...object.spec, renewTime } }))
  else bench.cluster.seed(leases, { metadata: key, spec: { renewTime } })
  await bench.settle()
}

describe('node lifecycle', () => {
  it('calls a silent node unknown, keeps its pods from being ready, and drives them out', async () => {
    await using bench = controllerBench()
    bench.cluster.seed(nodes, node('alive'))
    bench.cluster.seed(nodes, node('silent'))
    const tolerations: Toleration[] = [
      { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
    ]
    const ready = readyStatus(toTimestamp(bench.clock.now()))
    bench.cluster.seed(pods, pod('patient', { spec: { nodeName: 'silent', tolerations }, status: ready }))
    bench.cluster.seed(pods, pod('impatient', { spec: { nodeName: 'silent' }, status: ready }))
    bench.cluster.seed(pods, pod('daemon', { spec: { nodeName: 'silent', tolerations: [{ operator: 'Exists' }] }, status: ready }))
    await start(bench)
    for (const name of ['alive', 'silent']) await renew(bench, name)
    for (let i = 0; i < 6; i++) {
      await pass(bench, 8)
      await renew(bench, 'alive')
      assert.deepEqual(taintsOf(bench, 'silent'), [])
    }
    await pass(bench, 4)
    assert.deepEqual(taintsOf(bench, 'silent'), ['node.kubernetes.io/unreachable:NoExecute', 'node.kubernetes.io/unreachable:NoSchedule'])
    assert.deepEqual(taintsOf(bench, 'alive'), [])
    const silent = bench.cluster.all(nodes).find(({ metadata }) => metadata.name === 'silent')
    assert.deepEqual(
      silent?.status.conditions?.map(({ type, status, reason }) => [type, status, reason]),
      [
        ['Ready', 'Unknown', 'NodeStatusUnknown'],
        ['MemoryPressure', 'Unknown', 'NodeStatusNeverUpdated'],
        ['DiskPressure', 'Unknown', 'NodeStatusNeverUpdated'],
        ['PIDPressure', 'Unknown', 'NodeStatusNeverUpdated'],
      ],
    )
    assert.ok(bench.recorder.events.includes('Normal NodeNotReady Node silent status is now: NodeNotReady'))
    assert.ok(bench.cluster.all(pods).every(({ status }) => status.conditions?.find(({ type }) => type === 'Ready')?.status === 'False'))
    assert.deepEqual(namesOf(bench.cluster.all(pods)), ['daemon', 'patient'])
    for (let i = 0; i < 31; i++) {
      await pass(bench, 10)
      await renew(bench, 'alive')
    }
    assert.deepEqual(namesOf(bench.cluster.all(pods)), ['daemon'])
  })

  it('takes the taints away and spares the pods when the node comes back in time', async () => {
    await using bench = controllerBench()
    bench.cluster.seed(nodes, node('alive'))
    bench.cluster.seed(nodes, node('back', 'False'))
    const tolerations: Toleration[] = [
      { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
    ]
    bench.cluster.seed(pods, pod('p', { spec: { nodeName: 'back', tolerations } }))
    await start(bench)
    assert.deepEqual(taintsOf(bench, 'back'), ['node.kubernetes.io/not-ready:NoExecute', 'node.kubernetes.io/not-ready:NoSchedule'])
    bench.cluster.change(nodes, { name: 'back' }, (object) => ({
      ...object,
      status: { ...object.status, conditions: [condition('Ready', 'True')] },
    }))
    await bench.settle()
    assert.deepEqual(taintsOf(bench, 'back'), [])
    assert.deepEqual(bench.recorder.events, [
      'Normal RegisteredNode Node alive event: Registered Node alive in Controller',
      'Normal RegisteredNode Node back event: Registered Node back in Controller',
      'Normal TaintManagerEviction Cancelling deletion of Pod default/p',
    ])
    await pass(bench, 40)
    assert.deepEqual(namesOf(bench.cluster.all(pods)), ['p'])
    bench.cluster.remove(nodes, { name: 'back' })
    await bench.settle()
    assert.ok(bench.recorder.events.includes('Normal RemovingNode Node back event: Removing Node back from Controller'))
  })

  it('evicts nothing when no node is ready', async () => {
    await using bench = controllerBench()
    bench.cluster.seed(nodes, node('only', 'False'))
    await start(bench)
    assert.deepEqual(taintsOf(bench, 'only'), ['node.kubernetes.io/not-ready:NoSchedule'])
  })

  it('drives out one node in ten seconds', async () => {
    await using bench = controllerBench()
    for (const [name, ready] of [
      ['a', 'True'],
      ['b', 'False'],
      ['c', 'False'],
    ] as const)
      bench.cluster.seed(nodes, node(name, ready))
    await start(bench)
    const driven = (): number => ['b', 'c'].filter((name) => taintsOf(bench, name).some((taint) => taint.endsWith('NoExecute'))).length
    assert.equal(driven(), 1)
    await pass(bench, 10.1)
    assert.equal(driven(), 2)
  })

  it('follows pressure and cordon with taints, and leaves those of others', async () => {
    await using bench = controllerBench()
    const foreign: Taint = { key: 'example.com/mine', effect: 'NoSchedule' }
    bench.cluster.seed(nodes, {
      ...node('n', 'True', { unschedulable: true, taints: [foreign] }),
      status: { conditions: [condition('Ready', 'True'), condition('DiskPressure', 'True')] },
    })
    await start(bench)
    assert.deepEqual(taintsOf(bench, 'n'), [
      'example.com/mine:NoSchedule',
      'node.kubernetes.io/disk-pressure:NoSchedule',
      'node.kubernetes.io/unschedulable:NoSchedule',
    ])
    bench.cluster.change(nodes, { name: 'n' }, (object) => ({ ...object, spec: { ...object.spec, unschedulable: undefined } }))
    await bench.settle()
    assert.deepEqual(taintsOf(bench, 'n'), ['example.com/mine:NoSchedule', 'node.kubernetes.io/disk-pressure:NoSchedule'])
  })
})

describe('eviction for a taint that a person sets', () => {
  it('comes when the time is over that the pod tolerates it, and not when the taint goes before', async () => {
    await using bench = controllerBench()
    const { cluster } = bench
    // As kubectl taint writes it: without the time it was added.
    cluster.seed(nodes, { ...node('n', 'True', { taints: [{ key: 'k', value: 'v', effect: 'NoExecute' }] }) })
    for (const [name, tolerationSeconds] of [
      ['short', 3],
      ['long', 20],
    ] as const)
      cluster.seed(pods, pod(name, { spec: { nodeName: 'n', tolerations: [{ key: 'k', operator: 'Exists', tolerationSeconds }] } }))
    await start(bench)
    await pass(bench, 4)
    assert.deepEqual(namesOf(cluster.all(pods)), ['long'])
    cluster.change(nodes, { name: 'n' }, (object) => ({ ...object, spec: { ...object.spec, taints: [] } }))
    await bench.settle()
    await pass(bench, 30)
    assert.deepEqual(namesOf(cluster.all(pods)), ['long'])
  })
})

describe('plan of an eviction', () => {
  const taint: Taint = { key: 'k', effect: 'NoExecute', timeAdded: '2026-01-01T00:00:00Z' }
  const nowMs = Date.parse('2026-01-01T00:01:00Z')
  const startMs = nowMs - 60_000
  for (const { title, tolerations, expected } of [
    { title: 'at once without toleration', tolerations: [], expected: nowMs },
    { title: 'never with one for ever', tolerations: [{ operator: 'Exists' as const }], expected: undefined },
    {
      title: 'after its seconds, from when the taint came',
      tolerations: [{ key: 'k', operator: 'Exists' as const, tolerationSeconds: 90 }],
      expected: startMs + 90_000,
    },
    {
      title: 'after the shortest of several',
      tolerations: [
        { key: 'k', operator: 'Exists' as const, tolerationSeconds: 90 },
        { operator: 'Exists' as const, tolerationSeconds: 70 },
      ],
      expected: startMs + 70_000,
    },
  ]) {
    it(title, () => assert.equal(planEviction({ spec: { tolerations } } as unknown as Pod, [taint], { nowMs, sinceMs: nowMs }), expected))
  }
})

describe('garbage collection of pods', () => {
  const run = async (bench: Bench, threshold = 12_500): Promise<void> => {
    const { cluster, clock } = bench
    const { informers } = cluster
    await bench.run(
      podGarbageCollector({ client: cluster, nodes: informers.informer(nodes), pods: informers.informer(pods), clock, threshold }),
    )
  }

  it('removes pods of a node that is gone, after a while', async () => {
    await using bench = controllerBench()
    bench.cluster.slowPodDeletion = true
    bench.cluster.seed(nodes, node('stays'))
    bench.cluster.seed(nodes, node('goes'))
    bench.cluster.seed(pods, pod('a', { spec: { nodeName: 'stays' } }))
    bench.cluster.seed(pods, pod('b', { spec: { nodeName: 'goes' } }))
    await run(bench)
    bench.cluster.remove(nodes, { name: 'goes' })
    await pass(bench, 39)
    assert.deepEqual(namesOf(bench.cluster.all(pods)), ['a', 'b'])
    await pass(bench, 2)
    assert.deepEqual(namesOf(bench.cluster.all(pods)), ['a'])
    const update = bench.cluster.actions.find(({ subresource }) => subresource === 'status')?.object as Pod
    assert.equal(update.status.phase, 'Failed')
    assert.equal(update.status.conditions?.[0]?.reason, 'DeletionByPodGC')
  })

  it('removes pods that were deleted before they had a node', async () => {
    await using bench = controllerBench()
    bench.cluster.seed(pods, pod('p', { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } }))
    await run(bench)
    assert.deepEqual(namesOf(bench.cluster.all(pods)), [])
  })

  it('keeps as many finished pods as the threshold says, the newest', async () => {
    await using bench = controllerBench()
    bench.cluster.seed(nodes, node('n'))
    for (let i = 0; i < 5; i++) {
      const creationTimestamp = `2026-01-01T00:00:0${i}Z`
      bench.cluster.seed(pods, pod(`p${i}`, { metadata: { creationTimestamp }, spec: { nodeName: 'n' }, status: { phase: 'Succeeded' } }))
    }
    await run(bench, 3)
    assert.deepEqual(namesOf(bench.cluster.all(pods)), ['p2', 'p3', 'p4'])
  })
})
