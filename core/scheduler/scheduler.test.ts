import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { FakeClock, settle } from '../../tests/helpers/fake-clock.ts'
import { FakeCluster } from '../../tests/helpers/fake-cluster.ts'
import { nodes, persistentVolumeClaims, persistentVolumes, pods, storageClasses } from '../api/kinds.ts'
import type { Pod } from '../api/types/core-v1.ts'
import type { EventRecorder } from '../client/recorder.ts'
import { StatusError } from '../meta/status-error.ts'
import { silentLogger } from '../observability/log.ts'
import { createScheduler } from './scheduler.ts'
import { testNode, testPod } from './testing.ts'

interface Bench {
  readonly cluster: FakeCluster
  readonly clock: FakeClock
  readonly events: string[]
  readonly pod: (name: string) => Pod | undefined
  /** Lets everything run that needs no time. */
  readonly quiet: () => Promise<void>
}

const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

/** A scheduler on a fake cluster whose binding subresource does what the server's does. */
async function bench(prepare: (cluster: FakeCluster) => void = () => undefined): Promise<Bench> {
  const clock = new FakeClock()
  const cluster = new FakeCluster(clock)
  cluster.intercept = (action) => {
    if (action.subresource !== 'binding') return
    const { metadata, target } = action.object as { metadata: { name: string; namespace: string }; target: { name: string } }
    queueMicrotask(() => cluster.change(pods, metadata, (pod) => ({ ...pod, spec: { ...pod.spec, nodeName: target.name } })))
  }
  prepare(cluster)
  const events: string[] = []
  const recorder: EventRecorder = {
    event: (about, type, reason, message) =>
      events.push(`${type} ${reason} ${'metadata' in about ? about.metadata.name : about.name}: ${message}`),
  }
  const stop = new AbortController()
  const deps = { client: cluster, informers: cluster.informers, recorder, clock, log: silentLogger, random: () => 0 }
  const { done } = await createScheduler(deps).start(stop.signal)
  stops.push(async () => {
    stop.abort(new Error('test over'))
    await done
  })
  const quiet = async (): Promise<void> => {
    for (let i = 0; i < 4; i += 1) await settle()
  }
  await quiet()
  return { cluster, clock, events, quiet, pod: (name) => cluster.all(pods).find(({ metadata }) => metadata.name === name) }
}

describe('scheduler', () => {
  it('binds a pod and says so', async () => {
    const { cluster, events, pod, quiet } = await bench((c) => c.seed(nodes, testNode('a')))
    cluster.seed(pods, testPod('p', { cpu: '1' }))
    await quiet()
    assert.equal(pod('p')?.spec.nodeName, 'a')
    assert.deepEqual(events, ['Normal Scheduled p: Successfully assigned default/p to a'])
    const [binding] = cluster.actions
    assert.deepEqual(binding?.object, {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name: 'p', namespace: 'default', uid: 'uid-p' },
      target: { kind: 'Node', name: 'a' },
    })
  })

  it('counts pods whose binding is under way', async () => {
    const { cluster, pod, quiet, events } = await bench((c) => c.seed(nodes, testNode('a')))
    cluster.seed(pods, testPod('p', { cpu: '3' }))
    cluster.seed(pods, testPod('q', { cpu: '3' }))
    await quiet()
    assert.equal(pod('p')?.spec.nodeName, 'a')
    assert.equal(pod('q')?.spec.nodeName, undefined)
    assert.ok(
      events.includes(
        'Warning FailedScheduling q: 0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.',
      ),
    )
  })

  it('reports what is wrong as a condition and tries again when a pod goes', async () => {
    const { cluster, clock, pod, quiet } = await bench((c) => {
      c.seed(nodes, testNode('a'))
      c.seed(pods, testPod('x', { cpu: '4', node: 'a' }))
    })
    cluster.seed(pods, testPod('p', { cpu: '1' }))
    await quiet()
    assert.deepEqual(
      pod('p')?.status.conditions?.map(({ type, status, reason, message }) => ({ type, status, reason, message })),
      [
        {
          type: 'PodScheduled',
          status: 'False',
          reason: 'Unschedulable',
          message:
            '0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.',
        },
      ],
    )
    cluster.remove(pods, { namespace: 'default', name: 'x' })
    await quiet()
    assert.equal(pod('p')?.spec.nodeName, undefined)
    await clock.advance(1000)
    await quiet()
    assert.equal(pod('p')?.spec.nodeName, 'a')
  })

  it('waits for a first node', async () => {
    const { cluster, clock, events, pod, quiet } = await bench((c) => c.seed(pods, testPod('p')))
    assert.deepEqual(events, ['Warning FailedScheduling p: no nodes available to schedule pods'])
    cluster.seed(nodes, testNode('a'))
    await clock.advance(1000)
    await quiet()
    assert.equal(pod('p')?.spec.nodeName, 'a')
  })

  it('leaves pods of other schedulers, gated and leaving ones alone', async () => {
    const { cluster, pod, quiet } = await bench((c) => c.seed(nodes, testNode('a')))
    cluster.seed(pods, testPod('other', { spec: { schedulerName: 'mine' } }))
    cluster.seed(pods, testPod('gated', { spec: { schedulingGates: [{ name: 'x' }] } }))
    cluster.seed(pods, testPod('leaving', { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } }))
    await quiet()
    assert.deepEqual(cluster.actions, [])
    cluster.change(pods, { namespace: 'default', name: 'gated' }, (p) => ({ ...p, spec: { ...p.spec, schedulingGates: [] } }))
    await quiet()
    assert.equal(pod('gated')?.spec.nodeName, 'a')
  })

  it('gives the room back when a binding fails, and tries the pod again', async () => {
    const { cluster, clock, events, pod, quiet } = await bench((c) => c.seed(nodes, testNode('a')))
    const bind = cluster.intercept
    let refusals = 1
    cluster.intercept = (action) => {
      if (action.subresource === 'binding' && refusals-- > 0) throw new StatusError('Conflict', 'busy')
      bind(action)
    }
    cluster.seed(pods, testPod('p', { cpu: '4' }))
    await quiet()
    assert.deepEqual(events, ['Warning FailedScheduling p: binding rejected: busy'])
    assert.equal(pod('p')?.status.conditions?.[0]?.reason, 'SchedulerError')
    await clock.advance(1000)
    await quiet()
    assert.equal(pod('p')?.spec.nodeName, 'a')
  })

  it('preempts less important pods, nominates the node, and binds when they are gone', async () => {
    const { cluster, clock, events, pod, quiet } = await bench((c) => {
      c.slowPodDeletion = true
      c.seed(nodes, testNode('a'))
      c.seed(pods, testPod('x', { cpu: '4', priority: 1, node: 'a' }))
    })
    cluster.seed(pods, testPod('p', { cpu: '2', priority: 100 }))
    await quiet()
    assert.equal(pod('p')?.status.nominatedNodeName, 'a')
    assert.ok(pod('x')?.metadata.deletionTimestamp)
    assert.equal(pod('x')?.status.conditions?.[0]?.reason, 'PreemptionByScheduler')
    assert.ok(events.includes('Normal Preempted x: Preempted by pod uid-p on node a'))
    cluster.seed(pods, testPod('q', { cpu: '1', priority: 1 }))
    cluster.remove(pods, { namespace: 'default', name: 'x' })
    await clock.advance(1000)
    await quiet()
    assert.equal(pod('p')?.spec.nodeName, 'a')
    await clock.advance(2000)
    await quiet()
    assert.equal(pod('q')?.spec.nodeName, 'a')
  })

  it('settles a thousand pods on nodes without overfilling one', async () => {
    const { cluster, quiet } = await bench((c) => {
      for (let i = 0; i < 10; i += 1) c.seed(nodes, testNode(`n${i}`))
    })
    for (let i = 0; i < 1000; i += 1) cluster.seed(pods, testPod(`p${i}`, { cpu: '40m' }))
    for (let i = 0; i < 400 && cluster.all(pods).some(({ spec }) => spec.nodeName === undefined); i += 1) await pause(1)
    await quiet()
    const counts = new Map<string | undefined, number>()
    for (const { spec } of cluster.all(pods)) counts.set(spec.nodeName, (counts.get(spec.nodeName) ?? 0) + 1)
    assert.deepEqual([...counts.values()], Array(10).fill(100))
  })
})

describe('scheduler with volumes', () => {
  const volumeSpec = { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }] }
  const claim = (over: object = {}): never =>
    ({
      metadata: { name: 'c', namespace: 'default' },
      spec: { storageClassName: 'local', accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
      status: { phase: 'Pending' },
      ...over,
    }) as never
  const waiting = (provisioner: string): never =>
    ({ metadata: { name: 'local' }, provisioner, volumeBindingMode: 'WaitForFirstConsumer' }) as never
  const bound = { 'pv.kubernetes.io/bind-completed': 'yes' }

  it('tells the provisioner the node and binds the pod when the claim is bound', async () => {
    const { cluster, pod, quiet } = await bench((c) => {
      c.seed(nodes, testNode('a'))
      c.seed(storageClasses, waiting('example.com/p'))
      c.seed(persistentVolumeClaims, claim())
    })
    cluster.seed(pods, testPod('p', { spec: volumeSpec }))
    await quiet()
    const selected = cluster.all(persistentVolumeClaims)[0]?.metadata.annotations
    assert.deepEqual(selected, { 'volume.kubernetes.io/selected-node': 'a' })
    assert.equal(pod('p')?.spec.nodeName, undefined)
    cluster.seed(persistentVolumes, { metadata: { name: 'v' }, spec: {}, status: { phase: 'Bound' } } as never)
    cluster.change(persistentVolumeClaims, { namespace: 'default', name: 'c' }, (c) => ({
      ...c,
      metadata: { ...c.metadata, annotations: { ...selected, ...bound } },
      spec: { ...c.spec, volumeName: 'v' },
    }))
    await quiet()
    assert.equal(pod('p')?.spec.nodeName, 'a')
  })

  it('tries elsewhere when the provisioner gives the node up', async () => {
    const { cluster, events, quiet } = await bench((c) => {
      c.seed(nodes, testNode('a'))
      c.seed(storageClasses, waiting('example.com/p'))
      c.seed(persistentVolumeClaims, claim())
    })
    cluster.seed(pods, testPod('p', { spec: volumeSpec }))
    await quiet()
    cluster.change(persistentVolumeClaims, { namespace: 'default', name: 'c' }, (c) => ({
      ...c,
      metadata: { ...c.metadata, annotations: {} },
    }))
    await quiet()
    assert.deepEqual(events, [
      'Warning FailedScheduling p: running PreBind plugin "VolumeBinding": selectedNode annotation reset for PVC "c"',
    ])
  })

  it('reserves the smallest free volume that reaches the node', async () => {
    const volume = (name: string, storage: string, node: string): never =>
      ({
        metadata: { name },
        spec: {
          capacity: { storage },
          accessModes: ['ReadWriteOnce'],
          storageClassName: 'local',
          nodeAffinity: {
            required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [node] }] }] },
          },
        },
        status: { phase: 'Available' },
      }) as never
    const { cluster, quiet } = await bench((c) => {
      c.seed(nodes, testNode('a'))
      c.seed(nodes, testNode('b'))
      c.seed(storageClasses, waiting('kubernetes.io/no-provisioner'))
      c.seed(persistentVolumeClaims, claim())
      c.seed(persistentVolumes, volume('large', '5Gi', 'b'))
      c.seed(persistentVolumes, volume('fitting', '2Gi', 'b'))
      c.seed(persistentVolumes, volume('small', '500Mi', 'a'))
    })
    cluster.seed(pods, testPod('p', { spec: volumeSpec }))
    await quiet()
    const owners = cluster.all(persistentVolumes).map(({ metadata, spec }) => [metadata.name, spec.claimRef?.name])
    assert.deepEqual(owners, [
      ['large', undefined],
      ['small', undefined],
      ['fitting', 'c'],
    ])
  })

  it('explains what stands against a pod with claims', async () => {
    const cases: readonly [string, (c: FakeCluster) => void][] = [
      [
        '0/1 nodes are available: persistentvolumeclaim "c" not found. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.',
        () => undefined,
      ],
      [
        '0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.',
        (c) => c.seed(persistentVolumeClaims, claim()),
      ],
      [
        "0/1 nodes are available: 1 node(s) didn't find available persistent volumes to bind. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.",
        (c) => {
          c.seed(persistentVolumeClaims, claim())
          c.seed(storageClasses, waiting('kubernetes.io/no-provisioner'))
        },
      ],
      [
        '0/1 nodes are available: 1 node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s). preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.',
        (c) =>
          c.seed(
            persistentVolumeClaims,
            claim({ metadata: { name: 'c', namespace: 'default', annotations: bound }, spec: { volumeName: 'v', resources: {} } }),
          ),
      ],
    ]
    for (const [message, prepare] of cases) {
      const { events } = await bench((c) => {
        c.seed(nodes, testNode('a'))
        prepare(c)
        c.seed(pods, testPod('p', { spec: volumeSpec }))
      })
      assert.deepEqual(events, [`Warning FailedScheduling p: ${message}`])
    }
  })

  it('lets one pod at a time use a ReadWriteOncePod claim', async () => {
    const { cluster, events, quiet } = await bench((c) => {
      c.seed(nodes, testNode('a'))
      c.seed(persistentVolumes, { metadata: { name: 'v' }, spec: {}, status: { phase: 'Bound' } } as never)
      c.seed(
        persistentVolumeClaims,
        claim({
          metadata: { name: 'c', namespace: 'default', annotations: bound },
          spec: { volumeName: 'v', accessModes: ['ReadWriteOncePod'], resources: {} },
        }),
      )
      c.seed(pods, testPod('x', { spec: { ...volumeSpec, nodeName: 'a' } }))
    })
    cluster.seed(pods, testPod('p', { spec: volumeSpec }))
    await quiet()
    assert.match(events[0] ?? '', /1 node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode\./)
  })
})
