import type { Client } from '../../core/client/client.ts'
import type { Informer, InformerFactory } from '../../core/client/informer.ts'
import { ObjectStore } from '../../core/client/object-store.ts'
import { type KubeObject, keyOf } from '../../core/meta/object.ts'
import { groupResourceOf, type ResourceType } from '../../core/meta/resource-type.ts'
import { StatusError } from '../../core/meta/status-error.ts'
import type { FakeCluster } from './fake-cluster.ts'

/** Numbers in [0, 1) that a seed repeats. */
export function seededRandom(seed: number): () => number {
  let state = (seed * 2654435761) >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

const WRITES = new Set(['create', 'update', 'updateStatus', 'patch', 'delete', 'createSubresource'])

/** A client whose writes fail at random, half of them after they took effect, as when an answer is lost. */
export function unreliable(cluster: FakeCluster, random: () => number, rate: () => number): Client {
  return new Proxy(cluster, {
    get: (target, name) => {
      const method = Reflect.get(target, name) as (...args: unknown[]) => Promise<unknown>
      if (!WRITES.has(String(name))) return method.bind(target)
      return async (...args: unknown[]) => {
        const dice = random()
        if (dice < rate() / 2) throw new StatusError('InternalError', 'injected: nothing was written')
        const answer = await method.apply(target, args)
        if (dice < rate()) throw new StatusError('Timeout', 'injected: the answer was lost')
        return answer
      }
    },
  })
}

/** Caches that learn of changes late: each resource has its own backlog, delivered in order when the test says so. */
export class LateInformers implements InformerFactory {
  readonly #cluster: FakeCluster
  readonly #informers = new Map<string, LateInformer>()

  constructor(cluster: FakeCluster) {
    this.#cluster = cluster
  }

  informer<T extends KubeObject>(type: ResourceType<T>): Informer<T> {
    const id = groupResourceOf(type)
    let informer = this.#informers.get(id)
    if (informer === undefined) this.#informers.set(id, (informer = new LateInformer(type, this.#cluster)))
    return informer as unknown as Informer<T>
  }

  async waitForSync(): Promise<void> {}

  /** Delivers a random part of each backlog. */
  deliverSome(random: () => number): void {
    for (const informer of this.#informers.values()) informer.deliver(Math.floor(random() * 4))
  }

  deliverAll(): void {
    for (const informer of this.#informers.values()) informer.deliver(Number.POSITIVE_INFINITY)
  }
}

type Change = readonly [next: KubeObject | undefined, old: KubeObject | undefined]

class LateInformer extends ObjectStore<KubeObject> implements Informer<KubeObject> {
  readonly type: ResourceType<KubeObject>
  readonly hasSynced = true
  readonly #backlog: Change[] = []
  readonly #listeners = new Set<(...change: Change) => void>()

  constructor(type: ResourceType<KubeObject>, cluster: FakeCluster) {
    super()
    this.type = type
    const source = cluster.informers.informer(type)
    for (const object of source.list()) this.set(object)
    source.onChange((next, old) => this.#backlog.push([next, old]))
  }

  onChange(listener: (...change: Change) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  deliver(count: number): void {
    for (let left = count; left > 0; left--) {
      const change = this.#backlog.shift()
      if (change === undefined) return
      const [next, old] = change
      if (next !== undefined) this.set(next)
      else if (old !== undefined) this.delete(keyOf(old))
      for (const listener of this.#listeners) listener(next, old)
    }
  }
}
