import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { configMaps, namespaces, pods } from '../../../core/api/kinds.ts'
import type { Namespace } from '../../../core/api/types/core-v1.ts'
import type { KubeObject } from '../../../core/meta/object.ts'
import { resourceType } from '../../../core/meta/resource-type.ts'
import { StatusError } from '../../../core/meta/status-error.ts'
import { pod } from '../../../tests/helpers/builders.ts'
import { type Bench, controllerBench } from '../../../tests/helpers/controller-bench.ts'
import { FakeDiscovery } from '../../../tests/helpers/fake-discovery.ts'
import { namespaceController } from './namespace.ts'

const widgets = resourceType<KubeObject>('example.com/v1', 'widgets', 'Widget', true)

async function start(bench: Bench, discovery = new FakeDiscovery(configMaps, pods, widgets, namespaces)): Promise<void> {
  const { cluster, clock } = bench
  const { informers } = cluster
  await bench.run(
    namespaceController({ client: cluster, namespaces: informers.informer(namespaces), pods: informers.informer(pods), discovery, clock }),
  )
}

function seed(bench: Bench): Namespace {
  bench.cluster.seed(configMaps, { metadata: { namespace: 'doomed', name: 'a' } })
  bench.cluster.seed(configMaps, { metadata: { namespace: 'kept', name: 'a' } })
  bench.cluster.seed(widgets, { metadata: { namespace: 'doomed', name: 'w' } })
  return bench.cluster.seed(namespaces, {
    metadata: { name: 'doomed', deletionTimestamp: '2026-01-01T00:00:00Z' },
    spec: { finalizers: ['kubernetes'] },
    status: { phase: 'Terminating' },
  })
}

const conditionsOf = (bench: Bench): Record<string, string> =>
  Object.fromEntries(
    (bench.cluster.all(namespaces)[0]?.status.conditions ?? [])
      .filter(({ status }) => status === 'True')
      .map(({ type, message }) => [type, message ?? '']),
  )

describe('namespace controller', () => {
  it('deletes everything namespaced, custom resources too, and then the namespace', async () => {
    await using bench = controllerBench()
    seed(bench)
    await start(bench)
    assert.equal(bench.cluster.all(namespaces).length, 0)
    assert.deepEqual(
      [...bench.cluster.all(configMaps), ...bench.cluster.all(widgets)].map(({ metadata }) => metadata.namespace),
      ['kept'],
    )
  })

  it('leaves living namespaces alone', async () => {
    await using bench = controllerBench()
    bench.cluster.seed(namespaces, { metadata: { name: 'kept' }, spec: { finalizers: ['kubernetes'] }, status: { phase: 'Active' } })
    await start(bench)
    assert.deepEqual(bench.cluster.actions, [])
  })

  it('waits for pods before it takes what they may need, and goes on as soon as they are gone', async () => {
    await using bench = controllerBench()
    bench.cluster.slowPodDeletion = true
    seed(bench)
    const running = bench.cluster.seed(pods, pod('p', { metadata: { namespace: 'doomed' }, spec: { nodeName: 'n' } }))
    await start(bench)
    assert.equal(bench.cluster.all(configMaps, 'doomed').length, 1)
    assert.deepEqual(conditionsOf(bench), { NamespaceContentRemaining: 'Some resources are remaining: pods. has 1 resource instances' })
    bench.cluster.remove(pods, running.metadata)
    await bench.settle()
    assert.equal(bench.cluster.all(namespaces).length, 0)
  })

  it('tells which finalizers hold what is left', async () => {
    await using bench = controllerBench()
    seed(bench)
    bench.cluster.change(widgets, { namespace: 'doomed', name: 'w' }, (object) => ({
      ...object,
      metadata: { ...object.metadata, finalizers: ['example.com/keep'] },
    }))
    await start(bench)
    assert.deepEqual(conditionsOf(bench), {
      NamespaceContentRemaining: 'Some resources are remaining: widgets.example.com has 1 resource instances',
      NamespaceFinalizersRemaining: 'Some content in the namespace has finalizers remaining: example.com/keep in 1 resource instances',
    })
    bench.cluster.remove(widgets, { namespace: 'doomed', name: 'w' })
    await bench.clock.advance(6_000)
    await bench.settle()
    assert.equal(bench.cluster.all(namespaces).length, 0)
  })

  it('keeps the namespace while a deletion is refused or a group does not answer', async () => {
    await using bench = controllerBench()
    seed(bench)
    const discovery = new FakeDiscovery(configMaps, pods)
    discovery.failed = ['broken.example.com/v1']
    let refuse = true
    bench.cluster.intercept = ({ verb, resource }) => {
      if (refuse && verb === 'deletecollection' && resource === 'configmaps') throw new StatusError('Forbidden', 'not these')
    }
    await start(bench, discovery)
    assert.deepEqual(conditionsOf(bench), {
      NamespaceDeletionDiscoveryFailure:
        'Discovery failed for some groups, 1 failing: unable to retrieve the complete list of server APIs: broken.example.com/v1',
      NamespaceDeletionContentFailure: 'Failed to delete all resource types, 1 remaining: not these',
    })
    refuse = false
    discovery.failed = []
    await bench.clock.advance(6_000)
    await bench.settle()
    assert.equal(bench.cluster.all(namespaces).length, 0)
  })
})
