import type { AdmissionPlugin } from '../../core/apiserver/admission/admission.ts'
import type { Authorizer, UserInfo } from '../../core/apiserver/auth/auth.ts'
import { type Caches, type CachesOptions, createCaches } from '../../core/apiserver/cache/caches.ts'
import { createHealthChecks } from '../../core/apiserver/health/health.ts'
import type { ApiRequest, ApiResponse, Handler } from '../../core/apiserver/request.ts'
import { createRequestMetrics } from '../../core/apiserver/request-metrics.ts'
import { createResourceTable } from '../../core/apiserver/resource-table.ts'
import { RESOURCES } from '../../core/apiserver/resources/index.ts'
import type { ApiSettings } from '../../core/apiserver/resources/resource-def.ts'
import { type ApiServer, type ApiServerDeps, createApiServer } from '../../core/apiserver/server.ts'
import { silentLogger } from '../../core/observability/log.ts'
import { systemClock } from '../../core/runtime/clock.ts'
import { openSqlite } from '../../core/store/sqlite/open.ts'
import { temporaryFolder } from './temporary-folder.ts'

export const ADMIN: UserInfo = { name: 'admin', groups: ['system:masters', 'system:authenticated'] }
export const SETTINGS: ApiSettings = {
  serviceCidrs: ['10.43.0.0/16'],
  clusterCidrs: ['10.42.0.0/16'],
  nodePortRange: [30000, 32767],
  clusterDomain: 'cluster.local',
}

/** An answer with its body read. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
  /** Throws for anything but JSON. */
  readonly json: any // eslint-disable-line @typescript-eslint/no-explicit-any -- tests look into answers of every kind
}

export interface CallOptions {
  readonly headers?: Readonly<Record<string, string>>
  readonly user?: UserInfo
  readonly signal?: AbortSignal
}

/** The API server over real caches and a real store, without sockets. */
export interface Engine extends AsyncDisposable {
  readonly server: ApiServer
  readonly caches: Caches
  readonly call: (method: string, url: string, body?: unknown, options?: CallOptions) => Promise<Answer>
  /** The raw answer, for streams. */
  readonly open: (method: string, url: string, body?: unknown, options?: CallOptions) => Promise<ApiResponse>
  /** Follows a watch; `next` resolves with the next event. */
  readonly watch: (url: string, options?: CallOptions) => Promise<WatchReader>
}

export interface WatchReader {
  /** The next event; undefined when the stream has ended. */
  next(): Promise<{ readonly type: string; readonly object: any } | undefined> // eslint-disable-line @typescript-eslint/no-explicit-any -- as above
  close(): void
}

export interface EngineOptions {
  readonly ring?: CachesOptions['ring']
  /** Freezes what is read from the cache, to catch who changes it. Default true. */
  readonly freeze?: boolean
  readonly admission?: readonly AdmissionPlugin[]
  readonly authorizer?: Authorizer
  /** Last changes to what the server is made of. */
  readonly with?: (deps: ApiServerDeps, caches: Caches) => ApiServerDeps
}

const ALLOW_ALL: Authorizer = { authorize: () => ({ allowed: true, reason: '' }) }

export async function startEngine(options: EngineOptions = {}): Promise<Engine> {
  const folder = await temporaryFolder('engine')
  const life = new AbortController()
  const store = await openSqlite({ path: `${folder.path}/state.db`, writer: 'in-process' })
  const resources = createResourceTable(RESOURCES)
  const stored = RESOURCES.filter((def) => def.storagePrefix !== '' && def.conversion === undefined)
  const caches = await createCaches({
    store,
    resources: stored,
    clock: systemClock,
    signal: life.signal,
    freeze: options.freeze ?? true,
    ...(options.ring && { ring: options.ring }),
  })
  const deps: ApiServerDeps = {
    resources,
    cacheOf: (prefix) => caches.get(prefix),
    authorizer: options.authorizer ?? ALLOW_ALL,
    admission: options.admission ?? [],
    settings: SETTINGS,
    clock: systemClock,
    log: silentLogger,
    health: createHealthChecks(() => undefined),
    metrics: createRequestMetrics(),
  }
  const server = createApiServer(options.with?.(deps, caches) ?? deps)
  const open = async (method: string, url: string, body?: unknown, call: CallOptions = {}): Promise<ApiResponse> =>
    server.handle(request(method, url, body, { signal: life.signal, ...call }))
  // The store is never empty in a real cluster: revision 0 means "any" to a reader.
  await open('POST', '/api/v1/namespaces', { metadata: { name: 'default' } })
  return {
    server,
    caches,
    open,
    call: async (method, url, body, call) => read(await open(method, url, body, call)),
    watch: async (url, call = {}) => {
      const own = new AbortController()
      life.signal.addEventListener('abort', () => own.abort(life.signal.reason), { once: true })
      return watchReader(await open('GET', url, undefined, { ...call, signal: own.signal }), own)
    },
    async [Symbol.asyncDispose]() {
      life.abort(new Error('the test is over'))
      await caches.done.catch(() => undefined)
      await store[Symbol.asyncDispose]()
      await folder[Symbol.asyncDispose]()
    },
  }
}

/** Requests of an administrator to any handler, with answers read. */
export function callsTo(handle: Handler): Engine['call'] {
  const { signal } = new AbortController()
  return async (method, url, body, call) => read(await handle(request(method, url, body, { signal, ...call })))
}

function request(method: string, url: string, body: unknown, options: CallOptions & { readonly signal: AbortSignal }): ApiRequest {
  const [path = '', query] = url.split('?')
  const bytes = body === undefined ? new Uint8Array() : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
  return {
    method,
    path,
    query: new URLSearchParams(query),
    headers: { 'user-agent': 'test/1.0', ...options.headers },
    body: () => Promise.resolve(body instanceof Uint8Array ? body : bytes),
    user: options.user ?? ADMIN,
    signal: options.signal,
  }
}

async function read(response: ApiResponse): Promise<Answer> {
  const text = (await bodyOf(response)).toString('utf8')
  return {
    status: response.status,
    headers: response.headers,
    text,
    get json() {
      return JSON.parse(text) as unknown
    },
  }
}

export async function bodyOf({ body }: ApiResponse): Promise<Buffer> {
  if (body === undefined) return Buffer.alloc(0)
  if (body instanceof Uint8Array) return Buffer.from(body)
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk)
  return Buffer.concat(chunks)
}

function watchReader(response: ApiResponse, life: AbortController): WatchReader {
  if (!(response.body !== undefined && Symbol.asyncIterator in response.body)) throw new Error(`no watch but ${response.status}`)
  const chunks = response.body[Symbol.asyncIterator]()
  let lines: string[] = []
  return {
    async next() {
      while (lines.length === 0) {
        const chunk = await chunks.next()
        if (chunk.done === true) return undefined
        lines = Buffer.from(chunk.value)
          .toString('utf8')
          .split('\n')
          .filter((line) => line !== '')
      }
      return JSON.parse(lines.shift() ?? '') as { type: string; object: unknown }
    },
    close: () => {
      life.abort(new Error('the reader is done'))
    },
  }
}
