/** Probes against real sockets. */
import assert from 'node:assert/strict'
import { createServer as createHttp2Server } from 'node:http2'
import { createServer } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { type ProbeOutcome, runProbe } from '../../core/agent/pod/probes/run-probe.ts'
import type { Container, Probe } from '../../core/api/types/core-v1.ts'

const servers: { close(): unknown }[] = []
const listen = async (server: Server | ReturnType<typeof createHttp2Server>): Promise<number> => {
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  return (server.address() as AddressInfo).port
}

describe('probes', () => {
  let http = 0
  let tcp = 0
  let grpc = 0
  let closed = 0
  before(async () => {
    http = await listen(
      createServer((request, response) => {
        const url = new URL(request.url ?? '/', 'http://x')
        if (url.pathname === '/slow') return
        if (url.pathname === '/headers')
          response.end(`${request.headers['user-agent'] ?? ''} ${request.headers.host ?? ''} ${String(request.headers['x-a'])}`)
        else if (url.pathname === '/here') response.writeHead(302, { location: '/ok' }).end()
        else if (url.pathname === '/away') response.writeHead(302, { location: 'http://192.0.2.1/' }).end()
        else response.writeHead(url.pathname === '/ok' ? 200 : 503).end('body')
      }),
    )
    tcp = await listen(createTcpServer((socket) => socket.end()))
    const serving = createHttp2Server()
    serving.on('stream', (stream) => {
      let service = ''
      stream.on('data', (chunk: Buffer) => (service = chunk.subarray(7).toString()))
      stream.on('end', () => {
        stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': service === 'odd' ? '5' : '0' }))
        // HealthCheckResponse: SERVING for the default service, NOT_SERVING for others.
        stream.end(Buffer.from([0, 0, 0, 0, 2, 8, service === '' ? 1 : 2]))
      })
    })
    grpc = await listen(serving)
    const gone = createTcpServer()
    closed = await listen(gone)
    await new Promise((resolve) => gone.close(resolve))
  })
  after(() => {
    for (const server of servers) server.close()
  })

  const run = (probe: Probe): Promise<ProbeOutcome> => {
    const container = { name: 'c', resources: {}, ports: [{ name: 'web', containerPort: http }] } as unknown as Container
    const target = { container, containerId: 'id', podIp: '127.0.0.1' }
    const runtime = { execSync: () => Promise.reject(new Error('not asked')) }
    return runProbe(probe, target, { runtime, userAgent: 'kube-probe/1.35' }, new AbortController().signal)
  }

  it('succeed on 2xx and 3xx, by port name as well', async () => {
    assert.equal((await run({ httpGet: { path: '/ok', port: 'web' } })).result, 'success')
    assert.equal((await run({ httpGet: { path: 'here', port: http } })).result, 'success', 'a redirect on the same host is followed')
    assert.equal((await run({ httpGet: { path: '/away', port: http } })).result, 'success', 'one to another host is not, and is no failure')
  })
  it('tell who asks', async () => {
    const { output } = await run({
      httpGet: {
        path: '/headers',
        port: http,
        httpHeaders: [
          { name: 'Host', value: 'named' },
          { name: 'X-A', value: 'b' },
        ],
      },
    })
    assert.equal(output, 'kube-probe/1.35 named b')
  })
  it('fail with the words of Kubernetes', async () => {
    const failures: readonly [Probe, RegExp][] = [
      [{ httpGet: { path: '/bad', port: http } }, /^HTTP probe failed with statuscode: 503$/],
      [{ httpGet: { path: '/slow', port: http }, timeoutSeconds: 1 }, /^Get "http:\/\/127\.0\.0\.1:\d+\/slow": context deadline exceeded/],
      [{ httpGet: { port: closed } }, /^Get "http:\/\/127\.0\.0\.1:\d+\/": dial tcp 127\.0\.0\.1:\d+: connect: connection refused$/],
      [{ httpGet: { port: 'none' } }, /^couldn't find port: "none" for container$/],
      [{ tcpSocket: { port: closed } }, /^dial tcp 127\.0\.0\.1:\d+: connect: connection refused$/],
      [{ grpc: { port: grpc, service: 'other' } }, /^service unhealthy \(responded with "NOT_SERVING"\)$/],
      [{ grpc: { port: grpc, service: 'odd' } }, /^error: health rpc probe failed: rpc error: code = NotFound/],
      [{ grpc: { port: closed, service: '' } }, /^timeout: failed to connect service/],
    ]
    for (const [probe, want] of failures) {
      const { result, output } = await run(probe)
      assert.deepEqual([result, want.test(output)], ['failure', true], output)
    }
  })
  it('succeed over tcp and grpc', async () => {
    assert.equal((await run({ tcpSocket: { port: tcp } })).result, 'success')
    assert.equal((await run({ grpc: { port: grpc, service: '' } })).result, 'success')
  })
})
