import type { Duplex } from 'node:stream'
import type { ObjectReader } from '../admission/admission.ts'
import { badRequest, serviceUnavailable } from '../errors.ts'
import type { ApiRequest, ApiResponse } from '../request.ts'
import type { RestHandler, RestRequest } from '../rest/rest-context.ts'
import { dialTcp, dialTls } from './dial.ts'
import { forward } from './forward.ts'
import type { DialKubelet } from './kubelet-dialer.ts'
import { admitConnect } from './pod-streams.ts'
import { type ProxyTarget, podTarget, proxyName, serviceTarget } from './proxy-target.ts'
import { isUpgrade, joinUpgrade } from './tunnel.ts'

/** pods/NAME/proxy and services/NAME/proxy: whatever the client sends, to a pod's own address. */
export function podProxy(reader: ObjectReader): RestHandler {
  return (rest) => proxyTo(rest, () => podTarget(reader, rest.info.namespace, rest.info.name))
}

export function serviceProxy(reader: ObjectReader): RestHandler {
  return (rest) => proxyTo(rest, () => serviceTarget(reader, rest.info.namespace, rest.info.name))
}

/** nodes/NAME/proxy: the kubelet's API, under the API server's identity. */
export function nodeProxy(dial: DialKubelet): RestHandler {
  return async (rest) => {
    const { name } = proxyName(rest.info.name, 'node')
    if (name === '') throw badRequest(`invalid node request ${JSON.stringify(rest.info.name)}`)
    await admitConnect(rest)
    return redirectOf(rest.request) ?? carry(await dial(name, rest.request.signal), rest.request, name)
  }
}

async function proxyTo(rest: RestRequest, find: () => ProxyTarget): Promise<ApiResponse> {
  const { request } = rest
  const target = find()
  await admitConnect(rest)
  const redirect = redirectOf(request)
  if (redirect !== undefined) return redirect
  const host = target.host.includes(':') ? `[${target.host}]` : target.host
  return carry(await connect(target, request.signal), request, `${host}:${target.port}`)
}

async function connect(target: ProxyTarget, signal: AbortSignal): Promise<Duplex> {
  try {
    return await (target.secure ? dialTls(target, {}, signal) : dialTcp(target, signal))
  } catch (err) {
    throw serviceUnavailable(`error trying to reach service: ${err instanceof Error ? err.message : String(err)}`, err)
  }
}

async function carry(socket: Duplex, request: ApiRequest, host: string): Promise<ApiResponse> {
  const { prefix, rest } = splitPath(request.path)
  const query = request.query.toString()
  const target = {
    path: `${rest === '' ? '/' : rest}${query === '' ? '' : `?${query}`}`,
    host,
    headers: {
      'x-forwarded-uri': request.path,
      'x-forwarded-proto': 'https',
      ...(request.headers['host'] !== undefined && { 'x-forwarded-host': request.headers['host'] }),
    },
  }
  if (isUpgrade(request)) return joinUpgrade(socket, request, target)
  const answer = await forward(socket, request, target)
  const location = answer.headers['location']
  return location?.startsWith('/') === true ? { ...answer, headers: { ...answer.headers, location: prefix + location } } : answer
}

/** Without a path of its own a page would look for its parts in the wrong place. Source: apimachinery, util/proxy. */
function redirectOf(request: ApiRequest): ApiResponse | undefined {
  const { rest } = splitPath(request.path)
  if (rest !== '' || (request.method !== 'GET' && request.method !== 'HEAD') || isUpgrade(request)) return undefined
  const query = request.query.toString()
  return { status: 301, headers: { location: `${request.path}/${query === '' ? '' : `?${query}`}` } }
}

const PROXY_PATH = /^(\/api\/[^/]+\/(?:namespaces\/[^/]+\/)?(?:pods|services|nodes)\/[^/]+\/proxy)(\/.*)?$/

/** The part that leads here, and the part that goes on, with its slashes and escapes as they came. */
function splitPath(path: string): { readonly prefix: string; readonly rest: string } {
  const [, prefix = path, rest = ''] = PROXY_PATH.exec(path) ?? []
  return { prefix, rest }
}
