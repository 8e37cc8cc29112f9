import assert from 'node:assert/strict'
import { once } from 'node:events'
import { constants } from 'node:http2'
import { Agent } from 'node:https'
import { connect as connectPlain } from 'node:net'
import { describe, it } from 'node:test'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import type { Credentials } from '../../core/apiserver/auth/auth.ts'
import type { ApiRequest, ApiResponse } from '../../core/apiserver/request.ts'
import { createAuthority } from '../../core/pki/authority.ts'
import { eventually } from '../helpers/eventually.ts'
import {
  bodyOf,
  call1,
  call2,
  clientIdentity,
  type HttpBench,
  openHttp2,
  openHttpBench,
  serverIdentity,
  statusOf,
} from '../helpers/http-bench.ts'

const text = (body: string): ApiResponse => ({ status: 200, headers: { 'content-type': 'text/plain' }, body: Buffer.from(body) })
const hello = (): Promise<ApiResponse> => Promise.resolve(text('hello'))

async function open(bench: HttpBench, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({ port: bench.port, host: '127.0.0.1', ca: bench.authority.certificatePem, ...options })
  socket.on('error', () => undefined)
  await once(socket, 'secureConnect')
  return socket
}

/** The same, and the session it may resume later. */
async function openResumable(
  bench: HttpBench,
  options: ConnectionOptions,
): Promise<{ readonly socket: TLSSocket; readonly session: Promise<Buffer> }> {
  const socket = connect({ port: bench.port, host: '127.0.0.1', ca: bench.authority.certificatePem, ...options })
  socket.on('error', () => undefined)
  // NOTE: the ticket comes in the handshake with TLS 1.2 and after it with TLS 1.3.
  const session = once(socket, 'session').then(([ticket]) => ticket as Buffer)
  await once(socket, 'secureConnect')
  return { socket, session }
}

/** What the server says until it closes the connection. */
async function talk(socket: TLSSocket, said: string): Promise<string> {
  socket.write(said)
  return (await bodyOf(socket)).toString()
}

describe('the listener', () => {
  it('speaks HTTP/2 to those who can and HTTP/1.1 to the others, and nothing older than TLS 1.2', async () => {
    await using bench = await openHttpBench(hello)
    for (const [offered, chosen] of [
      [['h2', 'http/1.1'], 'h2'],
      [['http/1.1'], 'http/1.1'],
      [undefined, false],
    ] as const) {
      const socket = await open(bench, offered === undefined ? {} : { ALPNProtocols: [...offered] })
      assert.equal(socket.alpnProtocol, chosen)
      assert.equal(socket.getProtocol(), 'TLSv1.3')
      socket.destroy()
    }
    const older = await open(bench, { maxVersion: 'TLSv1.2' })
    assert.match(older.getCipher().name, /^ECDHE-ECDSA-.*GCM/)
    older.destroy()
    await assert.rejects(open(bench, { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1' }))
    await assert.rejects(open(bench, { ciphers: 'ECDHE-ECDSA-AES128-SHA', maxVersion: 'TLSv1.2' }))
  })

  it('names the address it cannot have', async () => {
    await using bench = await openHttpBench(hello)
    await assert.rejects(openHttpBench(hello, { port: bench.port }), new RegExp(`cannot listen on 127.0.0.1:${bench.port}: .*EADDRINUSE`))
  })

  it('shows a new certificate to new connections and leaves the others alone', async () => {
    await using bench = await openHttpBench(hello)
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    assert.equal((await call1(bench, { agent })).body.toString(), 'hello')
    const before = await open(bench)
    const next = serverIdentity(bench.authority)
    bench.server.replaceMaterial({ certificate: next.certificatePem, key: next.keyPem })
    const after = await open(bench)
    assert.notEqual(after.getPeerCertificate().fingerprint256, before.getPeerCertificate().fingerprint256)
    assert.equal(after.getPeerCertificate().fingerprint256, next.certificate.fingerprint256)
    assert.equal((await call1(bench, { agent })).body.toString(), 'hello')
    before.destroy()
    after.destroy()
    agent.destroy()
  })
})

describe('client certificates', () => {
  const clients = createAuthority('clients', Date.now())
  const identityOf = (request: ApiRequest): Promise<ApiResponse> =>
    Promise.resolve(text(JSON.stringify([request.user.name, request.user.groups])))

  async function openMutual(): Promise<{ readonly bench: HttpBench; readonly asked: Credentials[] }> {
    const asked: Credentials[] = []
    const server = createAuthority('server', Date.now())
    const own = serverIdentity(server)
    const bench = await openHttpBench(identityOf, {
      material: { certificate: own.certificatePem, key: own.keyPem, clientAuthorities: clients.certificatePem },
      authenticate: (credentials) => {
        asked.push(credentials)
        const { certificate } = credentials
        return Promise.resolve(certificate && { name: certificate.commonName, groups: certificate.organizations })
      },
    })
    return { bench: { ...bench, authority: server }, asked }
  }

  it('name the user and its groups, read once a connection', async () => {
    const { bench: opened, asked } = await openMutual()
    await using bench = opened
    const admin = clientIdentity(clients, 'system:admin', ['system:masters', 'other'])
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    for (let i = 0; i < 2; i += 1)
      assert.equal((await call1(bench, { client: admin, agent })).body.toString(), '["system:admin",["system:masters","other"]]')
    agent.destroy()
    const session = openHttp2(bench, admin)
    const answers = await Promise.all([1, 2, 3].map(() => call2(session)))
    for (const answer of answers) assert.equal(answer.body.toString(), '["system:admin",["system:masters","other"]]')
    session.destroy()
    assert.equal(asked[0]?.certificate, asked[1]?.certificate)
    assert.equal(asked[2]?.certificate, asked[4]?.certificate)
    assert.notEqual(asked[0]?.certificate, asked[2]?.certificate)
  })

  it('count for nothing when there is none, or another authority signed them, or they are not for clients', async () => {
    await using bench = (await openMutual()).bench
    const stranger = clientIdentity(createAuthority('clients', Date.now()), 'system:admin', ['system:masters'])
    const server = serverIdentity(clients)
    for (const client of [undefined, stranger, server]) {
      const answer = await call1(bench, client === undefined ? {} : { client })
      assert.deepEqual([answer.status, statusOf(answer).reason], [401, 'Unauthorized'])
    }
  })

  it('stay with a resumed session, and a resumed session without one stays without', async () => {
    await using bench = (await openMutual()).bench
    const admin = clientIdentity(clients, 'admin', [])
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      for (const [client, wanted] of [
        [admin, 200],
        [undefined, 401],
      ] as const) {
        const certificate = client === undefined ? {} : { cert: client.certificatePem, key: client.keyPem }
        const first = await openResumable(bench, { ...certificate, maxVersion })
        assert.match(await talk(first.socket, 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'), new RegExp(`^HTTP/1.1 ${wanted} `))
        const second = await open(bench, { ...certificate, maxVersion, session: await first.session })
        assert.equal(second.isSessionReused(), true)
        assert.match(await talk(second, 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'), new RegExp(`^HTTP/1.1 ${wanted} `))
      }
    }
  })

  it('of an authority that is no longer believed do not get in with an old session', async () => {
    await using bench = (await openMutual()).bench
    const admin = clientIdentity(clients, 'admin', [])
    const certificate = { cert: admin.certificatePem, key: admin.keyPem }
    const first = await openResumable(bench, certificate)
    assert.match(await talk(first.socket, 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'), /^HTTP\/1.1 200 /)
    const own = serverIdentity(bench.authority)
    bench.server.replaceMaterial({
      certificate: own.certificatePem,
      key: own.keyPem,
      clientAuthorities: createAuthority('new', Date.now()).certificatePem,
    })
    const second = await open(bench, { ...certificate, session: await first.session })
    assert.equal(second.isSessionReused(), false)
    assert.match(await talk(second, 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'), /^HTTP\/1.1 401 /)
  })
})

describe('upgrades', () => {
  const upgrade =
    'GET /exec?x=1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Twice: a\r\nX-Twice: b\r\n\r\nfirst bytes'

  it('hand the socket to the handler with what came along', async () => {
    await using bench = await openHttpBench((request) => {
      assert.ok(request.upgrade)
      const { socket, head, rawHeaders } = request.upgrade
      assert.deepEqual([request.path, request.query.get('x'), request.headers['upgrade']], ['/exec', '1', 'SPDY/3.1'])
      assert.equal(rawHeaders.filter((name) => name === 'X-Twice').length, 2)
      socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n${head.toString()};`)
      socket.on('data', (data: Buffer) => socket.end(data))
      return Promise.resolve({ status: 101, headers: {} })
    })
    const socket = await open(bench)
    socket.write(upgrade)
    await once(socket, 'data')
    socket.write('echo')
    assert.equal((await bodyOf(socket)).toString(), 'echo')
    await eventually(() => assert.equal(bench.server.activeRequests, 0))
  })

  it('are answered as any other request when the handler does not take the socket', async () => {
    await using bench = await openHttpBench((request) => {
      if (request.path === '/exec') throw new Error('no such container')
      return hello()
    })
    const answer = await talk(await open(bench), upgrade)
    assert.match(answer, /^HTTP\/1.1 500 Internal Server Error\r\n/)
    assert.match(answer, /connection: close\r\n/)
    assert.match(answer, /"message":"Internal error occurred: no such container"/)
    const ignored = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n'
    assert.match(await talk(await open(bench), ignored), /^HTTP\/1.1 200 OK\r\n.*hello$/s)
  })

  it('end when the client leaves', async () => {
    let signal: AbortSignal | undefined
    await using bench = await openHttpBench((request) => {
      signal = request.signal
      return Promise.resolve({ status: 101, headers: {} })
    })
    const socket = await open(bench)
    socket.write(upgrade)
    await eventually(() => assert.ok(signal))
    socket.destroy()
    await eventually(() => assert.equal(signal?.aborted, true))
  })
})

describe('streams of HTTP/2', () => {
  it('end when the client resets them, with an error code or without', async () => {
    const signals: AbortSignal[] = []
    await using bench = await openHttpBench(({ signal }) => {
      signals.push(signal)
      const events = async function* (): AsyncGenerator<Uint8Array> {
        yield Buffer.from('event\n')
        await once(signal, 'abort')
      }
      return Promise.resolve({ status: 200, headers: {}, body: events() })
    })
    const session = openHttp2(bench)
    for (const code of [constants.NGHTTP2_CANCEL, constants.NGHTTP2_NO_ERROR]) {
      const stream = session.request({ ':path': '/' })
      await once(stream, 'data')
      stream.close(code)
      await eventually(() => assert.equal(signals.at(-1)?.aborted, true, `code ${code}`))
    }
    assert.equal(signals.length, 2)
    session.destroy()
  })
})

describe('hostile clients', () => {
  const cases: readonly { readonly name: string; readonly said: string; readonly answer: RegExp }[] = [
    { name: 'no HTTP at all', said: 'EHLO mail\r\n\r\n', answer: /^HTTP\/1.1 400 / },
    { name: 'a header without a colon', said: 'GET / HTTP/1.1\r\nHost: x\r\nnonsense\r\n\r\n', answer: /^HTTP\/1.1 400 / },
    { name: 'a head that is too long', said: `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(200_000)}\r\n\r\n`, answer: /^HTTP\/1.1 431 / },
    {
      name: 'two lengths',
      said: 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      answer: /^HTTP\/1.1 400 /,
    },
    { name: 'a length that is none', said: 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n', answer: /^HTTP\/1.1 400 / },
    { name: 'no host', said: 'GET / HTTP/1.1\r\n\r\n', answer: /^HTTP\/1.1 400 / },
    { name: 'a target that is no path', said: 'GET pods HTTP/1.1\r\nHost: x\r\n\r\n', answer: /^HTTP\/1.1 400 / },
    {
      name: 'a whole URL as target',
      said: 'GET https://x/api?y HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
      answer: /^HTTP\/1.1 200 /,
    },
  ]
  for (const { name, said, answer } of cases) {
    it(`get an answer to ${name}`, async () => {
      await using bench = await openHttpBench(hello)
      assert.match(await talk(await open(bench), said), answer)
      assert.equal((await call1(bench)).status, 200)
    })
  }

  it('that are slow with the head are cut off', async () => {
    await using bench = await openHttpBench(hello, { limits: { headerMs: 150 } })
    assert.match(await talk(await open(bench), 'GET / HTTP/1.1\r\nHost'), /^(HTTP\/1.1 408 |$)/)
  })

  it('that are slow with the body get 504', async () => {
    await using bench = await openHttpBench(async (request) => text(String((await request.body()).length)), { limits: { bodyMs: 100 } })
    const answer = await talk(await open(bench), 'POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 100\r\n\r\nonly this')
    assert.match(answer, /^HTTP\/1.1 504 .*"reason":"Timeout"/s)
  })

  it('that leave in the middle of a body make the handler see an error, and nothing more', async () => {
    const errors: unknown[] = []
    await using bench = await openHttpBench(async (request) => {
      try {
        await request.body()
      } catch (err) {
        errors.push(err)
      }
      return text('')
    })
    const socket = await open(bench)
    socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nonly this')
    await eventually(() => assert.equal(bench.server.activeRequests, 1))
    socket.destroy()
    await eventually(() => assert.match(String(errors[0]), /ended too early/))
    await eventually(() => assert.equal(bench.server.activeRequests, 0))
  })

  it('that send a body without end are cut off after the answer', async () => {
    await using bench = await openHttpBench(hello)
    const socket = await open(bench)
    socket.write('POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n')
    const chunk = Buffer.concat([Buffer.from('100000\r\n'), Buffer.alloc(0x100000), Buffer.from('\r\n')])
    let sent = 0
    socket.setMaxListeners(0)
    for (; sent < 200 && !socket.destroyed; sent += 1) {
      if (!socket.write(chunk)) await Promise.race([once(socket, 'drain'), once(socket, 'close')]).catch(() => undefined)
    }
    assert.ok(sent < 200, 'the server goes on reading')
  })

  it('that speak no TLS, or stop in the handshake, are let go of', async () => {
    await using bench = await openHttpBench(hello, { limits: { handshakeMs: 100 } })
    for (const said of ['GET / HTTP/1.1\r\nHost: x\r\n\r\n', '\x16\x03\x01\x02\x00\x01']) {
      const socket = connectPlain(bench.port, '127.0.0.1')
      socket.on('error', () => undefined)
      socket.write(said)
      socket.resume()
      await once(socket, 'close')
    }
    assert.equal((await call1(bench)).status, 200)
  })

  it('that break the rules of HTTP/2 lose their connection only', async () => {
    await using bench = await openHttpBench(hello)
    const socket = await open(bench, { ALPNProtocols: ['h2'] })
    socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nthis is no frame, and long enough to be read as one')
    socket.resume()
    await once(socket, 'close')
    const session = openHttp2(bench)
    assert.equal((await call2(session)).status, 200)
    session.destroy()
  })

  it('that open too many streams wait', async () => {
    let running = 0
    let most = 0
    await using bench = await openHttpBench(
      async () => {
        running += 1
        most = Math.max(most, running)
        await new Promise((resolve) => setTimeout(resolve, 5))
        running -= 1
        return text('')
      },
      { limits: { streamsPerConnection: 5 } },
    )
    const session = openHttp2(bench)
    await once(session, 'remoteSettings')
    const answers = await Promise.all(Array.from({ length: 30 }, () => call2(session)))
    assert.ok(answers.every((answer) => answer.status === 200))
    assert.ok(most <= 5, `${most} requests ran at once`)
    session.destroy()
  })
})

describe('a stop', () => {
  it('lets what is running finish, ends streams at once, takes nothing new and leaves nothing behind', async () => {
    const gate = Promise.withResolvers<undefined>()
    const bench = await openHttpBench(async (request) => {
      if (request.path === '/watch') {
        return {
          status: 200,
          headers: {},
          body: (async function* watch(): AsyncGenerator<Uint8Array> {
            yield Buffer.from('event')
            await once(request.signal, 'abort')
          })(),
        }
      }
      await gate.promise
      return text('done')
    })
    const idle = new Agent({ keepAlive: true })
    const session = openHttp2(bench)
    const calls = [call1(bench, { path: '/slow', agent: idle }), call2(session, { path: '/slow' })]
    const watches = [call1(bench, { path: '/watch' }), call2(session, { path: '/watch' })]
    await eventually(() => assert.equal(bench.server.activeRequests, 4))
    const stopping = bench.server.stop(5_000)
    for (const watch of watches) assert.equal((await watch).body.toString(), 'event')
    await assert.rejects(call1(bench))
    gate.resolve(undefined)
    for (const call of calls) assert.equal((await call).body.toString(), 'done')
    assert.equal((await calls[0])?.headers['connection'], 'close')
    await stopping
    await bench.server.stop(5_000)
    assert.equal(bench.server.activeRequests, 0)
    idle.destroy()
  })

  it('does not wait longer than it was told', async () => {
    const signals: AbortSignal[] = []
    const bench = await openHttpBench(async (request) => {
      signals.push(request.signal)
      return new Promise<ApiResponse>(() => undefined)
    })
    const session = openHttp2(bench)
    const calls = [call1(bench), call2(session)]
    await eventually(() => assert.equal(signals.length, 2))
    const from = performance.now()
    await bench.server.stop(100)
    assert.ok(performance.now() - from < 2_000)
    for (const call of calls) await assert.rejects(call)
    assert.ok(signals.every((signal) => signal.aborted))
  })
})
