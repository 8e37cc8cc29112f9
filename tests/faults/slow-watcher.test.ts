import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2'
import { describe, it } from 'node:test'
import { ADMIN, startEngine } from '../helpers/engine.ts'
import { eventually } from '../helpers/eventually.ts'
import { bodyOf, openHttp2, openHttpBench } from '../helpers/http-bench.ts'

const MAPS = '/api/v1/namespaces/default/configmaps'
const WRITES = 1200

describe('a watcher that does not read', () => {
  it('is told that it lost its place, while others see everything and memory stays bounded', { timeout: 120_000 }, async () => {
    await using engine = await startEngine()
    await using bench = await openHttpBench((request) => engine.server.handle(request), { authenticate: () => Promise.resolve(ADMIN) })
    const from = engine.caches.revision
    const follow = async (): Promise<{ readonly session: ClientHttp2Session; readonly stream: ClientHttp2Stream }> => {
      const session = openHttp2(bench)
      const stream = session.request({ ':path': `${MAPS}?watch=true&resourceVersion=${from}` })
      await once(stream, 'response')
      return { session, stream }
    }
    const slow = await follow()
    const quick = await follow()
    let seen = 0
    let rest = ''
    quick.stream.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        const { type, object } = JSON.parse(line) as { type: string; object: { data: { counter: string } } }
        assert.deepEqual([type, object.data.counter], [seen === 0 ? 'ADDED' : 'MODIFIED', String(seen)])
        seen += 1
      }
    })

    const before = process.memoryUsage().arrayBuffers
    const text = 'x'.repeat(60_000)
    for (let counter = 0; counter < WRITES; counter += 1) {
      const object = { metadata: { name: 'map', namespace: 'default' }, data: { counter: String(counter), text } }
      const answer = counter === 0 ? await engine.call('POST', MAPS, object) : await engine.call('PUT', `${MAPS}/map`, object)
      assert.ok(answer.status === 200 || answer.status === 201, answer.text)
      // All of this shares one thread; the one that reads has to get its turn.
      if (counter % 100 === 0) await eventually(() => assert.ok(seen >= counter - 100))
    }
    await eventually(() => assert.equal(seen, WRITES), 20_000)
    const held = process.memoryUsage().arrayBuffers - before
    assert.ok(held < 256 * 1024 * 1024, `${held} bytes are held`)
    const told = (await bodyOf(slow.stream)).toString().trimEnd().split('\n')
    const last = JSON.parse(told.at(-1) ?? '') as { type: string; object: { code: number; reason: string } }
    assert.deepEqual([last.type, last.object.code, last.object.reason], ['ERROR', 410, 'Expired'])
    slow.session.destroy()
    quick.session.destroy()
  })
})
