import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { type Answer, decode, encode, type RecordType } from 'dns-packet'
import { exchange } from '../../addons/dns/upstream.ts'
import { endpointSlices, namespaces, services } from '../../core/api/kinds.ts'
import { startTestApiServer, type TestApiServer } from '../helpers/api-server.ts'
import { eventually } from '../helpers/eventually.ts'
import { type InClusterTest, inClusterTest } from '../helpers/in-cluster.ts'

const PORT = 15_353
const MAIN = new URL('../../addons/dns/main.ts', import.meta.url).pathname
const life = new AbortController()

describe('the DNS program against an API server', () => {
  let api: TestApiServer
  let cluster: InClusterTest
  let child: ChildProcess
  const upstream = createSocket('udp4')

  before(async () => {
    api = await startTestApiServer()
    cluster = await inClusterTest(api, life.signal)
    const { client } = cluster
    const signal = life.signal
    await client.create(namespaces, { metadata: { name: 'shop' } }, { signal })
    const metadata = { namespace: 'shop', name: 'web' }
    await client.create(services, { metadata, spec: { clusterIP: '10.43.7.7', ports: [{ name: 'http', port: 80 }] } }, { signal })
    await client.create(
      services,
      { metadata: { namespace: 'shop', name: 'db' }, spec: { clusterIP: 'None', ports: [{ name: 'sql', port: 5432 }] } },
      { signal },
    )
    await client.create(
      endpointSlices,
      {
        metadata: { namespace: 'shop', name: 'db-1', labels: { 'kubernetes.io/service-name': 'db' } },
        addressType: 'IPv4',
        endpoints: [{ addresses: ['10.42.0.9'], hostname: 'db-0', conditions: { ready: true } }],
        ports: [{ name: 'sql', port: 5432, protocol: 'TCP' }],
      },
      { signal },
    )
    upstream.on('message', (message, remote) => {
      const query = decode(message)
      const answers: Answer[] = [{ type: 'A', name: query.questions?.[0]?.name ?? '', ttl: 60, data: '192.0.2.55' }]
      upstream.send(encode({ type: 'response', id: query.id, questions: query.questions ?? [], answers }), remote.port, remote.address)
    })
    upstream.bind(0, '127.0.0.1')
    await once(upstream, 'listening')
    const corefile = `.:${PORT} {
      bind 127.0.0.1
      errors
      ready 127.0.0.1:18181
      kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
      }
      cache 30
      loop
      forward . 127.0.0.1:${upstream.address().port}
    }`
    const path = join(api.folder, 'Corefile')
    await writeFile(path, corefile)
    child = spawn(process.execPath, [MAIN, '-conf', path], {
      env: { ...process.env, ...cluster.env },
      stdio: ['ignore', 'inherit', 'inherit'],
    })
    await eventually(async () => assert.equal((await fetch('http://127.0.0.1:18181/ready')).status, 200))
  })

  after(async () => {
    const gone = once(child, 'exit')
    child.kill('SIGTERM')
    const [code] = (await gone) as [number]
    life.abort(new Error('the test is over'))
    upstream.close()
    await cluster[Symbol.asyncDispose]()
    await api[Symbol.asyncDispose]()
    assert.equal(code, 0)
  })

  const ask = async (name: string, type: RecordType, tcp = false): Promise<{ rcode: string; data: unknown[]; authority: unknown[] }> => {
    const query = encode({ type: 'query', id: 1, flags: 256, questions: [{ name, type, class: 'IN' }] })
    const answer = decode(await exchange({ host: '127.0.0.1', port: PORT }, query, { tcp, timeoutMs: 3000 }))
    const { rcode } = answer as unknown as { rcode: string }
    const data = (answer.answers ?? []).map((record) => ('data' in record ? record.data : undefined))
    return { rcode, data, authority: (answer.authorities ?? []).map(({ type: kind }) => kind) }
  }

  const cases = [
    { name: 'web.shop.svc.cluster.local', type: 'A', rcode: 'NOERROR', data: ['10.43.7.7'] },
    { name: 'web.shop.svc.cluster.local', type: 'AAAA', rcode: 'NOERROR', data: [] },
    { name: 'none.shop.svc.cluster.local', type: 'A', rcode: 'NXDOMAIN', data: [] },
    { name: 'db-0.db.shop.svc.cluster.local', type: 'A', rcode: 'NOERROR', data: ['10.42.0.9'] },
    { name: '7.7.43.10.in-addr.arpa', type: 'PTR', rcode: 'NOERROR', data: ['web.shop.svc.cluster.local'] },
    { name: 'kubernetes.default.svc.cluster.local', type: 'A', rcode: 'NOERROR', data: ['10.43.0.1'] },
    { name: 'outside.example', type: 'A', rcode: 'NOERROR', data: ['192.0.2.55'] },
  ] as const
  for (const { name, type, rcode, data } of cases) {
    for (const tcp of name === 'outside.example' ? [false] : [false, true]) {
      it(`answers ${type} ${name} over ${tcp ? 'TCP' : 'UDP'} with ${rcode}`, async () => {
        const answer = await ask(name, type, tcp)
        assert.equal(answer.rcode, rcode)
        assert.deepEqual(answer.data, data)
        assert.deepEqual(answer.authority, data.length === 0 ? ['SOA'] : [])
      })
    }
  }

  it('sees a Service that is made later', async () => {
    const spec = { type: 'ExternalName' as const, externalName: 'outside.example' }
    await cluster.client.create(services, { metadata: { namespace: 'shop', name: 'ext' }, spec }, { signal: life.signal })
    await eventually(async () => {
      assert.deepEqual((await ask('ext.shop.svc.cluster.local', 'A')).data, ['outside.example', '192.0.2.55'])
    })
  })
})
