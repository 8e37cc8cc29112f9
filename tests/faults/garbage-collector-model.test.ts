import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { garbageCollector } from '../../controllers/core/garbage-collector/garbage-collector.ts'
import { controllerRunner } from '../../controllers/runtime/run.ts'
import { configMaps, customResourceDefinitions, secrets } from '../../core/api/kinds.ts'
import type { KubeObject } from '../../core/meta/object.ts'
import type { ResourceType } from '../../core/meta/resource-type.ts'
import { silentLogger } from '../../core/observability/log.ts'
import { FakeClock, settle } from '../helpers/fake-clock.ts'
import { FakeCluster } from '../helpers/fake-cluster.ts'
import { FakeDiscovery } from '../helpers/fake-discovery.ts'
import { LateInformers, seededRandom, unreliable } from '../helpers/hostile-cluster.ts'

const POLICIES = ['Background', 'Foreground', 'Orphan'] as const
const TYPES: readonly ResourceType<KubeObject>[] = [configMaps, secrets]

/** Objects by name with the names of their owners: what ownership means, without any collector. */
class Model {
  readonly owners = new Map<string, Set<string>>()

  delete(name: string, policy: (typeof POLICIES)[number]): void {
    this.owners.delete(name)
    if (policy === 'Orphan') {
      for (const owners of this.owners.values()) owners.delete(name)
      return
    }
    for (let again = true; again; ) {
      again = false
      for (const [dependent, owners] of this.owners) {
        if (owners.size === 0 || [...owners].some((owner) => this.owners.has(owner))) continue
        this.owners.delete(dependent)
        again = true
      }
    }
    for (const owners of this.owners.values()) for (const owner of owners) if (!this.owners.has(owner)) owners.delete(owner)
  }
}

describe('the garbage collector leaves what ownership says, whatever fails and however late its caches', () => {
  for (let seed = 1; seed <= 12; seed++) {
    it(`random graphs and deletions, seed ${seed}`, async () => {
      const random = seededRandom(seed)
      const clock = new FakeClock()
      const cluster = new FakeCluster(clock)
      const model = new Model()
      const typeOf = (name: string): ResourceType<KubeObject> => TYPES[Number(name.slice(1)) % 2] ?? configMaps
      const objects = (): readonly KubeObject[] => TYPES.flatMap((type) => cluster.all(type))
      for (let i = 0; i < 30; i++) {
        const name = `o${i}`
        const owners = Array.from({ length: Math.floor(random() * 3) }, () => `o${Math.floor(random() * i)}`).filter(
          (owner) => i > 0 && owner !== name,
        )
        model.owners.set(name, new Set(owners))
        const ownerReferences = [...new Set(owners)].map((owner) => ({
          apiVersion: 'v1',
          kind: typeOf(owner).kind,
          name: owner,
          uid: `uid-${owner}`,
          blockOwnerDeletion: random() < 0.5,
        }))
        cluster.seed(typeOf(name), {
          metadata: { namespace: 'default', name, uid: `uid-${name}`, ...(ownerReferences.length > 0 && { ownerReferences }) },
        })
      }
      let rate = 0.2
      const informers = new LateInformers(cluster)
      const client = unreliable(cluster, random, () => rate)
      const abort = new AbortController()
      const definitions = informers.informer(customResourceDefinitions)
      const collector = garbageCollector({
        client,
        informers,
        discovery: new FakeDiscovery(...TYPES),
        definitions,
        clock,
        log: silentLogger,
      })
      const { done } = await controllerRunner([collector], { informers, clock, log: silentLogger }).start(abort.signal)
      for (let round = 0; round < 5; round++) {
        const [victim] = objects().filter(() => random() < 0.2)
        if (victim !== undefined) {
          const policy = POLICIES[Math.floor(random() * 3)] ?? 'Background'
          model.delete(victim.metadata.name, policy)
          await cluster.delete(typeOf(victim.metadata.name), victim.metadata, { signal: abort.signal, propagationPolicy: policy })
        }
        rate = 0.2
        for (let i = 0; i < 20; i++) {
          informers.deliverSome(random)
          await clock.advance(random() * 1_000)
        }
        rate = 0
        for (let i = 0; i < 40; i++) {
          informers.deliverAll()
          await clock.advance(30_000)
          await settle()
        }
        const left = Object.fromEntries(
          objects().map(({ metadata }) => [metadata.name, (metadata.ownerReferences ?? []).map((owner) => owner.name).sort()]),
        )
        const expected = Object.fromEntries([...model.owners].map(([name, owners]) => [name, [...owners].sort()]))
        assert.deepEqual(Object.keys(left).sort(), Object.keys(expected).sort(), `round ${round}`)
      }
      abort.abort(new Error('over'))
      await done
    })
  }
})
