import { hash } from 'node:crypto'
import { isIP, isIPv6 } from 'node:net'
import type { Dispatcher, Pool } from 'undici'
import type { WebhookClientConfig } from '../../../api/types/admissionregistration-v1.ts'
import { nestsTooDeep } from '../../../meta/json-depth.ts'
import { readText } from '../../../runtime/read-bytes.ts'
import type { ObjectReader } from '../admission.ts'
import { serviceAddress } from './service-address.ts'

/** Answers of more than this are refused; the largest object is smaller. */
const MAX_ANSWER_BYTES = 8 * 1024 * 1024
/** Connections kept, over all webhooks. */
const MAX_POOLS = 64

export interface WebhookClient extends AsyncDisposable {
  /** Posts a review and answers the parsed body. Throws a plain Error whose text begins as Kubernetes' does. */
  call(config: WebhookClientConfig, review: object, timeoutSeconds: number): Promise<unknown>
}

interface Target {
  /** As users know it: `https://NAME.NAMESPACE.svc:443/path`. */
  readonly url: URL
  /** Where to connect: an endpoint of the service, or the URL's own host. */
  readonly origin: string
  readonly serverName: string
}

/** Calls webhooks over TLS with kept connections. The HTTP library loads at the first call: most clusters have no webhook. */
export function createWebhookClient(reader: ObjectReader): WebhookClient {
  const pools = new Map<string, Dispatcher>()
  const poolFor = async (target: Target, caBundle: string | undefined): Promise<Dispatcher> => {
    const key = `${target.origin} ${target.serverName} ${caBundle === undefined ? '' : hash('sha256', caBundle, 'base64')}`
    // NOTE: the library first, so that nothing comes between looking for a pool and making one.
    const { Pool } = await import('undici')
    const pool = pools.get(key) ?? new Pool(target.origin, poolOptions(target, caBundle))
    // The one used last stands last.
    if (!pools.delete(key)) makeRoom(pools)
    pools.set(key, pool)
    return pool
  }
  return {
    call: async (config, review, timeoutSeconds) => {
      const target = targetOf(config, reader)
      target.url.searchParams.set('timeout', `${timeoutSeconds}s`)
      try {
        const pool = await poolFor(target, config.caBundle)
        return await post(pool, target, JSON.stringify(review), timeoutSeconds * 1000)
      } catch (err) {
        throw new Error(`failed to call webhook: Post ${JSON.stringify(target.url.href)}: ${textOf(err)}`, { cause: err })
      }
    },
    [Symbol.asyncDispose]: async () => {
      // NOTE: requests had their time to end; a webhook that keeps silent must not hold the stop up.
      await Promise.all([...pools.values()].map(async (pool) => pool.destroy()))
      pools.clear()
    },
  }
}

function targetOf({ url, service }: WebhookClientConfig, reader: ObjectReader): Target {
  if (service === undefined) {
    const parsed = new URL(url ?? '')
    return { url: parsed, origin: parsed.origin, serverName: parsed.hostname.replace(/^\[|\]$/g, '') }
  }
  const { namespace, name, port = 443, path = '' } = service
  const serverName = `${name}.${namespace}.svc`
  const target = new URL(`https://${serverName}:${port}${path.startsWith('/') ? path : `/${path}`}`)
  const address = wrapped(target, () => serviceAddress(reader, namespace, name, port))
  const host = isIPv6(address.host) ? `[${address.host}]` : address.host
  return { url: target, origin: `https://${host}:${address.port}`, serverName }
}

function wrapped<T>(url: URL, resolve: () => T): T {
  try {
    return resolve()
  } catch (err) {
    throw new Error(`failed to call webhook: Post ${JSON.stringify(url.href)}: ${textOf(err)}`, { cause: err })
  }
}

function poolOptions(target: Target, caBundle: string | undefined): Pool.Options {
  const ca = caBundle === undefined || caBundle === '' ? undefined : Buffer.from(caBundle, 'base64').toString()
  return {
    connections: 8,
    keepAliveTimeout: 30_000,
    // Names of servers are names: for an address, the address itself is what the certificate must have.
    connect: { ...(isIP(target.serverName) === 0 && { servername: target.serverName }), timeout: 5_000, ...(ca !== undefined && { ca }) },
  }
}

/** The pool used longest ago goes first; requests under way on it still end. */
function makeRoom(pools: Map<string, Dispatcher>): void {
  const oldest = pools.size < MAX_POOLS ? undefined : pools.entries().next().value
  if (oldest === undefined) return
  pools.delete(oldest[0])
  oldest[1].close(() => undefined)
}

async function post(pool: Dispatcher, { url, serverName }: Target, body: string, timeoutMs: number): Promise<unknown> {
  const response = await pool.request({
    method: 'POST',
    path: url.pathname + url.search,
    headers: {
      'content-type': 'application/json',
      accept: 'application/json',
      host: url.port === '' ? serverName : `${serverName}:${url.port}`,
    },
    body,
    signal: AbortSignal.timeout(timeoutMs),
  })
  const text = await readText(response.body as AsyncIterable<Uint8Array>, MAX_ANSWER_BYTES)
  if (response.statusCode !== 200) throw new Error(statusText(response.statusCode, text))
  try {
    if (nestsTooDeep(text)) throw new Error('exceeded max depth')
    return JSON.parse(text) as unknown
  } catch (err) {
    throw new Error(`could not decode the answer: ${textOf(err)}`, { cause: err })
  }
}

function statusText(code: number, text: string): string {
  if (code === 404) return 'the server could not find the requested resource'
  const shown = text.trim().slice(0, 200)
  return `the server answered ${code}${shown === '' ? '' : ` (${JSON.stringify(shown)})`}`
}

/** The innermost cause is what tells; a timeout has a name of its own in Kubernetes. */
function textOf(err: unknown): string {
  if (!(err instanceof Error)) return String(err)
  if (err.name === 'TimeoutError' || err.name === 'AbortError') return 'context deadline exceeded'
  return err.message
}
