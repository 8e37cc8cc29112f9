import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { CacheEvent, CacheWatch, CacheWatchOptions, Encoded, Entry, ResourceCache } from '../../core/apiserver/cache/cache.ts'
import { type Caches, type CachesOptions, createCaches } from '../../core/apiserver/cache/caches.ts'
import { encodeObject } from '../../core/apiserver/cache/splice.ts'
import { MAX_PENDING_EVENTS } from '../../core/apiserver/cache/watchers.ts'
import type { KubeObject } from '../../core/meta/object.ts'
import { openSqlite } from '../../core/store/sqlite/open.ts'
import { type Store, StoreError, type StoreErrorCode } from '../../core/store/store.ts'
import { FakeClock } from '../helpers/fake-clock.ts'

const PODS = '/registry/pods'
const NODES = '/registry/nodes'
const RESOURCES = [
  {
    storagePrefix: PODS,
    namespaced: true,
    selectableFields: (pod: KubeObject) => ({ 'spec.nodeName': (pod as TestPod).spec?.nodeName ?? '' }),
  },
  { storagePrefix: NODES, namespaced: false },
]

interface TestPod extends KubeObject {
  readonly spec?: { readonly nodeName?: string; readonly text?: string }
}

interface Bench extends AsyncDisposable {
  readonly store: Store
  readonly caches: Caches
  readonly pods: ResourceCache
  readonly clock: FakeClock
  readonly signal: AbortSignal
}

async function open(options: Partial<CachesOptions> = {}): Promise<Bench> {
  const store = options.store ?? (await openSqlite({ path: ':memory:' }))
  const stop = new AbortController()
  const clock = new FakeClock()
  const caches = await createCaches({ store, resources: RESOURCES, clock, signal: stop.signal, freeze: true, ...options })
  return {
    store,
    caches,
    pods: must(caches.get(PODS)),
    clock,
    signal: stop.signal,
    [Symbol.asyncDispose]: async () => {
      stop.abort(new Error('the test is over'))
      await caches.done
      await store[Symbol.asyncDispose]()
    },
  }
}

function must<T>(value: T | undefined): T {
  assert.ok(value !== undefined)
  return value
}

function pod(
  namespace: string,
  name: string,
  extra: { readonly labels?: Record<string, string>; readonly nodeName?: string; readonly text?: string } = {},
): Encoded {
  const { labels, nodeName, text } = extra
  const metadata = {
    name,
    namespace,
    uid: `uid-${name}`,
    resourceVersion: '',
    creationTimestamp: '2026-01-01T00:00:00Z',
    ...(labels !== undefined && { labels }),
  }
  const spec = { ...(nodeName !== undefined && { nodeName }), ...(text !== undefined && { text }) }
  return encodeObject({ kind: 'Pod', apiVersion: 'v1', metadata, spec } as KubeObject)
}

const names = (entries: readonly Entry[]): string[] => entries.map((entry) => `${entry.namespace}/${entry.name}`)
const show = (event: CacheEvent): string => `${event.type} ${event.entry.namespace}/${event.entry.name}@${event.entry.modRevision}`

async function refused(result: Promise<unknown> | (() => unknown), code: StoreErrorCode): Promise<void> {
  await assert.rejects(
    async () => (typeof result === 'function' ? result() : result),
    (err) => err instanceof StoreError && err.code === code,
  )
}

/** A store like a remote one: what it hands out is never the buffer it was given. */
function copying(store: Store): Store {
  return new Proxy(store, {
    get: (target, property) => {
      if (property !== 'watch') {
        const value: unknown = Reflect.get(target, property, target)
        return typeof value === 'function' ? (value.bind(target) as unknown) : value
      }
      return async function* watch(options: Parameters<Store['watch']>[0]): ReturnType<Store['watch']> & AsyncGenerator<never> {
        for await (const batch of target.watch(options)) {
          yield { ...batch, events: batch.events.map((event) => ({ ...event, value: Uint8Array.from(event.value) })) } as never
        }
      }
    },
  })
}

/** Everything a watch has to say up to the current revision. */
async function drain(watch: CacheWatch, upTo: number, signal: AbortSignal): Promise<CacheEvent[]> {
  const events: CacheEvent[] = []
  for (;;) {
    const news = must(await watch.pull(signal))
    events.push(...news.events)
    if (news.revision >= upTo) return events
  }
}

describe('the watch cache', () => {
  it('serves what was written at once, with its revision in the bytes and in the object', async () => {
    await using bench = await open()
    const entry = await bench.pods.create('default', 'web', pod('default', 'web', { labels: { app: 'web' }, nodeName: 'n1' }))
    assert.equal(bench.pods.get('default', 'web'), entry)
    assert.equal(bench.pods.get('default', 'other'), undefined)
    assert.equal(entry.modRevision, bench.store.revision)
    assert.equal(entry.createRevision, entry.modRevision)
    assert.deepEqual(entry.labels, { app: 'web' })
    assert.deepEqual(entry.fields, { 'spec.nodeName': 'n1' })
    const parsed = JSON.parse(Buffer.from(entry.bytes).toString()) as KubeObject
    assert.equal(parsed.metadata.resourceVersion, String(entry.modRevision))
    assert.deepEqual(entry.object(), parsed)
    assert.equal(bench.pods.size, 1)
  })

  it('refuses conflicting writes as the store does and changes nothing', async () => {
    await using bench = await open()
    const first = await bench.pods.create('a', 'x', pod('a', 'x'))
    await refused(bench.pods.create('a', 'x', pod('a', 'x')), 'KeyExists')
    const second = await bench.pods.update(first, pod('a', 'x', { text: '2' }))
    await refused(bench.pods.update(first, pod('a', 'x', { text: '3' })), 'RevisionMismatch')
    await refused(bench.pods.delete(first), 'RevisionMismatch')
    assert.equal(bench.pods.get('a', 'x'), second)
    assert.equal(second.createRevision, first.createRevision)
    await bench.pods.delete(second)
    assert.equal(bench.pods.get('a', 'x'), undefined)
    await refused(bench.pods.delete(second), 'NotFound')
  })

  it('does not commit an update that changes nothing', async () => {
    await using bench = await open()
    const entry = await bench.pods.create('a', 'x', pod('a', 'x', { text: '1' }))
    assert.equal(await bench.pods.update(entry, pod('a', 'x', { text: '1' })), entry)
    assert.equal(bench.store.revision, entry.modRevision)
    const stale = await bench.pods.update(entry, pod('a', 'x', { text: '2' }))
    await refused(bench.pods.update(entry, pod('a', 'x', { text: '2' })), 'RevisionMismatch')
    assert.equal(bench.pods.get('a', 'x'), stale)
  })

  it('lists in key order, by namespace, in pages', async () => {
    await using bench = await open()
    for (const [namespace, name] of [
      ['b', '1'],
      ['a', '2'],
      ['a-b', '1'],
      ['a', '1'],
      ['c', '1'],
    ] as const)
      await bench.pods.create(namespace, name, pod(namespace, name))
    const all = bench.pods.list({})
    assert.deepEqual(names(all.entries), ['a-b/1', 'a/1', 'a/2', 'b/1', 'c/1'])
    assert.equal(all.revision, bench.store.revision)
    assert.deepEqual(names(bench.pods.list({ namespace: 'a' }).entries), ['a/1', 'a/2'])
    assert.deepEqual(names(bench.pods.list({ namespace: 'none' }).entries), [])
    const page = bench.pods.list({ limit: 2 })
    assert.deepEqual([names(page.entries), page.remaining], [['a-b/1', 'a/1'], 3])
    const next = bench.pods.list({ limit: 2, startAfter: { namespace: 'a', name: '1' } })
    assert.deepEqual([names(next.entries), next.remaining], [['a/2', 'b/1'], 1])
    const inside = bench.pods.list({ namespace: 'a', limit: 1, startAfter: { namespace: 'a', name: '1' } })
    assert.deepEqual([names(inside.entries), inside.remaining], [['a/2'], 0])
    const nodes = must(bench.caches.get(NODES))
    await nodes.create(
      '',
      'n1',
      encodeObject({ kind: 'Node', apiVersion: 'v1', metadata: { name: 'n1', uid: 'u', resourceVersion: '', creationTimestamp: '' } }),
    )
    assert.deepEqual(names(nodes.list({}).entries), ['/n1'])
    assert.equal(nodes.get('', 'n1')?.fields, undefined)
  })

  it('lists an earlier revision while the ring covers it', async () => {
    await using bench = await open({ ring: { maxChanges: 4 } })
    const a = await bench.pods.create('x', 'a', pod('x', 'a', { text: '1' }))
    const b = await bench.pods.create('x', 'b', pod('x', 'b'))
    const at = b.modRevision
    await bench.pods.update(a, pod('x', 'a', { text: '2' }))
    await bench.pods.delete(b)
    await bench.pods.create('x', 'c', pod('x', 'c'))
    const past = bench.pods.list({ atRevision: at })
    assert.deepEqual(
      past.entries.map((entry) => [entry.name, entry.modRevision]),
      [
        ['a', a.modRevision],
        ['b', b.modRevision],
      ],
    )
    assert.deepEqual(names(bench.pods.list({ atRevision: at, limit: 1, startAfter: { namespace: 'x', name: 'a' } }).entries), ['x/b'])
    assert.deepEqual(names(bench.pods.list({}).entries), ['x/a', 'x/c'])
    await bench.pods.create('x', 'd', pod('x', 'd'))
    await bench.pods.create('x', 'e', pod('x', 'e'))
    await refused(() => bench.pods.list({ atRevision: at }), 'Compacted')
    await refused(() => bench.pods.list({ atRevision: bench.caches.revision + 1 }), 'FutureRevision')
  })

  it('shows watchers every change once, framed, by resource, namespace and name', async () => {
    await using bench = await open()
    const from = bench.caches.revision
    const everywhere = bench.pods.watch({ afterRevision: from })
    const inA = bench.pods.watch({ afterRevision: from, namespace: 'a' })
    const one = bench.pods.watch({ afterRevision: from, namespace: 'a', name: 'y' })
    const named = bench.pods.watch({ afterRevision: from, name: 'y' })
    const x = await bench.pods.create('a', 'x', pod('a', 'x'))
    const y = await bench.pods.create('a', 'y', pod('a', 'y'))
    const other = await bench.pods.create('b', 'y', pod('b', 'y'))
    const changed = await bench.pods.update(x, pod('a', 'x', { text: '2' }))
    const gone = await bench.pods.delete(y, pod('a', 'y', { text: 'last words' }))
    const upTo = gone.revision

    const all = await drain(everywhere, upTo, bench.signal)
    assert.deepEqual(all.map(show), [
      `ADDED a/x@${x.modRevision}`,
      `ADDED a/y@${y.modRevision}`,
      `ADDED b/y@${other.modRevision}`,
      `MODIFIED a/x@${changed.modRevision}`,
      `DELETED a/y@${upTo}`,
    ])
    for (const event of all) {
      const frame = JSON.parse(Buffer.from(event.frame).toString()) as { type: string; object: KubeObject }
      assert.equal(Buffer.from(event.frame).toString().at(-1), '\n')
      assert.equal(frame.type, event.type)
      assert.deepEqual(frame.object, event.entry.object())
      assert.equal(frame.object.metadata.resourceVersion, String(event.entry.modRevision))
    }
    assert.equal((all.at(-1)?.entry.object() as TestPod).spec?.text, 'last words')
    const inNamespace = await drain(inA, upTo, bench.signal)
    assert.deepEqual(inNamespace.map(show), all.filter((event) => event.entry.namespace === 'a').map(show))
    assert.equal(inNamespace[0]?.frame, all[0]?.frame, 'one frame for all watchers')
    assert.deepEqual((await drain(one, upTo, bench.signal)).map(show), [`ADDED a/y@${y.modRevision}`, `DELETED a/y@${upTo}`])
    assert.deepEqual((await drain(named, upTo, bench.signal)).map(show), [
      `ADDED a/y@${y.modRevision}`,
      `ADDED b/y@${other.modRevision}`,
      `DELETED a/y@${upTo}`,
    ])
  })

  it('turns entering and leaving a selection into ADDED and DELETED', async () => {
    await using bench = await open()
    const watch = bench.pods.watch({ afterRevision: 1, matches: (entry) => entry.labels?.['app'] === 'web' })
    let entry = await bench.pods.create('a', 'x', pod('a', 'x'))
    entry = await bench.pods.update(entry, pod('a', 'x', { labels: { app: 'web' } }))
    const entered = entry.modRevision
    entry = await bench.pods.update(entry, pod('a', 'x', { labels: { app: 'web' }, text: '2' }))
    const changed = entry.modRevision
    entry = await bench.pods.update(entry, pod('a', 'x', { labels: { app: 'db' } }))
    const left = entry.modRevision
    await bench.pods.delete(entry)
    await bench.pods.create('a', 'y', pod('a', 'y', { labels: { app: 'web' } }))
    const events = await drain(watch, bench.caches.revision, bench.signal)
    assert.deepEqual(events.map(show), [
      `ADDED a/x@${entered}`,
      `MODIFIED a/x@${changed}`,
      `DELETED a/x@${left}`,
      `ADDED a/y@${bench.caches.revision}`,
    ])
    const leaving = JSON.parse(Buffer.from(must(events[2]).frame).toString()) as { object: TestPod }
    assert.deepEqual(leaving.object.metadata.labels, { app: 'web' }, 'the last state that was in the selection')
    assert.equal(leaving.object.metadata.resourceVersion, String(left))
  })

  it('starts a watch in the past as far as the ring goes', async () => {
    await using bench = await open({ ring: { maxChanges: 3 } })
    const first = await bench.pods.create('a', '0', pod('a', '0'))
    for (let i = 1; i <= 4; i += 1) await bench.pods.create('a', String(i), pod('a', String(i)))
    const events = await drain(bench.pods.watch({ afterRevision: first.modRevision + 1 }), bench.caches.revision, bench.signal)
    assert.deepEqual(
      events.map((event) => event.entry.name),
      ['2', '3', '4'],
    )
    await refused(() => bench.pods.watch({ afterRevision: first.modRevision }), 'Compacted')
    const nodes = must(bench.caches.get(NODES))
    nodes.watch({ afterRevision: 1 }).close()
  })

  it('hands all events of one batch over together', async () => {
    await using bench = await open()
    const watch = bench.pods.watch({ afterRevision: bench.caches.revision })
    const pulled = watch.pull(bench.signal)
    await Promise.all(Array.from({ length: 40 }, (_, i) => bench.pods.create('a', String(i), pod('a', String(i)))))
    assert.equal(must(await pulled).events.length, 40)
  })

  it('ends a watcher that falls behind, and only that one', async () => {
    await using bench = await open()
    const slow = bench.pods.watch({ afterRevision: bench.caches.revision })
    const narrow = bench.pods.watch({ afterRevision: bench.caches.revision, namespace: 'b' })
    const writes = Array.from({ length: MAX_PENDING_EVENTS + 50 }, (_, i) =>
      bench.pods.create(i % 100 === 0 ? 'b' : 'a', String(i), pod('a', String(i))),
    )
    await Promise.all(writes)
    await refused(slow.pull(bench.signal), 'Compacted')
    const events = await drain(narrow, bench.caches.revision - 100, bench.signal)
    assert.equal(events.length, Math.ceil(writes.length / 100))
  })

  it('reports the revision to watchers without news, now and then', async () => {
    await using bench = await open({ progressMs: 60_000 })
    const nodes = must(bench.caches.get(NODES))
    const watch = nodes.watch({ afterRevision: bench.caches.revision })
    const pulled = watch.pull(bench.signal)
    const { modRevision } = await bench.pods.create('a', 'x', pod('a', 'x'))
    await bench.clock.advance(60_000)
    assert.deepEqual(await pulled, { revision: modRevision, events: [] })
  })

  it('leaves nothing behind when a watch is closed or its pull aborted', async () => {
    await using bench = await open()
    const watch = bench.pods.watch({ afterRevision: bench.caches.revision, namespace: 'a' })
    const stop = new AbortController()
    const pulled = watch.pull(stop.signal)
    stop.abort(new Error('enough'))
    await assert.rejects(pulled, /enough/)
    const other = new AbortController()
    const second = watch.pull(other.signal)
    watch.close()
    assert.equal(await second, undefined)
    assert.equal(getEventListeners(other.signal, 'abort').length, 0)
    assert.equal((bench.pods as unknown as { watchers: number }).watchers, 0)
  })

  it('waits for a revision that is on its way', async () => {
    await using bench = await open()
    const next = bench.caches.revision + 1
    const waiting = bench.pods.waitFor(next, bench.signal)
    await bench.pods.create('a', 'x', pod('a', 'x'))
    await waiting
    const stop = new AbortController()
    const never = bench.pods.waitFor(next + 5, stop.signal)
    stop.abort(new Error('too long'))
    await assert.rejects(never, /too long/)
  })

  it('loads what is there, and parses nothing for it', async () => {
    const store = await openSqlite({ path: ':memory:' })
    const { bytes } = pod('a', 'x', { labels: { app: 'web' }, nodeName: 'n1' })
    await store.commit({ op: 'create', key: `${PODS}/a/x`, value: bytes })
    await store.commit({ op: 'create', key: `${NODES}/n1`, value: bytes })
    await store.commit({ op: 'create', key: '/registry/unknown.example.com/things/a/x', value: bytes })
    await using bench = await open({ store })
    const entry = must(bench.pods.get('a', 'x'))
    assert.deepEqual([entry.namespace, entry.name, entry.modRevision], ['a', 'x', 2])
    assert.equal((JSON.parse(Buffer.from(entry.bytes).toString()) as KubeObject).metadata.resourceVersion, '2')
    assert.deepEqual(entry.labels, { app: 'web' })
    assert.deepEqual(entry.fields, { 'spec.nodeName': 'n1' })
    assert.equal(must(bench.caches.get(NODES)).get('', 'n1')?.name, 'n1')
    await refused(() => bench.pods.watch({ afterRevision: 3 }), 'Compacted')
    await bench.pods.update(entry, pod('a', 'x', { text: 'changed' }))
    assert.equal((bench.pods.get('a', 'x')?.object() as TestPod).spec?.text, 'changed')
  })

  it('sees what others write to the store', async () => {
    await using bench = await open()
    const watch = bench.pods.watch({ afterRevision: 1 })
    const created = await bench.store.commit({
      op: 'create',
      key: `${PODS}/a/x`,
      value: pod('a', 'x', { labels: { by: 'another' } }).bytes,
    })
    await bench.pods.waitFor(created.revision, bench.signal)
    assert.deepEqual(bench.pods.get('a', 'x')?.labels, { by: 'another' })
    const deleted = await bench.store.commit({ op: 'delete', key: `${PODS}/a/x`, ifRevision: created.revision })
    const events = await drain(watch, deleted.revision, bench.signal)
    assert.deepEqual(events.map(show), [`ADDED a/x@${created.revision}`, `DELETED a/x@${deleted.revision}`])
  })

  it('works over a store that hands back other bytes than it was given', async () => {
    const inner = await openSqlite({ path: ':memory:' })
    await using bench = await open({ store: copying(inner) })
    const watch = bench.pods.watch({ afterRevision: bench.caches.revision })
    const created = await bench.pods.create('a', 'x', pod('a', 'x', { text: '1' }))
    const updated = await bench.pods.update(created, pod('a', 'x', { text: '2' }))
    assert.equal(bench.pods.get('a', 'x'), updated)
    const gone = await bench.pods.delete(updated)
    const events = await drain(watch, gone.revision, bench.signal)
    assert.deepEqual(
      events.map((event) => event.type),
      ['ADDED', 'MODIFIED', 'DELETED'],
    )
  })

  it('answers a write to a resource that is let go of meanwhile', async () => {
    await using bench = await open()
    const writing = bench.pods.create('a', 'x', pod('a', 'x'))
    bench.caches.remove(PODS)
    const entry = await writing
    assert.equal(entry.object().metadata.resourceVersion, String(entry.modRevision))
    assert.equal(bench.caches.get(PODS), undefined)
  })

  it('takes up a resource while it is being written, and lets go of it', async () => {
    await using bench = await open()
    const prefix = '/registry/example.com/widgets'
    const widget = (i: number): Promise<unknown> =>
      bench.store.commit({ op: 'create', key: `${prefix}/a/${i}`, value: pod('a', String(i)).bytes })
    for (let i = 0; i < 20; i += 1) await widget(i)
    const writing = (async () => {
      for (let i = 20; i < 60; i += 1) await widget(i)
    })()
    const [first, second] = await Promise.all([
      bench.caches.add({ storagePrefix: prefix, namespaced: true }),
      bench.caches.add({ storagePrefix: prefix, namespaced: true }),
    ])
    assert.equal(first, second)
    await writing
    await first.waitFor(bench.store.revision, bench.signal)
    assert.equal(first.size, 60)
    const watch = first.watch({ afterRevision: bench.caches.revision })
    const pulled = watch.pull(bench.signal)
    bench.caches.remove(prefix)
    assert.equal(await pulled, undefined)
    assert.equal(bench.caches.get(prefix), undefined)
  })

  it('says so when the store is gone', async () => {
    const store = await openSqlite({ path: ':memory:' })
    const stop = new AbortController()
    const caches = await createCaches({ store, resources: RESOURCES, clock: new FakeClock(), signal: stop.signal })
    const pulled = must(caches.get(PODS)).watch({ afterRevision: 1 }).pull(stop.signal)
    store.fail(new Error('the writer died'))
    await assert.rejects(pulled, /died/)
    await assert.rejects(caches.done, /died/)
    await refused(must(caches.get(PODS)).create('a', 'x', pod('a', 'x')), 'Unavailable')
    stop.abort()
    await store[Symbol.asyncDispose]()
  })

  it('keeps every watcher and every past list in step with the truth, whatever happens', { timeout: 60_000 }, async () => {
    await fc.assert(fc.asyncProperty(scripts, simulate), { numRuns: 40 })
  })
})

const scripts = fc.array(
  fc.record({
    kind: fc.constantFrom('create', 'update', 'update', 'delete', 'watch', 'past', 'settle'),
    namespace: fc.constantFrom('a', 'b'),
    name: fc.integer({ min: 0, max: 3 }),
    app: fc.constantFrom('web', 'db'),
  }),
  { maxLength: 100, size: 'max' },
)

interface Follower {
  readonly watch: CacheWatch
  readonly view: Map<string, number>
  readonly options: CacheWatchOptions
}

/** Followers build their own view from events; at each pause it must be what a list with their selection shows. */
async function simulate(
  script: readonly { readonly kind: string; readonly namespace: string; readonly name: number; readonly app: string }[],
): Promise<void> {
  await using bench = await open({ freeze: false })
  const followers: Follower[] = []
  const history = new Map<number, string[]>()
  const pending: Promise<unknown>[] = []
  const snapshot = (entries: readonly Entry[]): string[] => entries.map((entry) => `${entry.namespace}/${entry.name}@${entry.modRevision}`)
  const settle = async (): Promise<void> => {
    await Promise.allSettled(pending.splice(0))
    for (const follower of followers) await follow(follower, bench)
  }
  for (const step of script) {
    const current = bench.pods.get(step.namespace, String(step.name))
    const value = pod(step.namespace, String(step.name), {
      labels: { app: step.app },
      text: String(pending.length + bench.caches.revision),
    })
    if (step.kind === 'create') pending.push(bench.pods.create(step.namespace, String(step.name), value))
    else if (step.kind === 'update' && current !== undefined) pending.push(bench.pods.update(current, value))
    else if (step.kind === 'delete' && current !== undefined) pending.push(bench.pods.delete(current))
    else if (step.kind === 'watch') followers.push(startFollower(bench, step))
    else if (step.kind === 'past') {
      const snapshotNow = bench.pods.list({})
      history.set(snapshotNow.revision, snapshot(snapshotNow.entries))
    } else if (step.kind === 'settle') await settle()
  }
  await settle()
  for (const [revision, wanted] of history) assert.deepEqual(snapshot(bench.pods.list({ atRevision: revision }).entries), wanted)
}

function startFollower(bench: Bench, step: { readonly namespace: string; readonly app: string; readonly name: number }): Follower {
  const matches = step.name % 2 === 0 ? (entry: Entry): boolean => entry.labels?.['app'] === step.app : undefined
  const { revision, entries } = bench.pods.list(step.name < 2 ? { namespace: step.namespace } : {})
  const options = {
    afterRevision: revision,
    ...(step.name < 2 && { namespace: step.namespace }),
    ...(matches !== undefined && { matches }),
  }
  const view = new Map(
    entries.filter((entry) => matches?.(entry) ?? true).map((entry) => [`${entry.namespace}/${entry.name}`, entry.modRevision]),
  )
  return { watch: bench.pods.watch(options), view, options }
}

async function follow(follower: Follower, bench: Bench): Promise<void> {
  const { watch, view, options } = follower
  const wanted = bench.pods
    .list(options.namespace === undefined ? {} : { namespace: options.namespace })
    .entries.filter((entry) => options.matches?.(entry) ?? true)
    .map((entry) => [`${entry.namespace}/${entry.name}`, entry.modRevision])
  for (let tries = 0; JSON.stringify([...view].sort()) !== JSON.stringify(wanted.sort()); tries += 1) {
    assert.ok(tries < 100, 'the follower never arrives')
    const news = must(await Promise.race([watch.pull(bench.signal), noNews(view, wanted)]))
    for (const { type, entry } of news.events) {
      const key = `${entry.namespace}/${entry.name}`
      assert.equal(view.has(key), type !== 'ADDED', `${type} ${key} fits what the follower knows`)
      assert.ok(entry.modRevision > (view.get(key) ?? 0))
      if (type === 'DELETED') view.delete(key)
      else view.set(key, entry.modRevision)
    }
  }
}

async function noNews(view: unknown, wanted: unknown): Promise<never> {
  await new Promise((resolve) => setTimeout(resolve, 2_000).unref())
  throw new assert.AssertionError({ message: 'no news', actual: view, expected: wanted })
}
