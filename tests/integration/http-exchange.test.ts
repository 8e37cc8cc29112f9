import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { gunzipSync } from 'node:zlib'
import type { ApiRequest, ApiResponse } from '../../core/apiserver/request.ts'
import { StatusError } from '../../core/meta/status-error.ts'
import { eventually } from '../helpers/eventually.ts'
import { bodyOf, call1, openHttp2, openHttpBench, PROTOCOLS, statusOf } from '../helpers/http-bench.ts'

const TEXT = { 'content-type': 'text/plain' }
const ok = (body: ApiResponse['body']): ApiResponse => ({ status: 200, headers: TEXT, ...(body !== undefined && { body }) })

async function* countTo(last: number, size: number): AsyncGenerator<Uint8Array> {
  for (let i = 0; i <= last; i += 1) {
    await new Promise((resolve) => setImmediate(resolve))
    yield Buffer.from(`${i}`.padEnd(size, '.'))
  }
}

for (const protocol of PROTOCOLS) {
  describe(`an exchange over ${protocol.name}`, () => {
    it('carries method, path, query, headers, body and user to the handler', async () => {
      let seen: ApiRequest | undefined
      await using bench = await openHttpBench(async (request) => {
        seen = request
        return ok(await request.body())
      })
      using client = protocol.open(bench)
      const sent = Buffer.from('größe \0 ÿ')
      const answer = await client.call({
        method: 'PATCH',
        path: '/api/v1/x%2Fy?a=1&b=%20z&a=2',
        headers: { 'x-one': 'eins', accept: 'a/b' },
        body: sent,
      })
      assert.equal(answer.status, 200)
      assert.ok(answer.body.equals(sent))
      assert.equal(answer.headers['content-length'], String(sent.length))
      assert.ok(seen)
      assert.deepEqual([seen.method, seen.path], ['PATCH', '/api/v1/x%2Fy'])
      assert.deepEqual(
        [...seen.query],
        [
          ['a', '1'],
          ['b', ' z'],
          ['a', '2'],
        ],
      )
      assert.equal(seen.headers['x-one'], 'eins')
      assert.equal(seen.headers['host'], `127.0.0.1:${bench.port}`)
      assert.ok(Object.keys(seen.headers).every((name) => !name.startsWith(':')))
      assert.equal(seen.user.name, 'anybody')
      assert.equal(seen.remoteAddress, '127.0.0.1')
    })

    it('answers with nothing, with a buffer, with pieces, with a stream', async () => {
      const pieces = Array.from({ length: 3000 }, (_, i) => Buffer.from(`${i},`))
      const large = Buffer.alloc(900_000, 'large')
      const bodies: Record<string, ApiResponse['body']> = {
        '/nothing': undefined,
        '/empty': Buffer.alloc(0),
        '/none': [],
        '/buffer': Buffer.from('abc'),
        '/large': large,
        '/pieces': [Buffer.from('['), ...pieces, large, Buffer.from(']')],
      }
      await using bench = await openHttpBench((request) =>
        Promise.resolve(request.path === '/stream' ? ok(countTo(200, 10_000)) : ok(bodies[request.path])),
      )
      using client = protocol.open(bench)
      for (const [path, body = []] of Object.entries(bodies)) {
        const wanted = Buffer.concat(body instanceof Uint8Array ? [body] : (body as Uint8Array[]))
        const answer = await client.call({ path })
        assert.equal(answer.status, 200, path)
        assert.ok(answer.body.equals(wanted), `${path}: ${answer.body.length} of ${wanted.length} bytes`)
      }
      const streamed = await client.call({ path: '/stream' })
      assert.equal(streamed.body.length, 201 * 10_000)
      assert.ok(streamed.body.toString().startsWith('0.') && streamed.body.includes('200.'))
    })

    it('leaves out the body of an answer to HEAD and says how long it would be', async () => {
      await using bench = await openHttpBench(() => Promise.resolve(ok(Buffer.from('abc'))))
      using client = protocol.open(bench)
      const answer = await client.call({ method: 'HEAD' })
      assert.deepEqual([answer.status, answer.body.length, answer.headers['content-length']], [200, 0, '3'])
    })

    it('refuses a body of more than 3 MiB with 413, however it is announced', async () => {
      await using bench = await openHttpBench(async (request) => ok(Buffer.from(String((await request.body()).length))))
      using client = protocol.open(bench)
      const limit = 3 * 1024 * 1024
      assert.equal((await client.call({ method: 'POST', body: Buffer.alloc(limit) })).body.toString(), String(limit))
      for (const headers of [{ 'content-length': String(limit + 1) }, {}]) {
        const answer = await client.call({ method: 'POST', headers, body: Buffer.alloc(limit + 1) })
        assert.equal(answer.status, 413)
        assert.deepEqual(statusOf(answer), {
          kind: 'Status',
          apiVersion: 'v1',
          metadata: {},
          status: 'Failure',
          message: `Request entity too large: limit is ${limit}`,
          reason: 'RequestEntityTooLarge',
          code: 413,
        })
      }
      assert.equal((await client.call({ method: 'POST', body: Buffer.from('abc') })).body.toString(), '3')
    })

    it('turns what a handler throws into a Status and lives on', async () => {
      await using bench = await openHttpBench((request) => {
        if (request.path === '/status') throw new StatusError('Conflict', 'moved on', { name: 'x', retryAfterSeconds: 7 })
        if (request.path === '/header') return Promise.resolve({ status: 200, headers: { 'x-bad': 'line\nbreak' }, body: Buffer.from('x') })
        return Promise.reject(new Error('a bug'))
      })
      using client = protocol.open(bench)
      const refused = await client.call({ path: '/status' })
      assert.deepEqual([refused.status, statusOf(refused).reason, refused.headers['retry-after']], [409, 'Conflict', '7'])
      const broken = await client.call({ path: '/bug' })
      assert.deepEqual(
        [broken.status, statusOf(broken).reason, statusOf(broken).message],
        [500, 'InternalError', 'Internal error occurred: a bug'],
      )
      const header = await client.call({ path: '/header' })
      // HTTP/2 has no line ends that a value could break; the header is left out there.
      assert.deepEqual([header.status, header.headers['x-bad']], [protocol.name === 'HTTP/2' ? 200 : 500, undefined])
      assert.equal((await client.call({ path: '/status' })).status, 409)
      await eventually(() => assert.equal(bench.server.activeRequests, 0))
    })

    it('breaks an answer off when its stream fails, so that nobody takes a part for the whole', async () => {
      async function* failing(): AsyncGenerator<Uint8Array> {
        yield* countTo(3, 100)
        throw new Error('the source is gone')
      }
      await using bench = await openHttpBench((request) => Promise.resolve(request.path === '/ok' ? ok(Buffer.from('x')) : ok(failing())))
      using client = protocol.open(bench)
      await assert.rejects(client.call({ path: '/broken' }))
      assert.equal((await client.call({ path: '/ok' })).status, 200)
    })

    it('asks who it is with headers and path, and answers 401 when nobody knows', async () => {
      await using bench = await openHttpBench((request) => Promise.resolve(ok(Buffer.from(request.user.name))), {
        authenticate: ({ headers, path, certificate }) => {
          assert.equal(certificate, undefined)
          if (path === '/throws') throw new StatusError('Unauthorized', 'Unauthorized')
          const name = headers['authorization']
          return Promise.resolve(name === undefined ? undefined : { name, groups: [] })
        },
      })
      using client = protocol.open(bench)
      assert.equal((await client.call({ headers: { authorization: 'me' } })).body.toString(), 'me')
      for (const path of ['/', '/throws?x=1']) {
        const answer = await client.call({ path })
        assert.deepEqual([answer.status, statusOf(answer).reason, statusOf(answer).message], [401, 'Unauthorized', 'Unauthorized'])
      }
    })

    it('tells the handler when the client goes away, before and while it answers', async () => {
      const aborted: string[] = []
      await using bench = await openHttpBench(async (request) => {
        if (request.path === '/waiting') {
          await once(request.signal, 'abort')
          aborted.push('waiting')
          throw new Error('too late')
        }
        return ok(
          (async function* endless(): AsyncGenerator<Uint8Array> {
            yield Buffer.from('first')
            await once(request.signal, 'abort')
            aborted.push('streaming')
          })(),
        )
      })
      for (const path of ['/waiting', '/streaming']) {
        const session = openHttp2(bench)
        const leave =
          protocol.name === 'HTTP/2'
            ? (() => {
                const stream = session.request({ ':path': path })
                stream.on('error', () => undefined)
                return () => stream.close(8)
              })()
            : await leaveHttp1(bench.port, path, bench.authority.certificatePem)
        await eventually(() => assert.equal(bench.server.activeRequests, 1))
        leave()
        await eventually(() => assert.equal(aborted.at(-1), path.slice(1)))
        await eventually(() => assert.equal(bench.server.activeRequests, 0))
        session.destroy()
      }
    })

    it('does not run ahead of a reader that is slow', async () => {
      let made = 0
      await using bench = await openHttpBench(() =>
        Promise.resolve(
          ok(
            (async function* plenty(): AsyncGenerator<Uint8Array> {
              for (; made < 2000; made += 1) {
                await Promise.resolve()
                yield Buffer.alloc(64 * 1024)
              }
            })(),
          ),
        ),
      )
      const { pause, destroy } =
        protocol.name === 'HTTP/2' ? slowHttp2(openHttp2(bench)) : await slowHttp1(bench.port, bench.authority.certificatePem)
      await pause
      await new Promise((resolve) => setTimeout(resolve, 200))
      assert.ok(made < 1000, `${made} of 2000 chunks were made for a reader that took none`)
      destroy()
    })
  })
}

describe('compression', () => {
  const body = Buffer.from('compressible '.repeat(20_000))

  it('is not for peers on this machine', async () => {
    await using bench = await openHttpBench(() => Promise.resolve(ok(body)))
    const answer = await call1(bench, { headers: { 'accept-encoding': 'gzip' } })
    assert.equal(answer.headers['content-encoding'], undefined)
    assert.ok(answer.body.equals(body))
  })

  it('is for large answers to others that ask for it', async () => {
    const { send } = await import('../../core/apiserver/http/send.ts')
    const { PassThrough } = await import('node:stream')
    const compressed = async (
      accept: string | undefined,
      bytes: Uint8Array,
    ): Promise<{ headers: Record<string, unknown>; body: Buffer }> => {
      const stream = new PassThrough()
      let headers: Record<string, unknown> = {}
      const request = { method: 'GET', headers: { 'accept-encoding': accept }, aborted: false } as unknown as Parameters<typeof send>[1]
      const sending = send(ok(bytes), request, { stream, head: (_status, sent) => void (headers = sent) }, true)
      const received = await bodyOf(stream)
      await sending
      return { headers, body: received }
    }
    for (const accept of ['gzip', 'deflate, gzip;q=0.5', 'GZIP , br']) {
      const { headers, body: sent } = await compressed(accept, body)
      assert.equal(headers['content-encoding'], 'gzip', accept)
      assert.equal(headers['content-length'], undefined)
      assert.ok(sent.length < body.length / 10)
      assert.ok(gunzipSync(sent).equals(body))
    }
    for (const accept of [undefined, 'br', 'gzip;q=0', 'xgzip'])
      assert.equal((await compressed(accept, body)).headers['content-encoding'], undefined, accept)
    assert.equal((await compressed('gzip', body.subarray(0, 1000))).headers['content-encoding'], undefined)
  })
})

async function leaveHttp1(port: number, path: string, ca: string): Promise<() => void> {
  const { connect } = await import('node:tls')
  const socket = connect({ port, host: '127.0.0.1', ca, ALPNProtocols: ['http/1.1'] })
  await once(socket, 'secureConnect')
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
  return () => socket.destroy()
}

async function slowHttp1(port: number, ca: string): Promise<{ readonly pause: Promise<unknown>; readonly destroy: () => void }> {
  const { connect } = await import('node:tls')
  const socket = connect({ port, host: '127.0.0.1', ca })
  socket.on('error', () => undefined)
  await once(socket, 'secureConnect')
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  return { pause: once(socket, 'readable'), destroy: () => socket.destroy() }
}

function slowHttp2(session: ReturnType<typeof openHttp2>): { readonly pause: Promise<unknown>; readonly destroy: () => void } {
  const stream = session.request({ ':path': '/' })
  stream.on('error', () => undefined)
  return { pause: once(stream, 'response'), destroy: () => session.destroy() }
}
