import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type Store, StoreError, type StoreErrorCode, type StoreEvent, type WatchBatch, type Write } from '../../core/store/store.ts'
import { eventually } from '../helpers/eventually.ts'
import { bytes, listTexts, type ModelEvent, StoreModel, text, toModelEvent } from './store-model.ts'

/** One place of storage. `open` may be called again after the store was disposed of, and then finds the same data. */
export interface StorePlace extends AsyncDisposable {
  open(): Promise<Store>
  /** False where data ends with the store, such as in memory. */
  readonly durable: boolean
}

/** What every backend promises. Each test gets a place of its own. `durable` false: the store forgets when it is closed. */
export function describeStoreContract(
  name: string,
  createPlace: () => Promise<StorePlace>,
  { durable }: { readonly durable: boolean } = { durable: true },
): void {
  const withStore = (body: (store: Store, place: StorePlace) => Promise<void>) => async (): Promise<void> => {
    await using place = await createPlace()
    await using store = await place.open()
    await body(store, place)
  }

  describe(`store contract: ${name}`, () => {
    describeWrites(withStore)
    describeReads(withStore)
    describeWatches(withStore)
    describeCompaction(withStore)
    if (durable) describeReopen(createPlace)
    describeSimulation(createPlace)
  })
}

type WithStore = (body: (store: Store, place: StorePlace) => Promise<void>) => () => Promise<void>

function describeWrites(withStore: WithStore): void {
  it(
    'starts at revision 1 and raises it with every write',
    withStore(async (store) => {
      assert.equal(store.revision, 1)
      const first = await create(store, '/a', '1')
      assert.ok(first.revision > 1)
      assert.equal(first.createRevision, first.revision)
      const second = await store.commit({ op: 'update', key: '/a', value: bytes('2'), ifRevision: first.revision })
      assert.ok(second.revision > first.revision)
      assert.equal(second.createRevision, first.revision)
      assert.equal(store.revision, second.revision)
    }),
  )

  it(
    'refuses to create a key that exists, and says at which revision it is',
    withStore(async (store) => {
      const { revision } = await create(store, '/a', '1')
      const err = await refused(create(store, '/a', '2'), 'KeyExists')
      assert.equal(err.currentRevision, revision)
      assert.equal(text((await store.get('/a'))?.value ?? bytes('')), '1')
    }),
  )

  it(
    'updates and deletes only the revision that was read',
    withStore(async (store) => {
      const { revision } = await create(store, '/a', '1')
      const next = await store.commit({ op: 'update', key: '/a', value: bytes('2'), ifRevision: revision })
      const err = await refused(store.commit({ op: 'update', key: '/a', value: bytes('3'), ifRevision: revision }), 'RevisionMismatch')
      assert.equal(err.currentRevision, next.revision)
      await refused(store.commit({ op: 'delete', key: '/a', ifRevision: revision }), 'RevisionMismatch')
      const deleted = await store.commit({ op: 'delete', key: '/a', ifRevision: next.revision })
      assert.equal(deleted.createRevision, revision)
      assert.ok(deleted.revision > next.revision)
      assert.equal(await store.get('/a'), undefined)
      await refused(store.commit({ op: 'delete', key: '/a', ifRevision: next.revision }), 'NotFound')
      await refused(store.commit({ op: 'update', key: '/a', value: bytes('4'), ifRevision: next.revision }), 'NotFound')
    }),
  )

  it(
    'creates a deleted key anew with a new creation revision',
    withStore(async (store) => {
      const first = await create(store, '/a', '1')
      await store.commit({ op: 'delete', key: '/a', ifRevision: first.revision })
      const again = await create(store, '/a', '2')
      assert.equal(again.createRevision, again.revision)
      assert.equal((await store.get('/a'))?.createRevision, again.revision)
    }),
  )

  it(
    'keeps values byte for byte, empty and large ones',
    withStore(async (store) => {
      const values = [new Uint8Array(0), Uint8Array.from([0, 255, 10, 0]), Buffer.alloc(3 * 1024 * 1024, 'x')]
      for (const [i, value] of values.entries()) {
        await store.commit({ op: 'create', key: `/v/${i}`, value })
        assert.ok(Buffer.from((await store.get(`/v/${i}`))?.value ?? bytes('?')).equals(value))
      }
    }),
  )

  it(
    'commits writes in the order in which they were issued',
    withStore(async (store) => {
      const commits = await Promise.all(Array.from({ length: 300 }, (_, i) => create(store, `/k/${i}`, String(i))))
      const revisions = commits.map((commit) => commit.revision)
      assert.deepEqual(
        revisions,
        revisions.toSorted((a, b) => a - b),
      )
      assert.equal(new Set(revisions).size, 300)
    }),
  )

  it(
    'lets exactly one of many concurrent writers win',
    withStore(async (store) => {
      const creates = await Promise.allSettled(Array.from({ length: 20 }, (_, i) => create(store, '/one', String(i))))
      assert.equal(creates.filter((result) => result.status === 'fulfilled').length, 1)
      const { modRevision = 0 } = (await store.get('/one')) ?? {}
      const updates = await Promise.allSettled(
        Array.from({ length: 20 }, (_, i) => store.commit({ op: 'update', key: '/one', value: bytes(`u${i}`), ifRevision: modRevision })),
      )
      assert.equal(updates.filter((result) => result.status === 'fulfilled').length, 1)
      for (const result of [...creates, ...updates]) {
        if (result.status === 'rejected') assert.ok(result.reason instanceof StoreError)
      }
    }),
  )
}

function describeReads(withStore: WithStore): void {
  it(
    'lists the keys below a prefix in byte order',
    withStore(async (store) => {
      for (const key of ['/r/b', '/r/a', '/r/a/x', '/r/a-b', '/rx', '/q/z', '/r/B']) await create(store, key, key)
      const listed = await listTexts(store, '/r/')
      assert.deepEqual(
        listed.map((item) => item.key),
        ['/r/B', '/r/a', '/r/a-b', '/r/a/x', '/r/b'],
      )
      assert.deepEqual(
        listed.map((item) => item.value),
        ['/r/B', '/r/a', '/r/a-b', '/r/a/x', '/r/b'],
      )
      assert.equal((await store.list({ prefix: '/none/' })).items.length, 0)
    }),
  )

  it(
    'pages through a list without leaving out or repeating a key',
    withStore(async (store) => {
      await Promise.all(Array.from({ length: 57 }, (_, i) => create(store, `/p/${String(i).padStart(3, '0')}`, 'v')))
      const keys: string[] = []
      let startAfter: string | undefined
      for (let more = true; more; ) {
        const page = await store.list({ prefix: '/p/', limit: 10, ...(startAfter !== undefined && { startAfter }) })
        assert.ok(page.items.length <= 10)
        keys.push(...page.items.map((item) => item.key))
        startAfter = keys.at(-1)
        more = page.more
      }
      assert.deepEqual(
        keys,
        Array.from({ length: 57 }, (_, i) => `/p/${String(i).padStart(3, '0')}`),
      )
    }),
  )

  it(
    'lists an earlier revision as it was',
    withStore(async (store) => {
      const a = await create(store, '/h/a', 'a1')
      const b = await create(store, '/h/b', 'b1')
      await store.commit({ op: 'update', key: '/h/a', value: bytes('a2'), ifRevision: a.revision })
      await store.commit({ op: 'delete', key: '/h/b', ifRevision: b.revision })
      await create(store, '/h/c', 'c1')
      const past = await store.list({ prefix: '/h/', atRevision: b.revision })
      assert.equal(past.revision, b.revision)
      assert.deepEqual(
        past.items.map((item) => [item.key, text(item.value), item.modRevision]),
        [
          ['/h/a', 'a1', a.revision],
          ['/h/b', 'b1', b.revision],
        ],
      )
      assert.equal((await store.list({ prefix: '/h/', atRevision: b.revision, limit: 1 })).more, true)
      await refused(store.list({ prefix: '/h/', atRevision: store.revision + 1 }), 'FutureRevision')
    }),
  )

  it(
    'scans every current record once',
    withStore(async (store) => {
      const { revision } = await create(store, '/s/a', 'old')
      await store.commit({ op: 'update', key: '/s/a', value: bytes('new'), ifRevision: revision })
      const gone = await create(store, '/s/gone', 'x')
      await store.commit({ op: 'delete', key: '/s/gone', ifRevision: gone.revision })
      for (let i = 0; i < 20; i += 1) await create(store, `/t/${i}`, String(i))
      for (const prefix of ['/s/', '']) {
        const seen = new Map<string, string>()
        const at = await store.scan(prefix, (record) => {
          assert.ok(!seen.has(record.key))
          seen.set(record.key, text(record.value))
        })
        assert.equal(at, store.revision)
        assert.equal(seen.get('/s/a'), 'new')
        assert.equal(seen.size, prefix === '' ? 21 : 1)
      }
    }),
  )
}

function describeWatches(withStore: WithStore): void {
  it(
    'shows what happened after a revision, then what happens, in order and once',
    withStore(async (store) => {
      const stop = new AbortController()
      const a = await create(store, '/w/a', 'a1')
      await create(store, '/other', 'x')
      const seen = collect(store, { prefix: '/w/', afterRevision: 0 }, stop.signal)
      const b = await create(store, '/w/b', 'b1')
      await store.commit({ op: 'update', key: '/w/a', value: bytes('a2'), ifRevision: a.revision })
      const last = await store.commit({ op: 'delete', key: '/w/b', ifRevision: b.revision })
      await eventually(() => assert.equal(seen.revision, last.revision))
      assert.deepEqual(
        seen.events.map(toModelEvent).map((event) => [event.op, event.key, event.value]),
        [
          ['create', '/w/a', 'a1'],
          ['create', '/w/b', 'b1'],
          ['update', '/w/a', 'a2'],
          ['delete', '/w/b', 'b1'],
        ],
      )
      assert.equal(seen.events.at(-1)?.createRevision, b.revision)
      stop.abort()
      await seen.ended
    }),
  )

  it(
    'reports progress when nothing below the prefix changes',
    withStore(async (store) => {
      const stop = new AbortController()
      const seen = collect(store, { prefix: '/w/', afterRevision: store.revision }, stop.signal)
      const { revision } = await create(store, '/elsewhere', 'x')
      await eventually(() => assert.equal(seen.revision, revision))
      assert.equal(seen.events.length, 0)
      stop.abort()
      await seen.ended
    }),
  )

  it(
    'neither skips nor repeats while a watch starts in the middle of writes',
    withStore(async (store) => {
      const stop = new AbortController()
      const watches: Collected[] = []
      for (let i = 0; i < 400; i += 1) {
        const writing = create(store, `/m/${i}`, String(i))
        if (i % 40 === 0) watches.push(collect(store, { prefix: '/m/', afterRevision: i % 80 === 0 ? 0 : store.revision }, stop.signal))
        if (i % 3 === 0) await writing
      }
      await create(store, '/m/last', 'last')
      for (const seen of watches) {
        await eventually(() => assert.equal(seen.revision, store.revision))
        const all = (await store.list({ prefix: '/m/' })).items.map((item) => item.modRevision).sort((x, y) => x - y)
        const first = seen.events[0]?.revision ?? 0
        assert.deepEqual(
          seen.events.map((event) => event.revision),
          all.filter((revision) => revision >= first),
        )
        assert.equal(all.filter((revision) => revision > seen.from && revision < first).length, 0)
      }
      stop.abort()
      await Promise.all(watches.map((seen) => seen.ended))
    }),
  )

  it(
    'ends a reader that falls too far behind',
    withStore(async (store) => {
      const stop = new AbortController()
      const iterator = store.watch({ prefix: '/', afterRevision: 0, maxPending: 10, signal: stop.signal })[Symbol.asyncIterator]()
      await create(store, '/first', 'x')
      await iterator.next()
      for (let i = 0; i < 30; i += 1) await create(store, `/slow/${i}`, 'x')
      await refused(readAll(iterator), 'Compacted')
      stop.abort()
    }),
  )

  it(
    'ends without a trace when the signal aborts or the reader leaves',
    withStore(async (store) => {
      const stop = new AbortController()
      await create(store, '/a', '1')
      const seen = collect(store, { prefix: '/', afterRevision: 0 }, stop.signal)
      for await (const batch of store.watch({ prefix: '/', afterRevision: 0, maxPending: 10, signal: stop.signal })) {
        assert.ok(batch.revision > 0)
        break
      }
      stop.abort()
      await seen.ended
      assert.equal(getEventListeners(stop.signal, 'abort').length, 0)
    }),
  )

  it(
    'refuses a watch that starts in the future',
    withStore(async (store) => {
      const iterator = store
        .watch({ prefix: '/', afterRevision: store.revision + 5, maxPending: 10, signal: new AbortController().signal })
        [Symbol.asyncIterator]()
      await refused(iterator.next(), 'FutureRevision')
    }),
  )
}

function describeCompaction(withStore: WithStore): void {
  it(
    'forgets history and keeps the newest of each live key',
    withStore(async (store) => {
      const a = await create(store, '/c/a', '1')
      let revision = a.revision
      for (let i = 2; i <= 250; i += 1)
        ({ revision } = await store.commit({ op: 'update', key: '/c/a', value: bytes(String(i)), ifRevision: revision }))
      const b = await create(store, '/c/b', 'b')
      await store.commit({ op: 'delete', key: '/c/b', ifRevision: b.revision })
      const untouched = await create(store, '/c/c', 'c')
      await store.compact(untouched.revision - 1)
      await store.compact(untouched.revision - 1)
      await refused(store.list({ prefix: '/c/', atRevision: b.revision }), 'Compacted')
      assert.deepEqual(
        (await listTexts(store, '/c/')).map((item) => item.value),
        ['250', 'c'],
      )
      const past = await store.list({ prefix: '/c/', atRevision: untouched.revision - 1 })
      assert.deepEqual(
        past.items.map((item) => item.key),
        ['/c/a'],
      )
      const stop = new AbortController()
      await refused(
        readAll(store.watch({ prefix: '/', afterRevision: a.revision, maxPending: 10, signal: stop.signal })[Symbol.asyncIterator]()),
        'Compacted',
      )
      const seen = collect(store, { prefix: '/c/', afterRevision: untouched.revision - 1 }, stop.signal)
      await eventually(() =>
        assert.deepEqual(
          seen.events.map((event) => event.key),
          ['/c/c'],
        ),
      )
      stop.abort()
      await seen.ended
    }),
  )

  it(
    'compacts while writes go on',
    withStore(async (store) => {
      const writing = Array.from({ length: 20 }, async (_, writer) => {
        let { revision } = await create(store, `/busy/${writer}`, '0')
        for (let i = 1; i < 20; i += 1)
          ({ revision } = await store.commit({ op: 'update', key: `/busy/${writer}`, value: bytes(String(i)), ifRevision: revision }))
      })
      for (let i = 0; i < 10; i += 1) await store.compact(store.revision)
      await Promise.all(writing)
      await store.compact(store.revision)
      assert.deepEqual(
        (await listTexts(store, '/busy/')).map((item) => item.value),
        Array.from({ length: 20 }, () => '19'),
      )
    }),
  )

  it(
    'cannot compact what does not exist yet',
    withStore(async (store) => {
      await refused(store.compact(store.revision + 1), 'FutureRevision')
    }),
  )
}

function describeReopen(createPlace: () => Promise<StorePlace>): void {
  it('finds everything again, and goes on counting', async () => {
    await using place = await createPlace()
    let last = 0
    {
      await using store = await place.open()
      const a = await create(store, '/a', '1')
      await store.commit({ op: 'update', key: '/a', value: bytes('2'), ifRevision: a.revision })
      const b = await create(store, '/b', 'x')
      last = (await store.commit({ op: 'delete', key: '/b', ifRevision: b.revision })).revision
    }
    await using store = await place.open()
    assert.equal(store.revision, last)
    assert.deepEqual(
      (await listTexts(store, '/')).map((item) => [item.key, item.value]),
      [['/a', '2']],
    )
    assert.equal((await store.get('/a'))?.createRevision, 2)
    assert.ok((await create(store, '/c', 'y')).revision > last)
  })

  it('never uses a revision twice, even when the newest records were compacted away', async () => {
    await using place = await createPlace()
    let last = 0
    {
      await using store = await place.open()
      const a = await create(store, '/a', '1')
      last = (await store.commit({ op: 'delete', key: '/a', ifRevision: a.revision })).revision
      await store.compact(last)
    }
    await using store = await place.open()
    assert.equal(store.revision, last)
    assert.ok((await create(store, '/a', '2')).revision > last)
    await refused(store.list({ prefix: '/', atRevision: last - 1 }), 'Compacted')
  })
}

interface Step {
  readonly kind: 'create' | 'update' | 'delete' | 'stale' | 'compact' | 'reopen' | 'past'
  readonly key: number
  readonly size: number
}

const steps = fc.array(
  fc.record({
    kind: fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom('create' as const, 'update' as const, 'delete' as const) },
      { weight: 1, arbitrary: fc.constantFrom('stale' as const, 'compact' as const, 'reopen' as const, 'past' as const) },
    ),
    key: fc.integer({ min: 0, max: 7 }),
    size: fc.integer({ min: 0, max: 300 }),
  }),
  { maxLength: 80, size: 'max' },
)

function describeSimulation(createPlace: () => Promise<StorePlace>): void {
  it('behaves like the model under random steps', async () => {
    await fc.assert(
      fc.asyncProperty(steps, (script) => simulate(createPlace, script)),
      { numRuns: 10, endOnFailure: true },
    )
  })
}

async function simulate(createPlace: () => Promise<StorePlace>, script: readonly Step[]): Promise<void> {
  await using place = await createPlace()
  const model = new StoreModel()
  let store = await place.open()
  let stop = new AbortController()
  let seen = collect(store, { prefix: '/k/', afterRevision: 0 }, stop.signal)
  const watched: StoreEvent[] = []
  const closeWatch = async (): Promise<void> => {
    await eventually(() => assert.ok(seen.revision >= model.revision, `watch at ${seen.revision}, model at ${model.revision}`))
    stop.abort()
    await seen.ended
    watched.push(...seen.events)
  }
  try {
    for (const step of script) {
      if (step.kind === 'reopen') {
        if (!place.durable) continue
        await closeWatch()
        await store[Symbol.asyncDispose]()
        store = await place.open()
        stop = new AbortController()
        seen = collect(store, { prefix: '/k/', afterRevision: model.revision }, stop.signal)
      } else await play(store, model, step)
      assert.equal(store.revision, model.revision)
    }
    await closeWatch()
    assert.deepEqual(watched.map(toModelEvent), model.since(0, '/k/') satisfies ModelEvent[])
    assert.deepEqual(await listTexts(store, ''), model.list(''))
  } finally {
    stop.abort()
    await store[Symbol.asyncDispose]()
  }
}

async function play(store: Store, model: StoreModel, step: Step): Promise<void> {
  const key = step.key % 4 === 3 ? `/other/${step.key}` : `/k/${step.key}`
  const current = model.live.get(key)
  if (step.kind === 'compact') {
    model.compacted = Math.max(model.compacted, Math.floor((model.revision * step.size) / 300))
    await store.compact(model.compacted)
    return
  }
  if (step.kind === 'past') {
    const at = model.compacted + Math.floor(((model.revision - model.compacted) * step.size) / 300)
    assert.deepEqual(await listTexts(store, '', at), model.at(at).list(''))
    return
  }
  const ifRevision = step.kind === 'stale' ? Math.max(0, model.revision - 1) : (current?.modRevision ?? 0)
  const value = bytes(`${step.key}:`.repeat(step.size))
  const write: Write =
    step.kind === 'create'
      ? { op: 'create', key, value }
      : step.kind === 'delete'
        ? { op: 'delete', key, ifRevision }
        : { op: 'update', key, value, ifRevision }
  const refusal = model.refusal(write)
  if (refusal !== undefined) {
    await refused(store.commit(write), refusal as StoreErrorCode)
    return
  }
  const { revision } = await store.commit(write)
  model.accept(write, revision)
}

interface Collected {
  readonly from: number
  readonly events: StoreEvent[]
  revision: number
  readonly ended: Promise<void>
}

function collect(store: Store, from: { readonly prefix: string; readonly afterRevision: number }, signal: AbortSignal): Collected {
  const watch = store.watch({ ...from, maxPending: 10_000, signal })[Symbol.asyncIterator]()
  const collected: { -readonly [K in keyof Collected]: Collected[K] } = {
    from: from.afterRevision,
    events: [],
    revision: from.afterRevision,
    ended: Promise.resolve(),
  }
  const read = async (): Promise<void> => {
    for (let next = await watch.next(); next.done !== true; next = await watch.next()) {
      const batch: WatchBatch = next.value
      assert.ok(batch.revision > collected.revision, 'batches come in order')
      for (const event of batch.events)
        assert.ok(event.revision > (collected.events.at(-1)?.revision ?? from.afterRevision), 'events come in order')
      collected.events.push(...batch.events)
      collected.revision = batch.revision
    }
  }
  collected.ended = read()
  return collected
}

async function readAll(iterator: AsyncIterator<WatchBatch>): Promise<void> {
  for (let next = await iterator.next(); next.done !== true; next = await iterator.next());
}

function create(store: Store, key: string, value: string): ReturnType<Store['commit']> {
  return store.commit({ op: 'create', key, value: bytes(value) })
}

async function refused(result: Promise<unknown>, code: StoreErrorCode): Promise<StoreError> {
  const err: unknown = await result.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  assert.ok(err instanceof StoreError, `expected StoreError ${code}, got ${String(err)}`)
  assert.equal(err.code, code)
  return err
}
