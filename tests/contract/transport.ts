import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { describe, it } from 'node:test'
import type { HandlerFunction } from '../../core/client/in-process.ts'
import type { Transport } from '../../core/client/transport.ts'
import { eventually } from '../helpers/eventually.ts'
import { transportHandler } from '../helpers/transport-handler.ts'

/** Brings up a server with `handler` for user `tester` and a transport to it. */
export type OpenTransport = (handler: HandlerFunction<string>) => Promise<{ readonly transport: Transport } & AsyncDisposable>

const MIB = 1024 * 1024
const live = (): AbortSignal => new AbortController().signal
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8')

/** What every transport promises, whatever carries it. */
export function describeTransportContract(name: string, open: OpenTransport): void {
  describe(`transport contract: ${name}`, () => {
    it('carries method, path, query, headers, body and the user', async () => {
      const { handler, probe } = transportHandler()
      await using server = await open(handler)
      const headers = { accept: 'application/json', 'content-type': 'application/json' }
      const answer = await server.transport.request(
        { method: 'PUT', path: '/echo?a=1&b=x%20y', headers, body: Buffer.from('{"ü":1}') },
        live(),
      )
      assert.equal(answer.status, 200)
      assert.equal(answer.headers['x-test'], 'yes')
      assert.deepEqual(JSON.parse(text(answer.body)), {
        method: 'PUT',
        path: '/echo',
        query: [
          ['a', '1'],
          ['b', 'x y'],
        ],
        accept: 'application/json',
        type: 'application/json',
        body: '{"ü":1}',
      })
      assert.deepEqual(probe.users, ['tester'])
    })

    it('hands over error answers instead of throwing', async () => {
      await using server = await open(transportHandler().handler)
      const answer = await server.transport.request({ method: 'GET', path: '/missing' }, live())
      assert.equal(answer.status, 404)
      assert.match(text(answer.body), /NotFound/)
      const stream = await server.transport.stream({ method: 'GET', path: '/missing' }, live())
      assert.equal(stream.status, 404)
      assert.match(text(Buffer.concat(await collect(stream.body))), /NotFound/)
    })

    it('answers an absent body with no bytes', async () => {
      await using server = await open(transportHandler().handler)
      const answer = await server.transport.request({ method: 'GET', path: '/empty' }, live())
      assert.equal(answer.body.byteLength, 0)
    })

    it('carries bodies far beyond any window, many at a time', async () => {
      await using server = await open(transportHandler().handler)
      const sizes = await Promise.all(
        Array.from({ length: 8 }, async (_, i) => {
          const answer = await server.transport.request({ method: 'GET', path: `/slabs?count=${i * 20}` }, live())
          return answer.body.byteLength
        }),
      )
      assert.deepEqual(
        sizes,
        Array.from({ length: 8 }, (_, i) => i * 20 * 64 * 1024),
      )
      const stream = await server.transport.stream({ method: 'GET', path: '/slabs?count=100' }, live())
      const body = Buffer.concat(await collect(stream.body))
      assert.equal(body.byteLength, 100 * 64 * 1024)
      assert.equal(body.equals(Buffer.alloc(body.byteLength, 'ab')), true)
    })

    it('delivers chunks before the body ends, and ends when the signal fires', async () => {
      const { handler, probe } = transportHandler()
      await using server = await open(handler)
      const abort = new AbortController()
      const stream = await server.transport.stream({ method: 'GET', path: '/lines' }, abort.signal)
      let seen = ''
      const reading = (async () => {
        for await (const chunk of stream.body) {
          seen += text(chunk)
          if (seen === 'one\ntwo\n') abort.abort(new Error('enough'))
        }
      })()
      await assert.rejects(reading, /enough/)
      await eventually(() => assert.deepEqual([...probe.aborted], ['/lines']))
      assert.equal(getEventListeners(abort.signal, 'abort').length, 0)
    })

    it('tells the handler when the reader leaves early', async () => {
      const { handler, probe } = transportHandler()
      await using server = await open(handler)
      const signal = live()
      const stream = await server.transport.stream({ method: 'GET', path: '/endless' }, signal)
      for await (const chunk of stream.body) if (chunk.byteLength > 0) break
      await eventually(() => assert.deepEqual([...probe.aborted], ['/endless']))
      assert.equal(getEventListeners(signal, 'abort').length, 0)
    })

    it('holds the sender back while the reader is slow', async () => {
      const { handler, probe } = transportHandler()
      await using server = await open(handler)
      const abort = new AbortController()
      const stream = await server.transport.stream({ method: 'GET', path: '/endless' }, abort.signal)
      const reader = stream.body[Symbol.asyncIterator]()
      await reader.next()
      await eventually(async () => {
        const before = probe.produced
        await new Promise((resolve) => setTimeout(resolve, 100))
        assert.equal(probe.produced, before)
      })
      assert.ok(probe.produced * 64 * 1024 < 16 * MIB, `produced ${probe.produced} chunks`)
      const stalled = probe.produced
      for (let bytes = 0; bytes < (stalled + 20) * 64 * 1024; ) bytes += ((await reader.next()).value as Uint8Array).byteLength
      assert.ok(probe.produced > stalled)
      abort.abort(new Error('over'))
      await assert.rejects(async () => {
        for (;;) if ((await reader.next()).done === true) throw new Error('over')
      }, /over/)
    })

    it('rejects with the reason of the signal, before and during a request', async () => {
      const { handler, probe } = transportHandler()
      await using server = await open(handler)
      await assert.rejects(server.transport.request({ method: 'GET', path: '/echo' }, AbortSignal.abort(new Error('too late'))), /too late/)
      await assert.rejects(server.transport.stream({ method: 'GET', path: '/echo' }, AbortSignal.abort(new Error('too late'))), /too late/)
      for (const kind of ['request', 'stream'] as const) {
        const abort = new AbortController()
        const pending = server.transport[kind]({ method: 'GET', path: `/hang-${kind}` }, abort.signal)
        await eventually(() => assert.ok(probe.users.length > (kind === 'request' ? 0 : 1)))
        abort.abort(new Error('given up'))
        await assert.rejects(pending, /given up/)
        await eventually(() => assert.ok(probe.aborted.has(`/hang-${kind}`)))
      }
    })

    it('fails the reader when the body breaks', async () => {
      await using server = await open(transportHandler().handler)
      const stream = await server.transport.stream({ method: 'GET', path: '/break' }, live())
      await assert.rejects(collect(stream.body))
    })
  })
}

async function collect(body: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk)
  return chunks
}
