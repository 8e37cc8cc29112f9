import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FakeClock, settle } from '../../tests/helpers/fake-clock.ts'
import { configMaps } from '../api/kinds.ts'
import type { ConfigMap } from '../api/types/core-v1.ts'
import { StatusError } from '../meta/status-error.ts'
import { silentLogger } from '../observability/log.ts'
import type { Client, ListQuery, ObjectList, WatchEvent, WatchQuery } from './client.ts'
import { createInformerFactory, type InformerSet } from './informer-factory.ts'

const configMap = (name: string, resourceVersion: string, uid = `uid-${name}`): ConfigMap =>
  ({ metadata: { name, namespace: 'default', uid, resourceVersion } }) as unknown as ConfigMap
const event = (type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK', object: ConfigMap): WatchEvent<ConfigMap> => ({ type, object })

/** A server by hand: lists are answered from `lists`, each watch is driven by the test. */
class ScriptedServer {
  readonly lists: (ObjectList<ConfigMap> | Error)[] = []
  readonly watches: { readonly query: WatchQuery; send(...events: WatchEvent<ConfigMap>[]): void; end(err?: Error): void }[] = []
  readonly queries: ListQuery[] = []

  asClient(): Client {
    const list = async (_type: unknown, query: ListQuery): Promise<ObjectList<ConfigMap>> => {
      this.queries.push(query)
      const next = this.lists.shift()
      if (next instanceof Error) throw next
      return next ?? { resourceVersion: '1', items: [] }
    }
    const watch = (_type: unknown, query: WatchQuery, signal: AbortSignal): AsyncIterable<readonly WatchEvent<ConfigMap>[]> =>
      this.#watch(query, signal)
    return { list, watch } as unknown as Client
  }

  async *#watch(query: WatchQuery, signal: AbortSignal): AsyncGenerator<readonly WatchEvent<ConfigMap>[]> {
    const queue: (readonly WatchEvent<ConfigMap>[] | Error | 'end')[] = []
    let wake = (): void => {}
    const push = (item: (typeof queue)[number]): void => {
      queue.push(item)
      wake()
    }
    this.watches.push({ query, send: (...events) => push(events), end: (err) => push(err ?? 'end') })
    signal.addEventListener('abort', () => push(signal.reason as Error), { once: true })
    for (;;) {
      const item = queue.shift()
      if (item === 'end') return
      if (item instanceof Error) throw item
      if (item !== undefined) yield item
      else {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    }
  }

  last(): ScriptedServer['watches'][number] {
    const watch = this.watches.at(-1)
    assert.ok(watch)
    return watch
  }
}

interface Stage extends AsyncDisposable {
  readonly server: ScriptedServer
  readonly clock: FakeClock
  readonly informers: InformerSet
  readonly signal: AbortSignal
  /** What listeners heard: `+name`, `~name`, `-name`. */
  readonly heard: string[]
}

async function stage(...lists: ScriptedServer['lists']): Promise<Stage> {
  const server = new ScriptedServer()
  server.lists.push(...lists)
  const clock = new FakeClock()
  const informers = createInformerFactory({ client: server.asClient(), clock, log: silentLogger, random: () => 0 })
  const abort = new AbortController()
  const heard: string[] = []
  informers.informer(configMaps).onChange((next, old) => {
    heard.push(`${next === undefined ? '-' : old === undefined ? '+' : '~'}${(next ?? old)?.metadata.name ?? ''}`)
  })
  const { done } = await informers.start(abort.signal)
  await settle()
  return {
    server,
    clock,
    informers,
    signal: abort.signal,
    heard,
    [Symbol.asyncDispose]: async () => {
      abort.abort(new Error('over'))
      await done
      assert.equal(clock.sleeping, 0)
    },
  }
}

const names = ({ informers }: Stage): string[] =>
  informers
    .informer(configMaps)
    .list()
    .map(({ metadata }) => `${metadata.name}@${metadata.resourceVersion}`)
    .sort()

describe('informer', () => {
  it('lists in pages, then watches from where the list ended', async () => {
    await using s = await stage(
      { resourceVersion: '9', continue: 'next', items: [configMap('a', '1')] },
      { resourceVersion: '9', items: [configMap('b', '2')] },
    )
    await s.informers.waitForSync(s.signal)
    assert.deepEqual(
      s.server.queries.map(({ continue: next }) => next),
      [undefined, 'next'],
    )
    assert.equal(s.server.last().query.resourceVersion, '9')
    assert.equal(s.server.last().query.allowWatchBookmarks, true)
    s.server
      .last()
      .send(event('ADDED', configMap('c', '10')), event('MODIFIED', configMap('a', '11')), event('DELETED', configMap('b', '12')))
    await settle()
    assert.deepEqual(names(s), ['a@11', 'c@10'])
    assert.deepEqual(s.heard, ['+a', '+b', '+c', '~a', '-b'])
  })

  it('resumes a dropped watch where it stopped, a bookmark counting', async () => {
    await using s = await stage({ resourceVersion: '5', items: [] })
    s.server.last().send(event('ADDED', configMap('a', '6')))
    s.server.last().send(event('BOOKMARK', configMap('', '20')))
    await settle()
    s.server.last().end(new Error('connection reset'))
    await s.clock.advance(1_000)
    assert.equal(s.server.watches.length, 2)
    assert.equal(s.server.last().query.resourceVersion, '20')
    assert.equal(s.server.queries.length, 1)
    assert.deepEqual(s.heard, ['+a'])
  })

  it('lists again when its revision has expired, telling only what changed', async () => {
    await using s = await stage({
      resourceVersion: '5',
      items: [configMap('same', '1'), configMap('changed', '2'), configMap('gone', '3'), configMap('reborn', '4')],
    })
    s.heard.length = 0
    s.server.lists.push({
      resourceVersion: '50',
      items: [configMap('same', '1'), configMap('changed', '40'), configMap('new', '41'), configMap('reborn', '42', 'uid-other')],
    })
    s.server.last().end(new StatusError('Expired', 'too old resource version'))
    await s.clock.advance(1_000)
    assert.deepEqual(s.heard, ['~changed', '+new', '-reborn', '+reborn', '-gone'])
    assert.equal(s.server.last().query.resourceVersion, '50')
  })

  it('waits longer after each failure, and syncs when the server answers', async () => {
    const failure = new StatusError('ServiceUnavailable', 'not yet')
    await using s = await stage(failure, failure, failure, { resourceVersion: '1', items: [configMap('a', '1')] })
    const asked = (): number => s.server.queries.length
    assert.equal(asked(), 1)
    await s.clock.advance(799)
    assert.equal(asked(), 1)
    await s.clock.advance(1)
    assert.equal(asked(), 2)
    await s.clock.advance(1_599)
    assert.equal(asked(), 2)
    await s.clock.advance(1)
    assert.equal(asked(), 3)
    assert.equal(s.informers.informer(configMaps).hasSynced, false)
    await s.clock.advance(3_200)
    await s.informers.waitForSync(s.signal)
    assert.deepEqual(names(s), ['a@1'])
  })

  it('does not spin when the server ends watches at once', async () => {
    await using s = await stage({ resourceVersion: '5', items: [] })
    for (let i = 0; i < 5; i++) {
      s.server.last().end()
      await settle()
    }
    assert.equal(s.server.watches.length, 1)
    await s.clock.advance(800)
    assert.equal(s.server.watches.length, 2)
  })

  it('serves by key, namespace and index, whenever the index was declared', async () => {
    await using s = await stage({ resourceVersion: '5', items: [configMap('a', '1'), configMap('b', '2')] })
    const informer = s.informers.informer(configMaps)
    informer.addIndex('first', ({ metadata }) => [metadata.name.charAt(0)])
    assert.equal(informer.get('default/a')?.metadata.name, 'a')
    assert.equal(informer.list('default').length, 2)
    assert.equal(informer.list('other').length, 0)
    s.server.last().send(event('ADDED', configMap('ax', '6')))
    await settle()
    assert.deepEqual(
      informer.byIndex('first', 'a').map(({ metadata }) => metadata.name),
      ['a', 'ax'],
    )
    assert.equal(informer.list(), informer.list())
    assert.throws(() => informer.byIndex('none', ''), /unknown index/)
  })

  it('is shared by resource and selector, and keeps one failing listener from the others', async () => {
    await using s = await stage({ resourceVersion: '5', items: [] })
    assert.equal(s.informers.informer(configMaps), s.informers.informer(configMaps))
    assert.notEqual(s.informers.informer(configMaps), s.informers.informer(configMaps, { namespace: 'x' }))
    assert.equal(s.informers.informer(configMaps), s.informers.informer(configMaps, { metadataOnly: true }))
    const heard: string[] = []
    s.informers.informer(configMaps).onChange(() => {
      throw new Error('listener broke')
    })
    s.informers.informer(configMaps).onChange((next) => heard.push(next?.metadata.name ?? ''))
    s.server.watches[0]?.send(event('ADDED', configMap('a', '6')))
    await settle()
    assert.deepEqual(heard, ['a'])
  })

  it('stops when released, and lets waiters give up', async () => {
    await using s = await stage(new Error('down'))
    const impatient = new AbortController()
    const waiting = s.informers.waitForSync(impatient.signal)
    impatient.abort(new Error('enough'))
    await assert.rejects(waiting, /enough/)
    s.informers.release(configMaps)
    await s.clock.advance(60_000)
    assert.equal(s.server.queries.length, 1)
  })
})
