import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { deployments, podDisruptionBudgets, pods, replicaSets, replicationControllers, statefulSets } from '../../core/api/kinds.ts'
import type { PodDisruptionBudgetSpec } from '../../core/api/types/policy-v1.ts'
import type { Draft } from '../../core/meta/object.ts'
import { toTimestamp } from '../../core/runtime/clock.ts'
import { pod, readyStatus, replicaSet } from '../../tests/helpers/builders.ts'
import { type Bench, controllerBench } from '../../tests/helpers/controller-bench.ts'
import { FakeDiscovery } from '../../tests/helpers/fake-discovery.ts'
import { disruptionController } from './disruption.ts'

async function start(bench: Bench, spec: Draft<PodDisruptionBudgetSpec>, { ready = 3, size = 3 } = {}): Promise<void> {
  const { cluster, recorder, clock } = bench
  const { informers } = cluster
  cluster.seed(podDisruptionBudgets, {
    metadata: { namespace: 'default', name: 'b' },
    spec: { selector: { matchLabels: { app: 'web' } }, ...spec },
    status: {},
  })
  const set = cluster.seed(replicaSets, replicaSet({ replicas: size }))
  const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: set.metadata.uid, controller: true }
  for (let i = 0; i < size; i++) {
    const status = i < ready ? readyStatus(toTimestamp(clock.now())) : {}
    cluster.seed(pods, pod(`p${i}`, { metadata: { ownerReferences: [owner] }, status }))
  }
  await bench.run(
    disruptionController({
      client: cluster,
      discovery: new FakeDiscovery(),
      budgets: informers.informer(podDisruptionBudgets),
      pods: informers.informer(pods),
      replicaSets: informers.informer(replicaSets),
      deployments: informers.informer(deployments),
      statefulSets: informers.informer(statefulSets),
      replicationControllers: informers.informer(replicationControllers),
      recorder,
      clock,
    }),
  )
}
const numbers = (bench: Bench): (number | undefined)[] => {
  const status = bench.cluster.all(podDisruptionBudgets)[0]?.status
  return [status?.disruptionsAllowed, status?.currentHealthy, status?.desiredHealthy, status?.expectedPods]
}

describe('disruption budgets', () => {
  for (const { title, spec, ready, size, expected } of [
    { title: 'a count that must stay', spec: { minAvailable: 2 }, ready: 3, size: 3, expected: [1, 3, 2, 3] },
    { title: 'a count when one is down already', spec: { minAvailable: 2 }, ready: 2, size: 3, expected: [0, 2, 2, 3] },
    { title: 'a share that must stay, rounded up', spec: { minAvailable: '50%' }, ready: 5, size: 5, expected: [2, 5, 3, 5] },
    { title: 'a count that may go', spec: { maxUnavailable: 1 }, ready: 3, size: 3, expected: [1, 3, 2, 3] },
    { title: 'a share that may go, rounded up', spec: { maxUnavailable: '30%' }, ready: 5, size: 5, expected: [2, 5, 3, 5] },
  ]) {
    it(title, async () => {
      await using bench = controllerBench()
      await start(bench, spec, { ready, size })
      assert.deepEqual(numbers(bench), expected)
    })
  }

  it('count the wanted size, not the pods that happen to exist', async () => {
    await using bench = controllerBench()
    await start(bench, { maxUnavailable: 1 })
    bench.cluster.remove(pods, { namespace: 'default', name: 'p0' })
    await bench.settle()
    assert.deepEqual(numbers(bench), [0, 2, 2, 3])
  })

  it('do not count a pod whose eviction was granted, until that is long ago', async () => {
    await using bench = controllerBench()
    await start(bench, { minAvailable: 2 })
    const granted = toTimestamp(bench.clock.now())
    bench.cluster.change(podDisruptionBudgets, { namespace: 'default', name: 'b' }, (object) => ({
      ...object,
      status: { ...object.status, disruptedPods: { p0: granted } },
    }))
    await bench.settle()
    assert.deepEqual(numbers(bench), [0, 2, 2, 3])
    await bench.clock.advance(121_000)
    await bench.settle()
    assert.deepEqual(numbers(bench), [1, 3, 2, 3])
  })

  it('allow nothing while the size is unknown', async () => {
    await using bench = controllerBench()
    await start(bench, { maxUnavailable: 1 })
    bench.cluster.remove(replicaSets, { namespace: 'default', name: 'web' })
    await bench.settle()
    assert.equal(numbers(bench)[0], 0)
    const [condition] = bench.cluster.all(podDisruptionBudgets)[0]?.status.conditions ?? []
    assert.equal(condition?.reason, 'SyncFailed')
  })
})
