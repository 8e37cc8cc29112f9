import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { configMaps, customResourceDefinitions, namespaces, nodes, secrets } from '../../../core/api/kinds.ts'
import type { KubeObject } from '../../../core/meta/object.ts'
import { apiVersionOf, resourceType, type ResourceType } from '../../../core/meta/resource-type.ts'
import { silentLogger } from '../../../core/observability/log.ts'
import { type Bench, controllerBench, namesOf } from '../../../tests/helpers/controller-bench.ts'
import { FakeDiscovery } from '../../../tests/helpers/fake-discovery.ts'
import { garbageCollector } from './garbage-collector.ts'

const widgets = resourceType<KubeObject>('example.com/v1', 'widgets', 'Widget', true)
const DELETED_AT = '2026-01-01T00:00:00Z'

async function start(bench: Bench, discovery = new FakeDiscovery(configMaps, secrets, nodes, namespaces, widgets)): Promise<void> {
  const { cluster, clock } = bench
  const { informers } = cluster
  const definitions = informers.informer(customResourceDefinitions)
  await bench.run(garbageCollector({ client: cluster, informers, discovery, definitions, clock, log: silentLogger }))
}

interface Facts {
  readonly namespace?: string
  readonly uid?: string
  readonly owners?: readonly {
    readonly type: ResourceType<KubeObject>
    readonly name: string
    readonly uid: string
    readonly block?: boolean
  }[]
  readonly finalizers?: readonly string[]
  readonly deleting?: boolean
}
const seed = (bench: Bench, type: ResourceType<KubeObject>, name: string, facts: Facts = {}): KubeObject =>
  bench.cluster.seed(type, {
    metadata: {
      name,
      uid: facts.uid ?? `uid-${name}`,
      ...(type.namespaced && { namespace: facts.namespace ?? 'default' }),
      ...(facts.finalizers && { finalizers: facts.finalizers }),
      ...(facts.deleting === true && { deletionTimestamp: DELETED_AT }),
      ...(facts.owners && {
        ownerReferences: facts.owners.map((owner) => ({
          apiVersion: apiVersionOf(owner.type),
          kind: owner.type.kind,
          name: owner.name,
          uid: owner.uid,
          ...(owner.block === true && { blockOwnerDeletion: true }),
        })),
      }),
    },
  })
const owned = (type: ResourceType<KubeObject>, name: string, block = false) => ({ owners: [{ type, name, uid: `uid-${name}`, block }] })

describe('garbage collector', () => {
  it('deletes dependents in the background when their owner goes, generation by generation', async () => {
    await using bench = controllerBench()
    seed(bench, configMaps, 'top')
    seed(bench, secrets, 'middle', owned(configMaps, 'top'))
    seed(bench, widgets, 'bottom', owned(secrets, 'middle'))
    seed(bench, widgets, 'free')
    await start(bench)
    assert.deepEqual(bench.cluster.actions, [])
    bench.cluster.remove(configMaps, { namespace: 'default', name: 'top' })
    await bench.settle()
    assert.deepEqual(namesOf([...bench.cluster.all(secrets), ...bench.cluster.all(widgets)]), ['free'])
  })

  it('collects what was left over from before its start', async () => {
    await using bench = controllerBench()
    seed(bench, secrets, 'left', { owners: [{ type: configMaps, name: 'gone', uid: 'uid-gone' }] })
    await start(bench)
    assert.deepEqual(namesOf(bench.cluster.all(secrets)), [])
  })

  it('does not take a new object of the old name for the owner', async () => {
    await using bench = controllerBench()
    seed(bench, configMaps, 'owner', { uid: 'uid-new' })
    seed(bench, secrets, 'stale', { owners: [{ type: configMaps, name: 'owner', uid: 'uid-old' }] })
    await start(bench)
    assert.deepEqual(namesOf(bench.cluster.all(secrets)), [])
    assert.deepEqual(namesOf(bench.cluster.all(configMaps)), ['owner'])
  })

  it('keeps what has another owner and takes the dangling reference away', async () => {
    await using bench = controllerBench()
    seed(bench, configMaps, 'a')
    seed(bench, configMaps, 'b')
    seed(bench, secrets, 'shared', {
      owners: [
        { type: configMaps, name: 'a', uid: 'uid-a' },
        { type: configMaps, name: 'b', uid: 'uid-b' },
      ],
    })
    await start(bench)
    bench.cluster.remove(configMaps, { namespace: 'default', name: 'a' })
    await bench.settle()
    assert.deepEqual(
      bench.cluster.all(secrets)[0]?.metadata.ownerReferences?.map(({ uid }) => uid),
      ['uid-b'],
    )
  })

  it('lets an owner in foreground deletion go only after its blocking dependents', async () => {
    await using bench = controllerBench()
    seed(bench, configMaps, 'owner')
    seed(bench, secrets, 'blocking', { ...owned(configMaps, 'owner', true), finalizers: ['example.com/slow'] })
    seed(bench, secrets, 'loose', owned(configMaps, 'owner'))
    await start(bench)
    await bench.cluster.delete(
      configMaps,
      { namespace: 'default', name: 'owner' },
      { signal: new AbortController().signal, propagationPolicy: 'Foreground' },
    )
    await bench.settle()
    assert.deepEqual(namesOf(bench.cluster.all(configMaps)), ['owner'])
    assert.notEqual(bench.cluster.all(secrets).find(({ metadata }) => metadata.name === 'blocking')?.metadata.deletionTimestamp, undefined)
    bench.cluster.remove(secrets, { namespace: 'default', name: 'blocking' })
    await bench.settle()
    assert.deepEqual(namesOf([...bench.cluster.all(configMaps), ...bench.cluster.all(secrets)]), [])
  })

  it('lets dependents live when the owner is deleted as an orphaner', async () => {
    await using bench = controllerBench()
    seed(bench, configMaps, 'owner')
    seed(bench, secrets, 'child', owned(configMaps, 'owner'))
    await start(bench)
    await bench.cluster.delete(
      configMaps,
      { namespace: 'default', name: 'owner' },
      { signal: new AbortController().signal, propagationPolicy: 'Orphan' },
    )
    await bench.settle()
    assert.deepEqual(namesOf(bench.cluster.all(configMaps)), [])
    assert.deepEqual(
      bench.cluster.all(secrets).map(({ metadata }) => metadata.ownerReferences),
      [undefined],
    )
  })

  it('collects namespaced dependents of cluster-scoped owners, never the other way round', async () => {
    await using bench = controllerBench()
    seed(bench, nodes, 'n1')
    seed(bench, secrets, 'of-node', owned(nodes, 'n1'))
    seed(bench, nodes, 'odd', { owners: [{ type: configMaps, name: 'nowhere', uid: 'uid-nowhere' }] })
    await start(bench)
    bench.cluster.remove(nodes, { name: 'n1' })
    await bench.settle()
    assert.deepEqual(namesOf(bench.cluster.all(secrets)), [])
    assert.deepEqual(namesOf(bench.cluster.all(nodes)), ['odd'])
  })

  it('does not look for an owner in another namespace', async () => {
    await using bench = controllerBench()
    seed(bench, configMaps, 'owner', { namespace: 'one' })
    seed(bench, secrets, 'near', { ...owned(configMaps, 'owner'), namespace: 'one' })
    seed(bench, secrets, 'far', { ...owned(configMaps, 'owner'), namespace: 'two' })
    await start(bench)
    assert.deepEqual(namesOf(bench.cluster.all(secrets)), ['near'])
    bench.cluster.remove(configMaps, { namespace: 'one', name: 'owner' })
    await bench.settle()
    assert.deepEqual(namesOf(bench.cluster.all(secrets)), [])
  })

  it('begins to watch a custom resource when its definition is established', async () => {
    await using bench = controllerBench()
    const discovery = new FakeDiscovery(configMaps)
    seed(bench, widgets, 'w', owned(configMaps, 'owner'))
    await start(bench, discovery)
    assert.deepEqual(namesOf(bench.cluster.all(widgets)), ['w'])
    discovery.types.push(widgets)
    bench.cluster.seed(customResourceDefinitions, {
      metadata: { name: 'widgets.example.com' },
      spec: { group: 'example.com', versions: [{ name: 'v1', served: true, storage: true }] },
      status: { conditions: [{ type: 'Established', status: 'True' }] },
    })
    await bench.clock.advance(1_000)
    await bench.settle()
    assert.deepEqual(namesOf(bench.cluster.all(widgets)), [])
  })

  it('breaks a circle of objects that block each other', async () => {
    await using bench = controllerBench()
    seed(bench, configMaps, 'a', owned(secrets, 'b', true))
    seed(bench, secrets, 'b', owned(configMaps, 'a', true))
    await start(bench)
    await bench.cluster.delete(
      configMaps,
      { namespace: 'default', name: 'a' },
      { signal: new AbortController().signal, propagationPolicy: 'Foreground' },
    )
    await bench.clock.advance(60_000)
    await bench.settle()
    assert.deepEqual(namesOf([...bench.cluster.all(configMaps), ...bench.cluster.all(secrets)]), [])
  })
})
