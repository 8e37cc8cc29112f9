import type { Pod } from '../../api/types/core-v1.ts'
import type { KubeObject } from '../../meta/object.ts'
import { StatusError } from '../../meta/status-error.ts'
import type { Authorizer } from '../auth/auth.ts'
import { forbiddenError } from '../auth/forbidden.ts'
import { badRequest, internalError, notFound } from '../errors.ts'
import { admissionAttributes, Outcome } from '../pipeline/admit.ts'
import type { ApiRequest, ApiResponse } from '../request.ts'
import type { Work } from '../resources/resource-def.ts'
import { textResponse } from '../response.ts'
import { type RestHandler, type RestRequest, writeContextOf } from '../rest/rest-context.ts'
import { forward } from './forward.ts'
import type { DialKubelet } from './kubelet-dialer.ts'
import { joinUpgrade } from './tunnel.ts'

type PathOf = (pod: Pod, query: URLSearchParams) => string

/** GET pods/NAME/log: the kubelet's answer, as it comes. A pod without a node has an empty log. */
export function podLog(dial: DialKubelet, pathOf: PathOf): RestHandler {
  return async (rest) => {
    const { request, info } = rest
    const pod = podOf(rest)
    const path = pathOf(pod, request.query)
    const { nodeName = '' } = pod.spec
    if (nodeName === '') return textResponse(200, '')
    const socket = await dial(nodeName, request.signal)
    const answer = await forward(socket, withoutBody(request), { path, host: nodeName })
    if (answer.status < 200 || answer.status > 206) throw refusal(answer.status, await textOf(answer), info.name)
    return { ...answer, headers: { ...answer.headers, 'content-type': answer.headers['content-type'] ?? 'text/plain' } }
  }
}

/** exec, attach and port-forward: an upgraded connection, joined with one to the kubelet. */
export function podStream(dial: DialKubelet, pathOf: PathOf): RestHandler {
  return async (rest) => {
    const { request } = rest
    const pod = podOf(rest)
    const path = pathOf(pod, request.query)
    authorizeSession(rest, rest.services.authorizer)
    await admitConnect(rest)
    const { nodeName = '' } = pod.spec
    if (nodeName === '') throw badRequest(`pod ${pod.metadata.name} does not have a host assigned`)
    return joinUpgrade(await dial(nodeName, request.signal), request, { path, host: nodeName })
  }
}

function podOf({ services, def, info }: RestRequest): Pod {
  const entry = services.cacheOf(def).get(info.namespace, info.name)
  if (entry === undefined) throw notFound(def, info.name)
  return entry.object() as Pod
}

/** A WebSocket begins with a GET; what it does is a create all the same. Source: AuthorizePodWebsocketUpgradeCreatePermission. */
function authorizeSession({ request, info }: RestRequest, authorizer: Authorizer): void {
  if (info.verb !== 'get') return
  const { group, version, resource, subresource, namespace, name } = info
  const attributes = {
    kind: 'resource',
    user: request.user,
    verb: 'create',
    group,
    version,
    resource,
    subresource,
    namespace,
    name,
  } as const
  const { allowed, reason } = authorizer.authorize(attributes)
  if (!allowed) throw forbiddenError(attributes, reason)
}

/** Admission sees a CONNECT with the options of the request. */
export async function admitConnect(rest: RestRequest): Promise<void> {
  const { def, info, request, services } = rest
  const subresource = def.subresources[info.subresource]
  const kind = subresource?.type === 'custom' ? subresource.kind : ''
  const object = { kind, apiVersion: 'v1', metadata: { name: info.name }, ...optionsOf(request.query) } as unknown as Work<KubeObject>
  const context = writeContextOf(rest, { dryRun: false, fieldManager: '', validation: 'Ignore', force: false })
  const outcome = new Outcome()
  const attributes = admissionAttributes(context, { operation: 'CONNECT', object }, outcome)
  await services.admission.mutate(attributes)
  await services.admission.validate(attributes)
}

function optionsOf(query: URLSearchParams): Record<string, unknown> {
  const options: Record<string, unknown> = {}
  for (const flag of ['stdin', 'stdout', 'stderr', 'tty'])
    if (query.has(flag)) options[flag] = query.get(flag) === 'true' || query.get(flag) === '1'
  for (const text of ['container', 'path']) if (query.has(text)) options[text] = query.get(text)
  if (query.has('command')) options['command'] = query.getAll('command')
  return options
}

/** Source: apiserver, registry/generic/rest/response_checker.go. */
function refusal(status: number, text: string, name: string): StatusError {
  if (status === 500) return internalError(text)
  if (status === 400) return badRequest(text)
  if (status === 404)
    return new StatusError('NotFound', `the server could not find the requested resource ( pods/log ${name})`, {
      name,
      kind: 'pods/log',
      causes: [{ reason: 'UnexpectedServerResponse', message: text }],
    })
  return new StatusError('InternalError', text, { name, kind: 'pods/log' }, { code: status })
}

const MAX_ERROR_BYTES = 64 * 1024

async function textOf({ body }: ApiResponse): Promise<string> {
  if (body === undefined || body instanceof Uint8Array) return Buffer.from(body ?? []).toString('utf8')
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of body) {
    chunks.push(chunk)
    length += chunk.length
    if (length > MAX_ERROR_BYTES) break
  }
  return Buffer.concat(chunks).toString('utf8')
}

function withoutBody(request: ApiRequest): ApiRequest {
  const { method, path, query, headers, user, signal } = request
  return {
    method,
    path,
    query,
    headers: { ...headers, 'content-length': '0' },
    user,
    signal,
    body: () => Promise.resolve(new Uint8Array()),
  }
}
