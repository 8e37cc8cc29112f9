import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { pods, replicaSets, replicationControllers } from '../../core/api/kinds.ts'
import { StatusError } from '../../core/meta/status-error.ts'
import { toTimestamp } from '../../core/runtime/clock.ts'
import { pod, podTemplate, readyStatus, replicaSet } from '../../tests/helpers/builders.ts'
import { type Bench, controllerBench, namesOf } from '../../tests/helpers/controller-bench.ts'
import { planReplicas, replicaSetController, replicationControllerController } from './replica-set.ts'

const start = async (bench: Bench): Promise<void> => {
  const { cluster, recorder, clock } = bench
  const sets = cluster.informers.informer(replicaSets)
  await bench.run(replicaSetController({ client: cluster, sets, pods: cluster.informers.informer(pods), recorder, clock }))
}
const statusOf = (bench: Bench): unknown => bench.cluster.all(replicaSets)[0]?.status

describe('plan of replicas', () => {
  for (const { wanted, active, expected } of [
    { wanted: 3, active: 1, expected: 2 },
    { wanted: 1, active: 3, expected: -2 },
    { wanted: 2, active: 2, expected: 0 },
    { wanted: 2000, active: 0, expected: 500 },
    { wanted: 0, active: 2000, expected: -500 },
  ]) {
    it(`wants ${wanted}, has ${active}`, () => assert.equal(planReplicas(wanted, active), expected))
  }
})

describe('ReplicaSet controller', () => {
  it('creates the pods that are missing, owned by the set and made from its template', async () => {
    await using bench = controllerBench()
    const set = bench.cluster.seed(replicaSets, replicaSet({ replicas: 3 }))
    await start(bench)
    const created = bench.cluster.all(pods)
    assert.equal(created.length, 3)
    for (const { metadata, spec } of created) {
      assert.match(metadata.name, /^web-/)
      assert.deepEqual(metadata.labels, { app: 'web' })
      assert.deepEqual(metadata.ownerReferences, [
        { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: set.metadata.uid, controller: true, blockOwnerDeletion: true },
      ])
      assert.equal(spec.containers[0]?.image, 'web:1')
    }
    assert.deepEqual(statusOf(bench), { replicas: 3, fullyLabeledReplicas: 3, terminatingReplicas: 0, observedGeneration: 1 })
    assert.equal(bench.recorder.events.length, 3)
    assert.match(bench.recorder.events[0] ?? '', /^Normal SuccessfulCreate Created pod: web-/)
  })

  it('replaces finished and terminating pods, and counts the latter apart', async () => {
    await using bench = controllerBench()
    bench.cluster.seed(replicaSets, replicaSet({ replicas: 2 }))
    await start(bench)
    const [first, second] = bench.cluster.all(pods)
    assert.ok(first && second)
    bench.cluster.change(pods, first.metadata, (object) => ({ ...object, status: { phase: 'Failed' as const } }))
    bench.cluster.change(pods, second.metadata, (object) => ({
      ...object,
      metadata: { ...object.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' },
    }))
    await bench.settle()
    assert.equal(bench.cluster.all(pods).length, 4)
    assert.deepEqual(statusOf(bench), { replicas: 2, fullyLabeledReplicas: 2, terminatingReplicas: 1, observedGeneration: 1 })
  })

  it('counts a pod as available only after minReadySeconds', async () => {
    await using bench = controllerBench()
    bench.cluster.seed(replicaSets, replicaSet({ replicas: 1, minReadySeconds: 10 }))
    await start(bench)
    const [only] = bench.cluster.all(pods)
    assert.ok(only)
    bench.cluster.change(pods, only.metadata, (object) => ({ ...object, status: readyStatus(toTimestamp(bench.clock.now())) }))
    await bench.settle()
    assert.deepEqual(statusOf(bench), {
      replicas: 1,
      fullyLabeledReplicas: 1,
      readyReplicas: 1,
      terminatingReplicas: 0,
      observedGeneration: 1,
    })
    await bench.clock.advance(10_000)
    await bench.settle()
    assert.equal(bench.cluster.all(replicaSets)[0]?.status.availableReplicas, 1)
  })

  it('adopts matching orphans instead of creating, and lets go of pods whose labels changed', async () => {
    await using bench = controllerBench()
    const set = bench.cluster.seed(replicaSets, replicaSet({ replicas: 1 }))
    bench.cluster.seed(pods, pod('stray'))
    await start(bench)
    assert.deepEqual(namesOf(bench.cluster.all(pods)), ['stray'])
    assert.equal(bench.cluster.all(pods)[0]?.metadata.ownerReferences?.[0]?.uid, set.metadata.uid)
    bench.cluster.change(pods, { namespace: 'default', name: 'stray' }, (object) => ({
      ...object,
      metadata: { ...object.metadata, labels: { app: 'other' } },
    }))
    await bench.settle()
    const all = bench.cluster.all(pods)
    assert.equal(all.length, 2)
    assert.equal(all.find(({ metadata }) => metadata.name === 'stray')?.metadata.ownerReferences, undefined)
  })

  it('leaves the pods of others alone', async () => {
    await using bench = controllerBench()
    bench.cluster.seed(replicaSets, replicaSet({ replicas: 0 }))
    const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'other', uid: 'u', controller: true }
    bench.cluster.seed(pods, pod('foreign', { metadata: { ownerReferences: [owner] } }))
    await start(bench)
    assert.deepEqual(namesOf(bench.cluster.all(pods)), ['foreign'])
    assert.equal(bench.cluster.actions.filter(({ resource }) => resource === 'pods').length, 0)
  })

  it('removes surplus pods, those that are not ready first', async () => {
    await using bench = controllerBench()
    bench.cluster.seed(replicaSets, replicaSet({ replicas: 3 }))
    await start(bench)
    const [first, second] = bench.cluster.all(pods)
    assert.ok(first && second)
    for (const { metadata } of [first, second]) {
      bench.cluster.change(pods, metadata, (object) => ({
        ...object,
        spec: { ...object.spec, nodeName: 'n1' },
        status: readyStatus(toTimestamp(bench.clock.now())),
      }))
    }
    bench.cluster.change(replicaSets, { namespace: 'default', name: 'web' }, (object) => ({
      ...object,
      spec: { ...object.spec, replicas: 2 },
    }))
    await bench.settle()
    assert.deepEqual(namesOf(bench.cluster.all(pods)), namesOf([first, second]))
    assert.match(bench.recorder.events.at(-1) ?? '', /^Normal SuccessfulDelete Deleted pod: web-/)
  })

  it('tells a refused creation in a condition and an event, tries again, and clears the condition', async () => {
    await using bench = controllerBench()
    let refuse = true
    bench.cluster.intercept = ({ verb, resource }) => {
      if (refuse && verb === 'create' && resource === 'pods') throw new StatusError('Forbidden', 'exceeded quota: q')
    }
    bench.cluster.seed(replicaSets, replicaSet({ replicas: 8 }))
    await start(bench)
    const [condition] = bench.cluster.all(replicaSets)[0]?.status.conditions ?? []
    assert.equal(condition?.type, 'ReplicaFailure')
    assert.equal(condition.reason, 'FailedCreate')
    assert.equal(condition.message, 'exceeded quota: q')
    assert.equal(bench.recorder.events[0], 'Warning FailedCreate Error creating: exceeded quota: q')
    refuse = false
    await bench.clock.advance(60_000)
    await bench.settle()
    assert.equal(bench.cluster.all(pods).length, 8)
    assert.equal(bench.cluster.all(replicaSets)[0]?.status.conditions, undefined)
  })

  it('does not create again while its own creations are not in the cache yet', async () => {
    await using bench = controllerBench()
    const { cluster } = bench
    cluster.seed(replicaSets, replicaSet({ replicas: 2 }))
    const put = cluster.informers.put.bind(cluster.informers)
    const held: (() => void)[] = []
    cluster.informers.put = (type, object) => {
      if ((type as { resource: string }).resource === 'pods') held.push(() => put(type, object))
      else put(type, object)
    }
    await start(bench)
    cluster.change(replicaSets, { namespace: 'default', name: 'web' }, (object) => ({
      ...object,
      metadata: { ...object.metadata, annotations: { poke: '1' } },
    }))
    await bench.settle()
    assert.equal(cluster.actions.filter(({ verb, resource }) => verb === 'create' && resource === 'pods').length, 2)
    cluster.informers.put = put
    for (const release of held) release()
    await bench.settle()
    assert.equal(cluster.all(pods).length, 2)
  })

  it('neither creates nor deletes for a set that is being deleted', async () => {
    await using bench = controllerBench()
    bench.cluster.seed(
      replicaSets,
      replicaSet({ replicas: 2 }, { deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['foregroundDeletion'] }),
    )
    await start(bench)
    assert.equal(bench.cluster.all(pods).length, 0)
  })
})

describe('ReplicationController controller', () => {
  it('keeps replicas by a plain selector', async () => {
    await using bench = controllerBench()
    const { cluster, recorder, clock } = bench
    cluster.seed(replicationControllers, {
      metadata: { namespace: 'default', name: 'old' },
      spec: { replicas: 2, selector: { app: 'web' }, template: podTemplate() },
      status: { replicas: 0 },
    })
    const sets = cluster.informers.informer(replicationControllers)
    await bench.run(replicationControllerController({ client: cluster, sets, pods: cluster.informers.informer(pods), recorder, clock }))
    assert.equal(cluster.all(pods).length, 2)
    assert.deepEqual(cluster.all(replicationControllers)[0]?.status, {
      replicas: 2,
      fullyLabeledReplicas: 2,
      terminatingReplicas: undefined,
      observedGeneration: 1,
    })
  })
})
