import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { deployments, pods, replicaSets } from '../../../core/api/kinds.ts'
import type { Deployment, ReplicaSet } from '../../../core/api/types/apps-v1.ts'
import type { Draft } from '../../../core/meta/object.ts'
import { StatusError } from '../../../core/meta/status-error.ts'
import { deployment, podTemplate } from '../../../tests/helpers/builders.ts'
import { type Bench, controllerBench } from '../../../tests/helpers/controller-bench.ts'
import { FakeKubelet } from '../../../tests/helpers/fake-kubelet.ts'
import { isActive, isReady } from '../../runtime/pod.ts'
import { replicaSetController } from '../replica-set.ts'
import { templateHash } from '../template-hash.ts'
import { deploymentController } from './deployment.ts'

const NAME = { namespace: 'default', name: 'web' }

async function start(bench: Bench): Promise<FakeKubelet> {
  const { cluster, recorder, clock } = bench
  const { informers } = cluster
  const podCache = informers.informer(pods)
  await bench.run(
    deploymentController({
      client: cluster,
      deployments: informers.informer(deployments),
      replicaSets: informers.informer(replicaSets),
      pods: podCache,
      recorder,
      clock,
    }),
    replicaSetController({
      client: cluster,
      sets: informers.informer(replicaSets),
      pods: podCache,
      recorder,
      clock,
    }),
  )
  return new FakeKubelet(bench)
}

const current = (bench: Bench): Deployment => {
  const [only] = bench.cluster.all(deployments)
  assert.ok(only)
  return only
}
const change = async (bench: Bench, spec: Draft<Deployment['spec']>): Promise<void> => {
  bench.cluster.change(deployments, NAME, (object) => ({
    ...object,
    spec: { ...object.spec, ...spec },
    metadata: { ...object.metadata, generation: (object.metadata.generation ?? 0) + 1 },
  }))
  await bench.settle()
}
const sizes = (bench: Bench): Record<string, number | undefined> =>
  Object.fromEntries(
    bench.cluster.all(replicaSets).map((set: ReplicaSet) => [set.spec.template.spec.containers[0]?.image, set.spec.replicas]),
  ) as Record<string, number | undefined>
const condition = (bench: Bench, type: string): string => {
  const found = current(bench).status.conditions?.find((each) => each.type === type)
  return found === undefined ? 'none' : `${found.status} ${found.reason ?? ''}`
}

describe('Deployment controller', () => {
  it('creates one ReplicaSet for the template and reports progress and availability', async () => {
    await using bench = controllerBench()
    const seeded = bench.cluster.seed(deployments, deployment({ replicas: 2 }))
    const kubelet = await start(bench)
    const [set] = bench.cluster.all(replicaSets)
    assert.ok(set)
    const hash = templateHash(seeded.spec.template)
    assert.equal(set.metadata.name, `web-${hash}`)
    assert.equal(set.metadata.labels?.['pod-template-hash'], hash)
    assert.equal(set.spec.selector.matchLabels?.['pod-template-hash'], hash)
    assert.deepEqual(set.metadata.annotations, {
      'deployment.kubernetes.io/desired-replicas': '2',
      'deployment.kubernetes.io/max-replicas': '3',
      'deployment.kubernetes.io/revision': '1',
    })
    assert.equal(current(bench).metadata.annotations?.['deployment.kubernetes.io/revision'], '1')
    assert.equal(condition(bench, 'Available'), 'False MinimumReplicasUnavailable')
    assert.equal(condition(bench, 'Progressing'), 'True ReplicaSetUpdated')
    await kubelet.ready()
    assert.equal(condition(bench, 'Available'), 'True MinimumReplicasAvailable')
    assert.equal(condition(bench, 'Progressing'), 'True NewReplicaSetAvailable')
    assert.deepEqual(
      { ...current(bench).status, conditions: [] },
      {
        conditions: [],
        observedGeneration: 1,
        replicas: 2,
        updatedReplicas: 2,
        readyReplicas: 2,
        availableReplicas: 2,
        terminatingReplicas: 0,
      },
    )
    assert.ok(bench.recorder.events.includes(`Normal ScalingReplicaSet Scaled up replica set web-${hash} from 0 to 2`))
  })

  it('rolls step by step within maxSurge and maxUnavailable', async () => {
    await using bench = controllerBench()
    bench.cluster.seed(
      deployments,
      deployment({ replicas: 10, strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } } }),
    )
    const kubelet = await start(bench)
    await kubelet.ready()
    await change(bench, { template: podTemplate('web:2') })
    assert.deepEqual(sizes(bench), { 'web:1': 8, 'web:2': 5 })
    for (let step = 0; step < 20 && sizes(bench)['web:1'] !== 0; step++) {
      const active = bench.cluster.all(pods).filter(isActive)
      assert.ok(active.length <= 13, `${active.length} pods`)
      assert.ok(active.filter(isReady).length >= 8, `${active.filter(isReady).length} ready`)
      const [waiting] = active.filter((pod) => !isReady(pod))
      await kubelet.ready((pod) => pod.metadata.uid === waiting?.metadata.uid)
    }
    await kubelet.ready()
    assert.deepEqual(sizes(bench), { 'web:1': 0, 'web:2': 10 })
    assert.equal(condition(bench, 'Progressing'), 'True NewReplicaSetAvailable')
    assert.equal(current(bench).metadata.annotations?.['deployment.kubernetes.io/revision'], '2')
  })

  it('reuses the old set on a rollback and gives it a new revision', async () => {
    await using bench = controllerBench()
    bench.cluster.seed(deployments, deployment())
    const kubelet = await start(bench)
    await kubelet.ready()
    await change(bench, { template: podTemplate('web:2') })
    await kubelet.ready()
    await change(bench, { template: podTemplate('web:1') })
    await kubelet.ready()
    assert.deepEqual(sizes(bench), { 'web:1': 1, 'web:2': 0 })
    const revived = bench.cluster.all(replicaSets).find(({ spec }) => spec.replicas === 1)
    assert.ok(revived)
    assert.equal(revived.metadata.annotations?.['deployment.kubernetes.io/revision'], '3')
    assert.equal(revived.metadata.annotations['deployment.kubernetes.io/revision-history'], '1')
    assert.equal(current(bench).metadata.annotations?.['deployment.kubernetes.io/revision'], '3')
  })

  it('drops old sets beyond the history limit when a rollout is complete', async () => {
    await using bench = controllerBench()
    bench.cluster.seed(deployments, deployment({ revisionHistoryLimit: 1 }))
    const kubelet = await start(bench)
    for (const image of ['web:2', 'web:3', 'web:4']) {
      await kubelet.ready()
      await change(bench, { template: podTemplate(image) })
    }
    await kubelet.ready()
    assert.deepEqual(Object.keys(sizes(bench)).sort(), ['web:3', 'web:4'])
  })

  it('recreates only after the last old pod is gone', async () => {
    await using bench = controllerBench()
    bench.cluster.slowPodDeletion = true
    bench.cluster.seed(deployments, deployment({ replicas: 2, strategy: { type: 'Recreate' } }))
    const kubelet = await start(bench)
    await kubelet.ready()
    await change(bench, { template: podTemplate('web:2') })
    assert.deepEqual(sizes(bench), { 'web:1': 0 })
    for (const pod of bench.cluster.all(pods)) {
      assert.deepEqual(sizes(bench), { 'web:1': 0 })
      bench.cluster.remove(pods, pod.metadata)
      await bench.settle()
    }
    assert.deepEqual(sizes(bench), { 'web:1': 0, 'web:2': 2 })
  })

  it('does not roll while paused, but scales', async () => {
    await using bench = controllerBench()
    bench.cluster.seed(deployments, deployment())
    const kubelet = await start(bench)
    await kubelet.ready()
    await change(bench, { paused: true, template: podTemplate('web:2') })
    assert.deepEqual(sizes(bench), { 'web:1': 1 })
    assert.equal(condition(bench, 'Progressing'), 'Unknown DeploymentPaused')
    await change(bench, { replicas: 3 })
    assert.deepEqual(sizes(bench), { 'web:1': 3 })
    await change(bench, { paused: false })
    await kubelet.ready()
    await kubelet.ready()
    await kubelet.ready()
    assert.deepEqual(sizes(bench), { 'web:1': 0, 'web:2': 3 })
  })

  it('goes on with a rollout when a change of size leaves a set as large as it is', async () => {
    await using bench = controllerBench()
    bench.cluster.seed(deployments, deployment({ replicas: 5 }))
    const kubelet = await start(bench)
    await kubelet.ready()
    const [set] = bench.cluster.all(replicaSets)
    assert.ok(set)
    const annotations = { ...set.metadata.annotations, 'deployment.kubernetes.io/desired-replicas': '6' }
    bench.cluster.change(replicaSets, set.metadata, (object) => ({ ...object, metadata: { ...object.metadata, annotations } }))
    await change(bench, { template: podTemplate('web:2') })
    for (let i = 0; i < 5; i++) await kubelet.ready()
    assert.deepEqual(sizes(bench), { 'web:1': 0, 'web:2': 5 })
  })

  it('calls a rollout stuck after its deadline and recovers when it moves', async () => {
    await using bench = controllerBench()
    bench.cluster.seed(deployments, deployment({ progressDeadlineSeconds: 60 }))
    const kubelet = await start(bench)
    await bench.clock.advance(59_000)
    assert.equal(condition(bench, 'Progressing'), 'True ReplicaSetUpdated')
    await bench.clock.advance(3_000)
    await bench.settle()
    assert.equal(condition(bench, 'Progressing'), 'False ProgressDeadlineExceeded')
    await kubelet.ready()
    assert.equal(condition(bench, 'Progressing'), 'True NewReplicaSetAvailable')
  })

  it('takes another name when the hash is taken by a foreign template', async () => {
    await using bench = controllerBench()
    const draft = deployment()
    const hash = templateHash(podTemplate() as never)
    bench.cluster.seed(replicaSets, {
      metadata: { namespace: 'default', name: `web-${hash}`, labels: { app: 'foreign' } },
      spec: { replicas: 0, selector: { matchLabels: { app: 'foreign' } }, template: podTemplate('foreign:1', { app: 'foreign' }) },
      status: { replicas: 0 },
    })
    bench.cluster.seed(deployments, draft)
    const kubelet = await start(bench)
    await bench.clock.advance(1000)
    await kubelet.ready()
    assert.equal(current(bench).status.collisionCount, 1)
    assert.deepEqual(sizes(bench), { 'foreign:1': 0, 'web:1': 1 })
  })

  it('reports a set that the server refuses', async () => {
    await using bench = controllerBench()
    bench.cluster.intercept = ({ verb, resource }) => {
      if (verb === 'create' && resource === 'replicasets') throw new StatusError('Forbidden', 'exceeded quota')
    }
    bench.cluster.seed(deployments, deployment())
    await start(bench)
    assert.equal(condition(bench, 'Progressing'), 'False ReplicaSetCreateError')
    assert.match(
      bench.recorder.events[0] ?? '',
      /^Warning ReplicaSetCreateError Failed to create new replica set "web-.*": exceeded quota$/,
    )
  })

  it('refuses to select everything', async () => {
    await using bench = controllerBench()
    bench.cluster.seed(deployments, deployment({ selector: {} }))
    await start(bench)
    assert.equal(bench.recorder.events[0], 'Warning SelectingAll This deployment is selecting all pods. A non-empty selector is required.')
    assert.equal(bench.cluster.all(replicaSets).length, 0)
  })
})
