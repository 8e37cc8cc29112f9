import type { APIService } from '../../../api/types/apiregistration-v1.ts'
import { childController } from '../../../runtime/abort.ts'
import { readText } from '../../../runtime/read-bytes.ts'
import type { UserInfo } from '../../auth/auth.ts'
import type { Endpoint } from '../../subresources/dial.ts'
import { forward } from '../../subresources/forward.ts'
import { type Availability, PASSED, unavailable } from './availability.ts'
import { frontProxyHeaders } from './front-proxy.ts'
import { hostOf, type RemoteConnections } from './remote-target.ts'

/** Who this server is when it asks an extension server for itself. Source: kube-aggregator. */
const AGGREGATOR: UserInfo = { name: 'system:kube-aggregator', groups: ['system:masters'] }
const CHECK_MS = 5_000
/** Further attempts at once after a first that failed: with several endpoints one of them may work. */
const MORE_ATTEMPTS = 4
/** Larger documents are not taken over. */
const MAX_BYTES = 8 * 1024 * 1024

export interface RemoteAnswer {
  readonly status: number
  readonly etag: string
  readonly text: string
}

/** Asks the server behind an APIService for a document. Rejects with a plain Error after 5 seconds at the latest. */
export async function askRemote(
  service: APIService,
  request: { readonly path: string; readonly headers?: Readonly<Record<string, string>>; readonly endpoint?: Endpoint },
  connections: RemoteConnections,
  signal: AbortSignal,
): Promise<RemoteAnswer> {
  const { path, headers = {}, endpoint = connections.endpointOf(service) } = request
  using child = childController(signal)
  const timer = setTimeout(() => child.abort(new Error('context deadline exceeded')), CHECK_MS)
  const own = { method: 'GET', path, query: new URLSearchParams(), headers: { accept: 'application/json', ...headers }, user: AGGREGATOR }
  try {
    const answer = await forward(
      connections.pooled(service, endpoint),
      { ...own, body: () => Promise.resolve(new Uint8Array()), signal: child.signal },
      { path, host: hostOf(endpoint), headers: frontProxyHeaders(AGGREGATOR) },
    )
    return {
      status: answer.status,
      etag: answer.headers['etag'] ?? '',
      text: await readText(answer.body as AsyncIterable<Uint8Array>, MAX_BYTES),
    }
  } catch (err) {
    throw child.signal.aborted ? (child.signal.reason as Error) : err
  } finally {
    clearTimeout(timer)
  }
}

export interface Checked {
  readonly availability: Availability
  /** What the server answered on the path of its group version. */
  readonly text?: string
}

/** Asks for the group version's own document, which every server behind an APIService has. */
export async function checkDiscovery(service: APIService, connections: RemoteConnections, signal: AbortSignal): Promise<Checked> {
  const { group = '', version = '' } = service.spec
  const path = group === '' ? `/api/${version}` : `/apis/${group}/${version}`
  const attempt = async (): Promise<Checked> => {
    const endpoint = connections.endpointOf(service)
    const url = `https://${hostOf(endpoint)}${path}`
    try {
      const { status, text } = await askRemote(service, { path, endpoint }, connections, signal)
      if (status >= 200 && status < 300) return { availability: PASSED, text }
      throw new Error(`bad status from ${url}: ${status}`)
    } catch (err) {
      const why = err instanceof Error ? err.message : String(err)
      throw new Error(`failing or missing response from ${url}: ${why}`, { cause: err })
    }
  }
  try {
    return await attempt().catch(() => Promise.any(Array.from({ length: MORE_ATTEMPTS }, attempt)))
  } catch (err) {
    const last: unknown = err instanceof AggregateError ? err.errors.at(-1) : err
    return { availability: unavailable('FailedDiscoveryCheck', last instanceof Error ? last.message : String(last)) }
  }
}
