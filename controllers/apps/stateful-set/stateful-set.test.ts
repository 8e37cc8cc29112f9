import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { controllerRevisions, persistentVolumeClaims, pods, statefulSets } from '../../../core/api/kinds.ts'
import type { StatefulSetSpec } from '../../../core/api/types/apps-v1.ts'
import type { Pod } from '../../../core/api/types/core-v1.ts'
import type { Draft } from '../../../core/meta/object.ts'
import { podTemplate } from '../../../tests/helpers/builders.ts'
import { type Bench, controllerBench, namesOf } from '../../../tests/helpers/controller-bench.ts'
import { FakeKubelet } from '../../../tests/helpers/fake-kubelet.ts'
import { statefulSetController } from './stateful-set.ts'

const NAME = { namespace: 'default', name: 'db' }

async function start(bench: Bench, spec: Draft<StatefulSetSpec> = {}): Promise<FakeKubelet> {
  const { cluster, recorder, clock } = bench
  cluster.seed(statefulSets, {
    metadata: NAME,
    spec: {
      replicas: 3,
      serviceName: 'db',
      selector: { matchLabels: { app: 'web' } },
      template: podTemplate(),
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } },
      podManagementPolicy: 'OrderedReady',
      revisionHistoryLimit: 10,
      ...spec,
    },
    status: { replicas: 0, availableReplicas: 0 },
  })
  const { informers } = cluster
  await bench.run(
    statefulSetController({
      client: cluster,
      statefulSets: informers.informer(statefulSets),
      pods: informers.informer(pods),
      claims: informers.informer(persistentVolumeClaims),
      revisions: informers.informer(controllerRevisions),
      recorder,
      clock,
    }),
  )
  return new FakeKubelet(bench)
}
const change = async (bench: Bench, spec: Draft<StatefulSetSpec>): Promise<void> => {
  bench.cluster.change(statefulSets, NAME, (object) => ({ ...object, spec: { ...object.spec, ...spec } }))
  await bench.settle()
}
const shown = (bench: Bench): string[] =>
  bench.cluster
    .all(pods)
    .map(({ metadata, spec }) => `${metadata.name} ${spec.containers[0]?.image ?? ''}`)
    .sort()
const statusOf = (bench: Bench) => bench.cluster.all(statefulSets)[0]?.status
const claimTemplate = { metadata: { name: 'data' }, spec: { accessModes: ['ReadWriteOnce' as const] } }

describe('StatefulSet controller', () => {
  it('starts pods one by one, each after the one before serves', async () => {
    await using bench = controllerBench()
    const kubelet = await start(bench)
    for (const expected of [['db-0'], ['db-0', 'db-1'], ['db-0', 'db-1', 'db-2']]) {
      assert.deepEqual(namesOf(bench.cluster.all(pods)), expected)
      await kubelet.ready()
    }
    const [pod] = bench.cluster.all(pods)
    assert.equal(pod?.spec.hostname, 'db-0')
    assert.equal(pod.spec.subdomain, 'db')
    assert.equal(pod.metadata.labels?.['statefulset.kubernetes.io/pod-name'], 'db-0')
    assert.equal(pod.metadata.labels['apps.kubernetes.io/pod-index'], '0')
    const revision = bench.cluster.all(controllerRevisions)[0]?.metadata.name
    assert.equal(pod.metadata.labels['controller-revision-hash'], revision)
    assert.deepEqual(statusOf(bench), {
      observedGeneration: 1,
      replicas: 3,
      currentReplicas: 3,
      updatedReplicas: 3,
      readyReplicas: 3,
      currentRevision: revision,
      updateRevision: revision,
      collisionCount: 0,
      availableReplicas: 3,
    })
    assert.equal(bench.recorder.events[0], 'Normal SuccessfulCreate create Pod db-0 in StatefulSet db successful')
  })

  it('starts and stops all at once when told to', async () => {
    await using bench = controllerBench()
    await start(bench, { podManagementPolicy: 'Parallel' })
    assert.deepEqual(namesOf(bench.cluster.all(pods)), ['db-0', 'db-1', 'db-2'])
    await change(bench, { replicas: 1 })
    assert.deepEqual(namesOf(bench.cluster.all(pods)), ['db-0'])
  })

  it('scales down from the highest ordinal, waiting for each to go', async () => {
    await using bench = controllerBench()
    bench.cluster.slowPodDeletion = true
    const kubelet = await start(bench)
    for (let i = 0; i < 3; i++) await kubelet.ready()
    await change(bench, { replicas: 1 })
    const going = (): string[] => namesOf(bench.cluster.all(pods).filter(({ metadata }) => metadata.deletionTimestamp !== undefined))
    assert.deepEqual(going(), ['db-2'])
    bench.cluster.remove(pods, { namespace: 'default', name: 'db-2' })
    await bench.settle()
    assert.deepEqual(going(), ['db-1'])
    bench.cluster.remove(pods, { namespace: 'default', name: 'db-1' })
    await bench.settle()
    assert.deepEqual(going(), [])
    assert.deepEqual(namesOf(bench.cluster.all(pods)), ['db-0'])
  })

  it('rolls from the highest ordinal down to the partition', async () => {
    await using bench = controllerBench()
    const kubelet = await start(bench)
    for (let i = 0; i < 3; i++) await kubelet.ready()
    await change(bench, { template: podTemplate('web:2'), updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 1 } } })
    assert.deepEqual(shown(bench), ['db-0 web:1', 'db-1 web:1', 'db-2 web:2'])
    await kubelet.ready()
    assert.deepEqual(shown(bench), ['db-0 web:1', 'db-1 web:2', 'db-2 web:2'])
    await kubelet.ready()
    assert.deepEqual(shown(bench), ['db-0 web:1', 'db-1 web:2', 'db-2 web:2'])
    assert.notEqual(statusOf(bench)?.currentRevision, statusOf(bench)?.updateRevision)
    // A pod below the partition comes back as it was.
    bench.cluster.remove(pods, { namespace: 'default', name: 'db-0' })
    await bench.settle()
    assert.equal(shown(bench)[0], 'db-0 web:1')
    await kubelet.ready()
    await change(bench, { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } } })
    await kubelet.ready()
    assert.deepEqual(shown(bench), ['db-0 web:2', 'db-1 web:2', 'db-2 web:2'])
    assert.equal(statusOf(bench)?.currentRevision, statusOf(bench)?.updateRevision)
  })

  it('makes a claim for each pod from the templates and keeps it', async () => {
    await using bench = controllerBench()
    await start(bench, { replicas: 1, volumeClaimTemplates: [claimTemplate] })
    const [claim] = bench.cluster.all(persistentVolumeClaims)
    assert.equal(claim?.metadata.name, 'data-db-0')
    assert.deepEqual(claim.metadata.labels, { app: 'web' })
    assert.equal(claim.metadata.ownerReferences, undefined)
    assert.deepEqual(bench.cluster.all(pods)[0]?.spec.volumes, [
      { name: 'data', persistentVolumeClaim: { claimName: 'data-db-0', readOnly: false } },
    ])
    await change(bench, { replicas: 0 })
    assert.deepEqual(namesOf(bench.cluster.all(persistentVolumeClaims)), ['data-db-0'])
  })

  it('ties claims to the set, and to the pod that scaling removes, as the retention policy says', async () => {
    await using bench = controllerBench()
    bench.cluster.slowPodDeletion = true
    const policy = { whenDeleted: 'Delete', whenScaled: 'Delete' }
    const kubelet = await start(bench, { replicas: 1, volumeClaimTemplates: [claimTemplate], persistentVolumeClaimRetentionPolicy: policy })
    await kubelet.ready()
    const owners = (): (string | undefined)[] =>
      bench.cluster.all(persistentVolumeClaims)[0]?.metadata.ownerReferences?.map(({ kind }) => kind) ?? []
    assert.deepEqual(owners(), ['StatefulSet'])
    await change(bench, { replicas: 0 })
    assert.deepEqual(owners(), ['Pod'])
  })

  it('replaces a failed pod', async () => {
    await using bench = controllerBench()
    const kubelet = await start(bench, { replicas: 1 })
    const [pod] = bench.cluster.all(pods)
    kubelet.set(pod as Pod, { phase: 'Failed' })
    await bench.settle()
    assert.notEqual(bench.cluster.all(pods)[0]?.metadata.uid, pod?.metadata.uid)
    assert.ok(bench.recorder.events.includes('Warning RecreatingFailedPod StatefulSet default/db is recreating failed Pod db-0'))
  })

  it('counts from the first ordinal it is given', async () => {
    await using bench = controllerBench()
    await start(bench, { replicas: 2, ordinals: { start: 5 }, podManagementPolicy: 'Parallel' })
    assert.deepEqual(namesOf(bench.cluster.all(pods)), ['db-5', 'db-6'])
  })
})
