import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { controllerRevisions, daemonSets, nodes, pods } from '../../../core/api/kinds.ts'
import type { DaemonSet, DaemonSetSpec } from '../../../core/api/types/apps-v1.ts'
import type { Node, Pod } from '../../../core/api/types/core-v1.ts'
import type { Draft } from '../../../core/meta/object.ts'
import { podTemplate } from '../../../tests/helpers/builders.ts'
import { type Bench, controllerBench } from '../../../tests/helpers/controller-bench.ts'
import { FakeKubelet } from '../../../tests/helpers/fake-kubelet.ts'
import { daemonSetController } from './daemon-set.ts'
import { nodeOf, placementOn } from './placement.ts'

const NAME = { namespace: 'default', name: 'agent' }
const daemonSet = (spec: Draft<DaemonSetSpec> = {}): Draft<DaemonSet> => ({
  metadata: NAME,
  spec: {
    selector: { matchLabels: { app: 'web' } },
    template: podTemplate(),
    updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } },
    revisionHistoryLimit: 10,
    ...spec,
  },
  status: { currentNumberScheduled: 0, numberMisscheduled: 0, desiredNumberScheduled: 0, numberReady: 0 },
})

async function start(bench: Bench, spec: Draft<DaemonSetSpec> = {}, count = 3): Promise<FakeKubelet> {
  const { cluster, recorder, clock } = bench
  for (let i = 1; i <= count; i++) cluster.seed(nodes, { metadata: { name: `n${i}`, labels: { nr: String(i) } }, spec: {} })
  cluster.seed(daemonSets, daemonSet(spec))
  const { informers } = cluster
  await bench.run(
    daemonSetController({
      client: cluster,
      daemonSets: informers.informer(daemonSets),
      nodes: informers.informer(nodes),
      pods: informers.informer(pods),
      revisions: informers.informer(controllerRevisions),
      recorder,
      clock,
    }),
  )
  return new FakeKubelet(bench)
}

/** Binds pods where their affinity wants them, as the scheduler does, and makes them ready. */
async function serve(bench: Bench, kubelet: FakeKubelet): Promise<void> {
  for (const pod of bench.cluster.all(pods)) {
    bench.cluster.change(pods, pod.metadata, (object) => ({ ...object, spec: { ...object.spec, nodeName: nodeOf(pod) } }))
  }
  await kubelet.ready()
}
const placed = (bench: Bench): string[] =>
  bench.cluster
    .all(pods)
    .map((pod) => `${nodeOf(pod) ?? '?'} ${pod.spec.containers[0]?.image ?? ''}`)
    .sort()
const roll = async (bench: Bench, image: string): Promise<void> => {
  bench.cluster.change(daemonSets, NAME, (object) => ({ ...object, spec: { ...object.spec, template: podTemplate(image) } }))
  await bench.settle()
}

describe('placement of daemon pods', () => {
  const taint = (key: string, effect: 'NoSchedule' | 'NoExecute') => ({ spec: { taints: [{ key, effect }] } })
  for (const { title, node, template, expected } of [
    { title: 'a plain node', node: {}, template: {}, expected: [true, true] },
    { title: 'a node that does not match the selector', node: {}, template: { nodeSelector: { a: 'b' } }, expected: [false, false] },
    { title: 'a node tainted against new pods', node: taint('x', 'NoSchedule'), template: {}, expected: [false, true] },
    { title: 'a node tainted against all pods', node: taint('x', 'NoExecute'), template: {}, expected: [false, false] },
    {
      title: 'a tolerated taint',
      node: taint('x', 'NoSchedule'),
      template: { tolerations: [{ operator: 'Exists' as const }] },
      expected: [true, true],
    },
    { title: 'a node in trouble', node: taint('node.kubernetes.io/unreachable', 'NoExecute'), template: {}, expected: [true, true] },
    { title: 'a cordoned node', node: taint('node.kubernetes.io/unschedulable', 'NoSchedule'), template: {}, expected: [true, true] },
  ]) {
    it(title, () => {
      const set = daemonSet({ template: { ...podTemplate(), spec: { ...podTemplate().spec, ...template } } }) as DaemonSet
      const { shouldRun, mayStay } = placementOn(set, { metadata: { name: 'n' }, spec: {}, ...node } as unknown as Node)
      assert.deepEqual([shouldRun, mayStay], expected)
    })
  }
})

describe('DaemonSet controller', () => {
  it('runs one pod per node, bound by affinity, and reports it', async () => {
    await using bench = controllerBench()
    const kubelet = await start(bench)
    assert.deepEqual(placed(bench), ['n1 web:1', 'n2 web:1', 'n3 web:1'])
    const [pod] = bench.cluster.all(pods)
    const [revision] = bench.cluster.all(controllerRevisions)
    assert.equal(pod?.metadata.labels?.['controller-revision-hash'], revision?.metadata.labels?.['controller-revision-hash'])
    assert.ok(pod?.spec.tolerations?.some(({ key }) => key === 'node.kubernetes.io/not-ready'))
    await serve(bench, kubelet)
    assert.deepEqual(bench.cluster.all(daemonSets)[0]?.status, {
      currentNumberScheduled: 3,
      numberMisscheduled: 0,
      desiredNumberScheduled: 3,
      numberReady: 3,
      observedGeneration: 1,
      updatedNumberScheduled: 3,
      numberAvailable: 3,
    })
  })

  it('follows nodes that come, go, and change their labels', async () => {
    await using bench = controllerBench()
    const kubelet = await start(bench, { template: { ...podTemplate(), spec: { ...podTemplate().spec, nodeSelector: { nr: '2' } } } })
    await serve(bench, kubelet)
    assert.deepEqual(placed(bench), ['n2 web:1'])
    bench.cluster.change(nodes, { name: 'n1' }, (object) => ({ ...object, metadata: { ...object.metadata, labels: { nr: '2' } } }))
    await bench.settle()
    assert.deepEqual(placed(bench), ['n1 web:1', 'n2 web:1'])
    bench.cluster.change(nodes, { name: 'n2' }, (object) => ({ ...object, metadata: { ...object.metadata, labels: {} } }))
    await bench.settle()
    assert.deepEqual(placed(bench), ['n1 web:1'])
    bench.cluster.remove(nodes, { name: 'n1' })
    await bench.settle()
    assert.deepEqual(placed(bench), [])
  })

  it('rolls node by node within maxUnavailable', async () => {
    await using bench = controllerBench()
    const kubelet = await start(bench)
    await serve(bench, kubelet)
    await roll(bench, 'web:2')
    for (let left = 2; left >= 0; left--) {
      assert.equal(placed(bench).filter((each) => each.endsWith('web:1')).length, left)
      await serve(bench, kubelet)
    }
    assert.deepEqual(placed(bench), ['n1 web:2', 'n2 web:2', 'n3 web:2'])
    assert.deepEqual(
      bench.cluster.all(controllerRevisions).map(({ revision }) => revision),
      [1, 2],
    )
  })

  it('starts the new pod first when surging', async () => {
    await using bench = controllerBench()
    const kubelet = await start(bench, { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } } }, 2)
    await serve(bench, kubelet)
    await roll(bench, 'web:2')
    assert.deepEqual(placed(bench), ['n1 web:1', 'n1 web:2', 'n2 web:1'])
    await serve(bench, kubelet)
    await serve(bench, kubelet)
    assert.deepEqual(placed(bench), ['n1 web:2', 'n2 web:2'])
  })

  it('replaces only pods that a user deletes under OnDelete', async () => {
    await using bench = controllerBench()
    const kubelet = await start(bench, { updateStrategy: { type: 'OnDelete' } }, 2)
    await serve(bench, kubelet)
    await roll(bench, 'web:2')
    assert.deepEqual(placed(bench), ['n1 web:1', 'n2 web:1'])
    const [first] = bench.cluster.all(pods)
    bench.cluster.remove(pods, first?.metadata ?? { name: '' })
    await bench.settle()
    assert.deepEqual(placed(bench), ['n1 web:2', 'n2 web:1'])
  })

  it('replaces a failed pod, more slowly each time', async () => {
    await using bench = controllerBench()
    const kubelet = await start(bench, {}, 1)
    await serve(bench, kubelet)
    const fail = async (): Promise<Pod | undefined> => {
      const [pod] = bench.cluster.all(pods)
      if (pod !== undefined) kubelet.set({ ...pod, spec: { ...pod.spec, nodeName: 'n1' } }, { phase: 'Failed' })
      await bench.settle()
      return bench.cluster.all(pods)[0]
    }
    assert.equal((await fail())?.status.phase, undefined)
    await serve(bench, kubelet)
    assert.equal((await fail())?.status.phase, 'Failed')
    await bench.clock.advance(1_000)
    await bench.settle()
    assert.equal(bench.cluster.all(pods)[0]?.status.phase, undefined)
    assert.match(
      bench.recorder.events.join(),
      /Warning FailedDaemonPod Found failed daemon pod default\/agent-\S+ on node n1, will try to kill it/,
    )
  })

  it('brings an old revision to the front on a rollback, and drops unused ones beyond the limit', async () => {
    await using bench = controllerBench()
    const kubelet = await start(bench, { revisionHistoryLimit: 1 }, 1)
    await serve(bench, kubelet)
    for (const image of ['web:2', 'web:1', 'web:3', 'web:4']) {
      await roll(bench, image)
      await serve(bench, kubelet)
    }
    assert.deepEqual(
      bench.cluster
        .all(controllerRevisions)
        .map(({ revision }) => revision)
        .sort(),
      [4, 5],
    )
  })
})
