/* eslint-disable @typescript-eslint/no-unsafe-member-access, @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-call, @typescript-eslint/no-unsafe-argument -- answers of every kind are looked into */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeProtobuf } from '../../core/api/protobuf/protobuf.ts'
import { Reader } from '../../core/api/protobuf/reader.ts'
import { bodyOf, type Engine, startEngine, type WatchReader } from '../helpers/engine.ts'

const MAPS = '/api/v1/namespaces/default/configmaps'
const ALL_MAPS = '/api/v1/configmaps'

async function withEngine(run: (engine: Engine) => Promise<void>): Promise<void> {
  await using engine = await startEngine()
  await run(engine)
}

async function make({ call }: Engine, names: readonly string[], more: object = {}): Promise<void> {
  for (const name of names) assert.equal((await call('POST', MAPS, { metadata: { name, ...more } })).status, 201)
}

const numbered = (count: number): string[] => Array.from({ length: count }, (_, i) => `m${String(i).padStart(3, '0')}`)
interface ProtobufEvent {
  readonly type: string
  readonly object: { readonly kind: string; readonly metadata: { readonly name: string; readonly resourceVersion: string } }
}

/** Frames of a protobuf watch: length, then WatchEvent {1 type, 2 object {1 raw}}. */
function framesOf(bytes: Buffer): readonly ProtobufEvent[] {
  const events: ProtobufEvent[] = []
  for (let at = 0; at < bytes.length; ) {
    const end = at + 4 + bytes.readUInt32BE(at)
    const reader = new Reader(bytes, at + 4, end)
    reader.varint()
    const type = reader.string()
    reader.varint()
    const raw = reader.message()
    raw.varint()
    events.push({ type, object: decodeProtobuf(raw.bytes()) as unknown as ProtobufEvent['object'] })
    at = end
  }
  return events
}

const namesOf = (list: { items: { metadata: { name: string } }[] }): string[] => list.items.map(({ metadata }) => metadata.name)

describe('lists', () => {
  it('show the stored objects, without their type, at one revision', () =>
    withEngine(async (engine) => {
      await make(engine, ['b', 'a'])
      const { json, status } = await engine.call('GET', MAPS)
      assert.deepEqual([status, json.kind, json.apiVersion], [200, 'ConfigMapList', 'v1'])
      assert.deepEqual(namesOf(json), ['a', 'b'])
      assert.equal(json.metadata.resourceVersion, String(engine.caches.revision))
      assert.equal('kind' in json.items[0], false)
      const one = await engine.call('GET', `${MAPS}/a`)
      assert.deepEqual({ kind: 'ConfigMap', apiVersion: 'v1', ...json.items[0] }, one.json)
    }))

  it('are empty lists when there is nothing', () =>
    withEngine(async ({ call }) => {
      assert.deepEqual((await call('GET', '/api/v1/pods')).json.items, [])
      assert.deepEqual((await call('GET', '/api/v1/namespaces/none/pods?limit=1')).json.items, [])
    }))

  it('come in pages that show one state', () =>
    withEngine(async (engine) => {
      await make(engine, numbered(7))
      const first = await engine.call('GET', `${MAPS}?limit=3`)
      assert.deepEqual([first.json.items.length, first.json.metadata.remainingItemCount], [3, 4])
      await engine.call('DELETE', `${MAPS}/m004`)
      await make(engine, ['m0005'])
      const token = encodeURIComponent(first.json.metadata.continue as string)
      const second = await engine.call('GET', `${MAPS}?limit=3&continue=${token}`)
      assert.deepEqual(namesOf(second.json), ['m003', 'm004', 'm005'])
      assert.equal(second.json.metadata.resourceVersion, first.json.metadata.resourceVersion)
      const third = await engine.call('GET', `${MAPS}?limit=3&continue=${encodeURIComponent(second.json.metadata.continue as string)}`)
      assert.deepEqual([namesOf(third.json), third.json.metadata.continue], [['m006'], undefined])
    }))

  it('select by labels and fields', () =>
    withEngine(async (engine) => {
      const { call } = engine
      await make(engine, ['a', 'b'], { labels: { app: 'x' } })
      await make(engine, ['c'], { labels: { app: 'y' } })
      assert.deepEqual(namesOf((await call('GET', `${ALL_MAPS}?labelSelector=app%3Dx`)).json), ['a', 'b'])
      assert.deepEqual(namesOf((await call('GET', `${ALL_MAPS}?labelSelector=app+notin+(x)`)).json), ['c'])
      assert.deepEqual(namesOf((await call('GET', `${MAPS}?fieldSelector=metadata.name%3Db`)).json), ['b'])
      assert.deepEqual(namesOf((await call('GET', `${MAPS}?fieldSelector=metadata.name!%3Db`)).json), ['a', 'c'])
      const page = (await call('GET', `${MAPS}?labelSelector=app%3Dx&limit=1`)).json
      assert.deepEqual([namesOf(page), page.metadata.remainingItemCount], [['a'], undefined])
      assert.deepEqual(
        namesOf(
          (await call('GET', `${MAPS}?labelSelector=app%3Dx&limit=1&continue=${encodeURIComponent(page.metadata.continue as string)}`))
            .json,
        ),
        ['b'],
      )
    }))

  for (const [query, status, message] of [
    ['labelSelector=a%3D%3D%3Db', 400, /found '='/],
    ['fieldSelector=data.x%3D1', 400, /^"data\.x" is not a known field selector: only "metadata\.name", "metadata\.namespace"$/],
    [
      'resourceVersionMatch=Exact',
      422,
      /resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided/,
    ],
    ['resourceVersion=0&resourceVersionMatch=Exact', 422, /is forbidden for resourceVersion "0"/],
    ['sendInitialEvents=true', 422, /sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list/],
    ['resourceVersion=abc', 400, /^resourceVersion: Invalid value: "abc"/],
    ['continue=nonsense', 400, /^continue key is not valid/],
    ['limit=many', 400, /invalid syntax/],
  ] as const) {
    it(`refuse ?${query}`, () =>
      withEngine(async ({ call }) => {
        const answer = await call('GET', `${MAPS}?${query}`)
        assert.equal(answer.status, status)
        assert.match(answer.json.message as string, message)
      }))
  }

  it('at an exact revision show that state', () =>
    withEngine(async (engine) => {
      const { call } = engine
      await make(engine, ['a', 'b'])
      const { revision } = engine.caches
      await call('DELETE', `${MAPS}/a`)
      await make(engine, ['c'])
      const exact = (await call('GET', `${MAPS}?resourceVersion=${revision}&resourceVersionMatch=Exact`)).json
      assert.deepEqual([namesOf(exact), exact.metadata.resourceVersion], [['a', 'b'], String(revision)])
      assert.deepEqual(namesOf((await call('GET', `${MAPS}?resourceVersion=${revision}`)).json), ['b', 'c'])
      assert.deepEqual(namesOf((await call('GET', `${MAPS}?resourceVersion=0`)).json), ['b', 'c'])
    }))

  it('of a revision that has not come wait, then say so', () =>
    withEngine(async ({ call, caches }) => {
      const future = caches.revision + 5
      const answer = await call('GET', `${MAPS}?resourceVersion=${future}`)
      assert.equal(answer.status, 504)
      assert.equal(answer.json.message, `Timeout: Too large resource version: ${future}, current: ${caches.revision}`)
      assert.equal(answer.json.details.causes[0].reason, 'ResourceVersionTooLarge')
      assert.equal(answer.headers['retry-after'], '1')
    }))
})

describe('output forms', () => {
  const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json'

  it('tables have columns, cells and the metadata of each object', () =>
    withEngine(async (engine) => {
      await engine.call('POST', '/api/v1/namespaces/default/configmaps', {
        metadata: { name: 'a', annotations: { x: '"{' } },
        data: { k: 'v', l: 'w' },
      })
      const { json } = await engine.call('GET', MAPS, undefined, { headers: { accept: TABLE } })
      assert.deepEqual([json.kind, json.apiVersion], ['Table', 'meta.k8s.io/v1'])
      assert.deepEqual(
        json.columnDefinitions.map(({ name }: { name: string }) => name),
        ['Name', 'Data', 'Age'],
      )
      const [row] = json.rows
      assert.deepEqual(row.cells.slice(0, 2), ['a', 2])
      assert.deepEqual([row.object.kind, row.object.apiVersion, row.object.metadata.name], ['PartialObjectMetadata', 'meta.k8s.io/v1', 'a'])
      const one = (await engine.call('GET', `${MAPS}/a?includeObject=Object`, undefined, { headers: { accept: TABLE } })).json
      assert.deepEqual(one.rows[0].object.data, { k: 'v', l: 'w' })
      assert.equal((await engine.call('GET', `${MAPS}?includeObject=All`, undefined, { headers: { accept: TABLE } })).status, 400)
    }))

  it('metadata alone', () =>
    withEngine(async (engine) => {
      await make(engine, ['a'])
      const accept = 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io'
      const { json } = await engine.call('GET', MAPS, undefined, { headers: { accept } })
      assert.equal(json.kind, 'PartialObjectMetadataList')
      assert.deepEqual(Object.keys(json.items[0] as object), ['kind', 'apiVersion', 'metadata'])
    }))

  it('indented for people', () =>
    withEngine(async (engine) => {
      await make(engine, ['a'])
      assert.match((await engine.call('GET', `${MAPS}/a?pretty=true`)).text, /^\{\n {2}"kind": "ConfigMap",\n/)
      assert.match(
        (await engine.call('GET', MAPS, undefined, { headers: { 'user-agent': 'curl/8' } })).text,
        /^\{\n {2}"kind": "ConfigMapList",\n/,
      )
    }))

  it('the other version of a kind', () =>
    withEngine(async ({ call }) => {
      const url = '/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers'
      const body = {
        metadata: { name: 'h' },
        spec: {
          maxReplicas: 3,
          scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' },
          metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 70 } } }],
        },
      }
      const created = await call('POST', url, body)
      assert.equal(created.status, 201, created.text)
      const old = await call('GET', url.replace('v2', 'v1').concat('/h'))
      assert.deepEqual([old.json.apiVersion, old.json.spec.targetCPUUtilizationPercentage], ['autoscaling/v1', 70])
      assert.equal(old.json.metadata.resourceVersion, created.json.metadata.resourceVersion)
      const list = (await call('GET', url.replace('v2', 'v1'))).json
      assert.equal(list.items[0].spec.targetCPUUtilizationPercentage, 70)
    }))
})

describe('watches', () => {
  const take = async (watch: WatchReader, count: number): Promise<{ type: string; name: string; revision: number }[]> => {
    const events: { type: string; name: string; revision: number }[] = []
    while (events.length < count) {
      const event = await watch.next()
      assert.ok(event !== undefined, 'the watch ended early')
      events.push({
        type: event.type,
        name: event.object.metadata?.name as string,
        revision: Number(event.object.metadata?.resourceVersion),
      })
    }
    return events
  }
  const brief = (events: { type: string; name: string }[]): string[] => events.map(({ type, name }) => `${type} ${name}`)

  it('start with the state and go on with changes', () =>
    withEngine(async (engine) => {
      await make(engine, ['a'])
      const watch = await engine.watch(`${MAPS}?watch=true`)
      await make(engine, ['b'])
      await engine.call('PUT', `${MAPS}/b`, { metadata: { name: 'b' }, data: { x: '1' } })
      await engine.call('DELETE', `${MAPS}/a`)
      // The state is taken when the stream is first read, so `b` may be in it already; either way everything is seen once.
      const seen = new Map<string, string>()
      for (let event = await watch.next(); event !== undefined; event = await watch.next()) {
        const { name } = event.object.metadata as { name: string }
        if (event.type === 'DELETED') seen.delete(name)
        else seen.set(name, JSON.stringify(event.object.data))
        if (seen.size === 1 && seen.get('b') === '{"x":"1"}') break
      }
      watch.close()
    }))

  it('go on after a revision, with whole events', () =>
    withEngine(async (engine) => {
      await make(engine, ['a'])
      const start = engine.caches.revision
      await make(engine, ['b'])
      await engine.call('DELETE', `${MAPS}/a`)
      const watch = await engine.watch(`${MAPS}?watch=true&resourceVersion=${start}`)
      const events = await take(watch, 2)
      assert.deepEqual(brief(events), ['ADDED b', 'DELETED a'])
      assert.equal(events[1]?.revision, engine.caches.revision)
      watch.close()
      assert.equal(await watch.next(), undefined)
    }))

  it('see objects enter and leave their selection', () =>
    withEngine(async (engine) => {
      const watch = await engine.watch(`${MAPS}?watch=true&labelSelector=on%3Dyes&resourceVersion=${engine.caches.revision}`)
      await make(engine, ['a', 'b'])
      const label = (name: string, on: string): Promise<unknown> =>
        engine.call('PUT', `${MAPS}/${name}`, { metadata: { name, labels: { on } } })
      await label('a', 'yes')
      await engine.call('PUT', `${MAPS}/a`, { metadata: { name: 'a', labels: { on: 'yes' } }, data: { x: '1' } })
      await label('a', 'no')
      await label('b', 'yes')
      await engine.call('DELETE', `${MAPS}/b`)
      assert.deepEqual(brief(await take(watch, 5)), ['ADDED a', 'MODIFIED a', 'DELETED a', 'ADDED b', 'DELETED b'])
      watch.close()
    }))

  it('of one object see nothing else', () =>
    withEngine(async (engine) => {
      const watch = await engine.watch(`${MAPS}?watch=true&fieldSelector=metadata.name%3Db&resourceVersion=${engine.caches.revision}`)
      await make(engine, ['a', 'b', 'c'])
      assert.deepEqual(brief(await take(watch, 1)), ['ADDED b'])
      watch.close()
      const old = await engine.watch(`/api/v1/watch/namespaces/default/configmaps/b`)
      assert.equal((await old.next())?.type, 'ADDED')
      old.close()
    }))

  it('end when their time is up, with a bookmark for who wants one', () =>
    withEngine(async (engine) => {
      await make(engine, ['a'])
      const watch = await engine.watch(
        `${MAPS}?watch=true&timeoutSeconds=1&allowWatchBookmarks=true&resourceVersion=${engine.caches.revision}`,
      )
      const event = await watch.next()
      assert.deepEqual(
        [event?.type, event?.object.kind, event?.object.metadata.resourceVersion],
        ['BOOKMARK', 'ConfigMap', String(engine.caches.revision)],
      )
      assert.equal(await watch.next(), undefined)
    }))

  it('that list mark the end of the state', () =>
    withEngine(async (engine) => {
      await make(engine, ['a', 'b'])
      const watch = await engine.watch(
        `${MAPS}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`,
      )
      const events = [await watch.next(), await watch.next(), await watch.next()]
      assert.deepEqual(
        events.map((event) => event?.type),
        ['ADDED', 'ADDED', 'BOOKMARK'],
      )
      assert.deepEqual(events[2]?.object.metadata.annotations, { 'k8s.io/initial-events-end': 'true' })
      assert.equal(events[2].object.metadata.resourceVersion, String(engine.caches.revision))
      await make(engine, ['c'])
      assert.deepEqual(brief(await take(watch, 1)), ['ADDED c'])
      watch.close()
      const refused = await engine.call('GET', `${MAPS}?watch=true&sendInitialEvents=true`)
      assert.equal(refused.status, 422)
    }))

  it('from a lost revision end with 410', async () => {
    await using engine = await startEngine({ ring: { maxChanges: 4 } })
    await make(engine, numbered(12))
    const watch = await engine.watch(`${MAPS}?watch=true&resourceVersion=1`)
    const event = await watch.next()
    assert.deepEqual([event?.type, event?.object.code, event?.object.reason], ['ERROR', 410, 'Expired'])
    assert.match(event?.object.message as string, /^too old resource version: 1 \(\d+\)$/)
    assert.equal(await watch.next(), undefined)
    const exact = await engine.call('GET', `${MAPS}?resourceVersion=1&resourceVersionMatch=Exact`)
    assert.deepEqual([exact.status, exact.json.reason], [410, 'Expired'])
  })

  it('and lists that lost their history can go on without it', async () => {
    await using engine = await startEngine({ ring: { maxChanges: 4 } })
    await make(engine, numbered(6))
    const token = (await engine.call('GET', `${MAPS}?limit=2`)).json.metadata.continue as string
    for (let i = 0; i < 8; i += 1) await engine.call('PUT', `${MAPS}/m000`, { metadata: { name: 'm000' }, data: { i: String(i) } })
    const lost = await engine.call('GET', `${MAPS}?limit=2&continue=${encodeURIComponent(token)}`)
    assert.deepEqual([lost.status, lost.json.reason], [410, 'Expired'])
    const rest = await engine.call('GET', `${MAPS}?limit=9&continue=${encodeURIComponent(lost.json.metadata.continue as string)}`)
    assert.deepEqual(namesOf(rest.json), ['m002', 'm003', 'm004', 'm005'])
  })

  it('come as tables', () =>
    withEngine(async (engine) => {
      await make(engine, ['a'])
      const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io'
      const watch = await engine.watch(`${MAPS}?watch=true`, { headers: { accept } })
      const first = await watch.next()
      assert.deepEqual([first?.type, first?.object.kind, first?.object.rows.length], ['ADDED', 'Table', 1])
      assert.equal(first?.object.columnDefinitions.length, 3)
      await make(engine, ['b'])
      const second = await watch.next()
      assert.equal(second?.object.columnDefinitions, null)
      assert.equal(second.object.rows[0].cells[0], 'b')
      watch.close()
    }))

  it('come in protobuf', () =>
    withEngine(async (engine) => {
      const accept = 'application/vnd.kubernetes.protobuf;stream=watch'
      const { revision } = engine.caches
      await make(engine, ['a', 'b'])
      const url = `${MAPS}?watch=true&resourceVersion=${revision}&allowWatchBookmarks=true&timeoutSeconds=1`
      const response = await engine.open('GET', url, undefined, { headers: { accept } })
      assert.equal(response.headers['content-type'], 'application/vnd.kubernetes.protobuf;stream=watch')
      const frames = framesOf(await bodyOf(response))
      assert.deepEqual(
        frames.map(({ type, object }) => [type, object.kind, object.metadata.name]),
        [
          ['ADDED', 'ConfigMap', 'a'],
          ['ADDED', 'ConfigMap', 'b'],
          ['BOOKMARK', 'ConfigMap', undefined],
        ],
      )
      assert.equal(frames[2]?.object.metadata.resourceVersion, String(engine.caches.revision))
    }))

  it('of metadata alone carry nothing else', () =>
    withEngine(async (engine) => {
      const accept = 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io'
      const watch = await engine.watch(`${MAPS}?watch=true&resourceVersion=${engine.caches.revision}`, { headers: { accept } })
      await engine.call('POST', MAPS, { metadata: { name: 'a' }, data: { x: '1' } })
      const event = await watch.next()
      assert.deepEqual(
        [event?.type, event?.object.kind, Object.keys(event?.object as object)],
        ['ADDED', 'PartialObjectMetadata', ['kind', 'apiVersion', 'metadata']],
      )
      watch.close()
    }))

  it('under concurrent writes miss nothing, repeat nothing and keep the order', () =>
    withEngine(async (engine) => {
      const writers = 6
      const rounds = 25
      const states = new Map<string, string>()
      const watch = await engine.watch(`${MAPS}?watch=true&resourceVersion=${engine.caches.revision}`)
      const write = async (w: number): Promise<void> => {
        for (let round = 0; round < rounds; round += 1) {
          const name = `w${w}-${round % 3}`
          const body = { metadata: { name }, data: { round: String(round) } }
          const made = await engine.call('POST', MAPS, body)
          if (made.status === 409) await engine.call('PUT', `${MAPS}/${name}`, body)
          if (round % 5 === 4) await engine.call('DELETE', `${MAPS}/${name}`)
        }
      }
      const done = Promise.all(Array.from({ length: writers }, (_, w) => write(w))).then(() => make(engine, ['the-end']))
      let last = 0
      for (;;) {
        const event = await watch.next()
        assert.ok(event !== undefined)
        const { name, resourceVersion } = event.object.metadata as { name: string; resourceVersion: string }
        assert.ok(Number(resourceVersion) > last, `${resourceVersion} after ${last}`)
        last = Number(resourceVersion)
        if (event.type === 'ADDED') assert.equal(states.has(name), false, `${name} was added twice`)
        else assert.equal(states.has(name), true, `${event.type} of an unknown ${name}`)
        if (event.type === 'DELETED') states.delete(name)
        else states.set(name, event.object.data?.round as string)
        if (name === 'the-end') break
      }
      await done
      states.delete('the-end')
      const list = (await engine.call('GET', MAPS)).json as { items: { metadata: { name: string }; data?: { round: string } }[] }
      const expected = list.items
        .filter(({ metadata }) => metadata.name !== 'the-end')
        .map(({ metadata, data }) => [metadata.name, data?.round])
      assert.deepEqual([...states].sort(), expected.sort())
      watch.close()
    }))
})
