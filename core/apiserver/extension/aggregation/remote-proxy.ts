import { Readable } from 'node:stream'
import type { APIService } from '../../../api/types/apiregistration-v1.ts'
import { StatusError } from '../../../meta/status-error.ts'
import type { Logger } from '../../../observability/log.ts'
import { childController } from '../../../runtime/abort.ts'
import type { ApiRequest, ApiResponse } from '../../request.ts'
import { textResponse } from '../../response.ts'
import { isTrue } from '../../request-info.ts'
import type { Endpoint } from '../../subresources/dial.ts'
import { forward, type ForwardTarget } from '../../subresources/forward.ts'
import { isUpgrade, joinUpgrade } from '../../subresources/tunnel.ts'
import { frontProxyHeaders, isFrontProxyHeader } from './front-proxy.ts'
import { hostOf, type RemoteConnections } from './remote-target.ts'

/** An answer that does not begin within it is given up; watches and upgrades may stay silent for longer. */
const ANSWER_MS = 60_000
const UNAVAILABLE = 503

/**
 * Hands a request on to the server behind an APIService, in the name of its user, with its own body and answer streamed. Never
 * rejects: what goes wrong on the way is a plain 503. Source: Kubernetes, kube-aggregator, proxyHandler.
 */
export async function proxyToService(
  service: APIService,
  request: ApiRequest,
  connections: RemoteConnections,
  log: Logger,
): Promise<ApiResponse> {
  let endpoint: Endpoint
  try {
    endpoint = connections.endpointOf(service)
  } catch (err) {
    log.debug({ err, apiService: service.metadata.name }, 'APIService has no endpoint')
    return serviceUnavailable('service unavailable')
  }
  try {
    return await carry({ service, endpoint, connections }, request)
  } catch (err) {
    log.debug({ err, apiService: service.metadata.name }, 'APIService does not answer')
    return serviceUnavailable(err instanceof Error ? err.message : String(err))
  }
}

/** The whole answer when a server is known not to work: nothing is tried. */
export function serviceUnavailable(text: string): ApiResponse {
  return textResponse(UNAVAILABLE, `${text}\n`)
}

interface Way {
  readonly service: APIService
  readonly endpoint: Endpoint
  readonly connections: RemoteConnections
}

async function carry({ service, endpoint, connections }: Way, request: ApiRequest): Promise<ApiResponse> {
  const target = targetOf(endpoint, request)
  if (isUpgrade(request)) return joinUpgrade(await connections.dial(service, endpoint, request.signal), request, target)
  const via = connections.pooled(service, endpoint)
  if (isTrue(request.query.get('watch'))) return toAnswer(await forward(via, request, target), request)
  return toAnswer(await inTime(request, (limited) => forward(via, limited, target)), request)
}

/**
 * A redirect could lead the client, with its credentials, to any place. The identifier of an audit record is this server's own.
 * Source: kube-apiserver, --aggregator-reject-forwarding-redirect.
 */
function toAnswer(response: ApiResponse, { path }: ApiRequest): ApiResponse {
  const { status } = response
  if (status >= 300 && status <= 308 && response.headers['location'] !== undefined && !path.startsWith('/openapi/')) {
    if (response.body instanceof Readable) response.body.destroy()
    return serviceUnavailable('the backend attempted to redirect this request, which is not permitted')
  }
  return { ...response, headers: Object.fromEntries(Object.entries(response.headers).filter(([name]) => name !== 'audit-id')) }
}

function targetOf(endpoint: Endpoint, request: ApiRequest): ForwardTarget {
  const query = request.query.toString()
  const { headers, remoteAddress = '', path, user } = request
  const through = [headers['x-forwarded-for'], remoteAddress].filter((address) => address !== undefined && address !== '')
  return {
    path: query === '' ? path : `${path}?${query}`,
    host: hostOf(endpoint),
    headers: {
      ...frontProxyHeaders(user),
      ...(through.length > 0 && { 'x-forwarded-for': through.join(', ') }),
      ...(headers['host'] !== undefined && { 'x-forwarded-host': headers['host'] }),
      'x-forwarded-uri': path,
      'x-forwarded-proto': 'https',
    },
    withholds: isFrontProxyHeader,
  }
}

/** The limit ends with the head of the answer: its body may take as long as the client reads it. */
async function inTime(request: ApiRequest, run: (limited: ApiRequest) => Promise<ApiResponse>): Promise<ApiResponse> {
  const child = childController(request.signal)
  const timer = setTimeout(() => child.abort(new Error('no answer in time')), ANSWER_MS)
  const { method, path, query, headers, user, rawBody } = request
  const limited = { method, path, query, headers, user, body: () => request.body(), signal: child.signal }
  try {
    return await run({ ...limited, ...(rawBody !== undefined && { rawBody }) })
  } catch (err) {
    child[Symbol.dispose]()
    if (child.signal.aborted && !request.signal.aborted)
      throw new StatusError('Timeout', 'Timeout: request did not complete within the allotted timeout', {}, { cause: err })
    throw err
  } finally {
    clearTimeout(timer)
  }
}
