import type { Encoded, Entry } from '../../../core/apiserver/cache/cache.ts'
import { createCaches } from '../../../core/apiserver/cache/caches.ts'
import { encodeObject } from '../../../core/apiserver/cache/splice.ts'
import { startHttpServer } from '../../../core/apiserver/http/http-server.ts'
import type { ApiRequest, ApiResponse } from '../../../core/apiserver/request.ts'
import type { KubeObject } from '../../../core/meta/object.ts'
import { silentLogger } from '../../../core/observability/log.ts'
import { createAuthority, issue } from '../../../core/pki/authority.ts'
import { systemClock } from '../../../core/runtime/clock.ts'
import { openSqlite } from '../../../core/store/sqlite/open.ts'

/** Store, cache and listener with as little as possible between them. Arguments: data file, writer mode. Prints the port. */
const [path = ':memory:', writer = 'thread'] = process.argv.slice(2)
const JSON_TYPE = { 'content-type': 'application/json', 'cache-control': 'no-cache, private' }
const PREFIX = '/registry/pods'

const stop = new AbortController()
const store = await openSqlite({ path, writer: writer === 'thread' ? 'thread' : 'in-process' })
const caches = await createCaches({
  store,
  resources: [{ storagePrefix: PREFIX, namespaced: true }],
  clock: systemClock,
  signal: stop.signal,
})
const pods = caches.get(PREFIX)
if (pods === undefined) throw new Error('no cache')

const authority = createAuthority('bench', systemClock.now())
const own = issue(
  authority,
  {
    subject: { commonName: 'bench', organizations: [] },
    usages: ['serverAuth'],
    altNames: { dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] },
  },
  systemClock.now(),
)
const user = Promise.resolve({ name: 'bench', groups: [] })
let created = 0

const server = await startHttpServer({
  host: '127.0.0.1',
  port: 0,
  log: silentLogger,
  authenticate: () => user,
  material: { certificate: own.certificatePem, key: own.keyPem },
  handler,
})
process.stdout.write(`${server.port}\n`)
process.once('SIGTERM', () => void shutdown())

async function handler(request: ApiRequest): Promise<ApiResponse> {
  if (request.method === 'POST') return answer(201, await create(await request.body()))
  if (request.query.has('watch')) return { status: 200, headers: JSON_TYPE, body: frames(request) }
  if (request.path === '/list') return { status: 200, headers: JSON_TYPE, body: listPieces() }
  const [, namespace = '', name = ''] = request.path.split('/')
  const entry = pods?.get(namespace, name)
  return entry === undefined ? { status: 404, headers: JSON_TYPE } : answer(200, entry)
}

async function create(body: Uint8Array): Promise<Entry> {
  const object = JSON.parse(Buffer.from(body).toString()) as KubeObject
  created += 1
  const name = `p${created}`
  const metadata = { ...object.metadata, name, namespace: `n${created % 20}`, uid: crypto.randomUUID() }
  const encoded: Encoded = encodeObject({ ...object, metadata })
  if (pods === undefined) throw new Error('no cache')
  return pods.create(metadata.namespace, name, encoded)
}

async function* frames(request: ApiRequest): AsyncGenerator<Uint8Array> {
  const watch = pods?.watch({ afterRevision: caches.revision })
  for (let news = await watch?.pull(request.signal); news !== undefined; news = await watch?.pull(request.signal)) {
    const [first] = news.events
    if (first !== undefined) yield news.events.length === 1 ? first.frame : Buffer.concat(news.events.map((event) => event.frame))
  }
}

function listPieces(): readonly Uint8Array[] {
  const comma = Buffer.from(',')
  const pieces: Uint8Array[] = [Buffer.from('{"items":[')]
  for (const entry of pods?.list({}).entries ?? []) pieces.push(entry.bytes, comma)
  pieces[pieces.length - 1] = Buffer.from(']}')
  return pieces
}

function answer(status: number, entry: Entry): ApiResponse {
  return { status, headers: JSON_TYPE, body: entry.bytes }
}

async function shutdown(): Promise<void> {
  await server.stop(0)
  stop.abort()
  await caches.done
  await store[Symbol.asyncDispose]()
}
