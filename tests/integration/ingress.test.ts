import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type IncomingMessage, request } from 'node:http'
import { request as tlsRequest } from 'node:https'
import { type AddressInfo, connect } from 'node:net'
import { after, before, describe, it } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { endpointSlices, ingressClasses, ingresses, services } from '../../core/api/kinds.ts'
import { startTestApiServer, type TestApiServer } from '../helpers/api-server.ts'
import { eventually } from '../helpers/eventually.ts'
import { inClusterTest, type InClusterTest } from '../helpers/in-cluster.ts'

const MAIN = new URL('../../addons/ingress/main.ts', import.meta.url).pathname
const WEB = 18_000
const SECURE = 18_443
const ADMIN = 18_080
const life = new AbortController()
const { signal } = life

describe('the ingress program against an API server', () => {
  let api: TestApiServer
  let cluster: InClusterTest
  let child: ChildProcess
  const backend = createServer((incoming, response) => {
    response.end(JSON.stringify({ url: incoming.url, headers: incoming.headers }))
  })
  backend.on('upgrade', (_, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: echo\r\nconnection: Upgrade\r\n\r\n')
    socket.pipe(socket)
  })

  before(async () => {
    backend.listen(0, 'localhost')
    await once(backend, 'listening')
    const { port } = backend.address() as AddressInfo
    api = await startTestApiServer()
    cluster = await inClusterTest(api, signal)
    const { client } = cluster
    await client.create(
      ingressClasses,
      { metadata: { name: 'traefik' }, spec: { controller: 'traefik.io/ingress-controller' } },
      { signal },
    )
    const metadata = { namespace: 'default', name: 'web' }
    await client.create(services, { metadata, spec: { ports: [{ port: 80 }] } }, { signal })
    const lb = await client.create(
      services,
      { metadata: { ...metadata, name: 'traefik' }, spec: { type: 'LoadBalancer', ports: [{ port: 80 }] } },
      { signal },
    )
    await client.updateStatus(services, { ...lb, status: { loadBalancer: { ingress: [{ ip: '192.0.2.9' }] } } }, { signal })
    await client.create(
      endpointSlices,
      {
        metadata: { ...metadata, labels: { 'kubernetes.io/service-name': 'web' } },
        addressType: 'IPv4',
        endpoints: [{ addresses: ['192.0.2.1'], conditions: { ready: false } }],
        ports: [{ port }],
      },
      { signal },
    )
    // Slices refuse loopback addresses, so that the backend is reached by name.
    const local = { ...metadata, name: 'local' }
    await client.create(
      services,
      { metadata: local, spec: { type: 'ExternalName', externalName: 'localhost', ports: [{ port }] } },
      { signal },
    )
    const path = (name: string, at: string, number: number): object => ({
      path: at,
      pathType: 'Prefix',
      backend: { service: { name, port: { number } } },
    })
    const paths = [path('local', '/app', port), path('web', '/down', 80)] as never[]
    await client.create(
      ingresses,
      { metadata, spec: { ingressClassName: 'traefik', rules: [{ host: 'app.example.org', http: { paths } }] } },
      { signal },
    )
    const args = [MAIN, `--entryPoints.web.address=127.0.0.1:${WEB}/tcp`, `--entryPoints.websecure.address=127.0.0.1:${SECURE}/tcp`]
    args.push(`--entryPoints.traefik.address=:${ADMIN}/tcp`, `--entryPoints.metrics.address=:${ADMIN}/tcp`, '--ping=true')
    args.push('--providers.kubernetesingress.ingressendpoint.publishedservice=default/traefik')
    child = spawn(process.execPath, args, { env: { ...process.env, ...cluster.env }, stdio: ['ignore', 'inherit', 'inherit'] })
    await eventually(async () => assert.equal((await fetch(`http://127.0.0.1:${ADMIN}/ping`)).status, 200))
  })

  after(async () => {
    const gone = once(child, 'exit')
    child.kill('SIGTERM')
    const [code] = (await gone) as [number | null]
    life.abort(new Error('the test is over'))
    backend.closeAllConnections()
    backend.close()
    await cluster[Symbol.asyncDispose]()
    await api[Symbol.asyncDispose]()
    assert.equal(code, 0)
  })

  const get = async (host: string, path: string): Promise<{ status: number; body: string }> => {
    const outgoing = request({ host: '127.0.0.1', port: WEB, path, headers: { host, 'x-forwarded-for': 'forged' }, agent: false }).end()
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage]
    let body = ''
    for await (const chunk of answer) body += String(chunk)
    return { status: answer.statusCode ?? 0, body }
  }

  it('proxies by host and path and names the client', async () => {
    const { status, body } = await get('app.example.org', '/app/x?y=1')
    assert.equal(status, 200)
    const seen = JSON.parse(body) as { url: string; headers: Record<string, string> }
    assert.equal(seen.url, '/app/x?y=1')
    assert.equal(seen.headers.host, 'app.example.org')
    assert.equal(seen.headers['x-forwarded-for'], '127.0.0.1')
  })

  it('answers 404 without a route and 503 without a ready endpoint', async () => {
    assert.equal((await get('other.example.org', '/app')).status, 404)
    assert.equal((await get('app.example.org', '/elsewhere')).status, 404)
    assert.equal((await get('app.example.org', '/down')).status, 503)
  })

  it('joins upgraded connections', async () => {
    const socket = connect(WEB, '127.0.0.1')
    socket.write('GET /app HTTP/1.1\r\nHost: app.example.org\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhello')
    let text = ''
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()))
    await eventually(() => assert.match(text, /^HTTP\/1\.1 101 [\s\S]*\r\n\r\nhello$/))
    socket.destroy()
  })

  it('serves TLS with its own certificate when there is no other', async () => {
    const options = {
      host: '127.0.0.1',
      port: SECURE,
      path: '/app',
      servername: 'app.example.org',
      rejectUnauthorized: false,
      agent: false,
    }
    const outgoing = tlsRequest({ ...options, headers: { host: 'app.example.org' } }).end()
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage]
    assert.equal(answer.statusCode, 200)
    assert.equal((answer.socket as unknown as TLSSocket).getPeerCertificate().subject.CN, 'TRAEFIK DEFAULT CERT')
    answer.resume()
  })

  it('copies the addresses of its Service to the Ingress', async () => {
    await eventually(async () => {
      const { status } = await cluster.client.get(ingresses, { namespace: 'default', name: 'web' }, signal)
      assert.deepEqual(status.loadBalancer.ingress, [{ ip: '192.0.2.9' }])
    })
  })
})
