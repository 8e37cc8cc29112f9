import type { IncomingMessage, ServerResponse } from 'node:http'
import { nodes, pods } from '../../core/api/kinds.ts'
import type { NodeMetrics, PodMetrics } from '../../core/api/types/metrics-v1beta1.ts'
import type { Client, ListQuery } from '../../core/client/client.ts'
import { isNotFound, StatusError } from '../../core/meta/status-error.ts'
import type { Logger } from '../../core/observability/log.ts'
import { refusal, type Wish } from './access.ts'
import type { Caller } from './caller.ts'
import { describe } from './description.ts'
import { API_VERSION, nodeMetrics, podMetrics, tableOf } from './documents.ts'
import { type Form, formOf, type Question, questionOf, type Target } from './question.ts'
import type { Samples } from './samples.ts'

export interface ApiDeps {
  readonly client: Client
  readonly samples: Samples
  readonly authenticate: (request: IncomingMessage) => Promise<Caller | undefined>
  readonly isAllowed: (caller: Caller, wish: Wish) => Promise<boolean>
  /** Problem of `/livez`; undefined when all is well. */
  readonly problem: () => string | undefined
  readonly nowMs: () => number
  readonly log: Logger
}

/** Serves metrics.k8s.io/v1beta1, its discovery and the health of the program. Never throws. */
export function createApi(deps: ApiDeps): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    const gone = new AbortController()
    response.on('close', () => gone.abort(new Error('the client went away')))
    answer(request, deps, gone.signal)
      .catch((err: unknown) => failure(err, deps.log))
      .then(({ status = 200, text, value }) => {
        const body = text ?? `${JSON.stringify(value)}\n`
        const type = text === undefined ? 'application/json' : 'text/plain; charset=utf-8'
        const headers = { 'content-type': type, 'content-length': Buffer.byteLength(body), 'cache-control': 'no-cache, private' }
        response.writeHead(status, headers).end(request.method === 'HEAD' ? undefined : body)
      })
      .catch((err: unknown) => {
        deps.log.warn({ err }, 'Answer failed')
        response.destroy()
      })
  }
}

interface Answer {
  readonly status?: number
  readonly text?: string
  readonly value?: unknown
}

/** Open to everybody, as probes have no credentials. */
const HEALTH = /^\/(?:healthz|livez|readyz)(?:\/|$)/

async function answer(request: IncomingMessage, deps: ApiDeps, signal: AbortSignal): Promise<Answer> {
  const url = new URL(request.url ?? '/', 'https://metrics-server')
  if (HEALTH.test(url.pathname)) return health(url.pathname, deps)
  const asked = questionOf(request.method ?? '', url)
  const caller = await deps.authenticate(request)
  if (caller === undefined) throw new StatusError('Unauthorized', 'Unauthorized')
  const { target, verb, path } = asked
  const wish = target === undefined ? { verb, path } : { verb, ...target }
  if (!(await deps.isAllowed(caller, wish))) throw new StatusError('Forbidden', refusal(caller, wish))
  if (target === undefined) return documentAt(asked)
  if (!asked.reads) throw new StatusError('MethodNotAllowed', 'the server does not allow this method on the requested resource')
  return { value: await read(target, formOf(request.headers.accept, url.searchParams), deps, { query: url.searchParams, signal }) }
}

function documentAt({ path, reads }: Question): Answer {
  const document = reads ? describe(path.replace(/\/$/, '')) : undefined
  return document === undefined ? { status: 404, text: '404 page not found\n' } : { value: document }
}

function health(path: string, { samples, problem }: ApiDeps): Answer {
  const found = problem() ?? (path.startsWith('/readyz') && !samples.ready ? 'no metrics yet' : undefined)
  return found === undefined ? { text: 'ok' } : { status: 500, text: `${found}\n` }
}

async function read(
  target: Target,
  form: Form,
  deps: ApiDeps,
  { query, signal }: { readonly query: URLSearchParams; readonly signal: AbortSignal },
): Promise<object> {
  const kind = target.resource === 'nodes' ? 'NodeMetrics' : 'PodMetrics'
  if (target.name !== '') {
    const item = await one(target, deps, signal)
    return form === 'Plain' ? { kind, apiVersion: API_VERSION, ...item } : tableOf([item], { metadata: {}, kind, include: form })
  }
  const labelSelector = query.get('labelSelector') ?? undefined
  const fieldSelector = query.get('fieldSelector') ?? undefined
  const items = await all(target, { labelSelector, fieldSelector }, deps, signal)
  if (form !== 'Plain') return tableOf(items, { metadata: {}, kind, include: form })
  return { kind: `${kind}List`, apiVersion: API_VERSION, metadata: {}, items }
}

/** Labels, and whether it is there at all, are asked for each time: this program keeps no copy of the cluster. */
async function one({ resource, namespace, name }: Target, deps: ApiDeps, signal: AbortSignal): Promise<NodeMetrics | PodMetrics> {
  const { client, samples, nowMs } = deps
  if (resource === 'nodes') {
    const { metadata } = await client.get(nodes, { name }, signal)
    const usage = samples.node(name)
    if (usage === undefined) throw notMeasured('nodemetrics', name)
    return nodeMetrics(metadata, usage, nowMs())
  }
  const key = `${namespace}/${name}`
  const { metadata } = await client.get(pods, { namespace, name }, signal).catch((err: unknown) => {
    throw isNotFound(err) ? new StatusError('NotFound', `pods ${JSON.stringify(key)} not found`, { name: key, kind: 'pods' }) : err
  })
  const usages = samples.pod(key)
  if (usages === undefined) throw notMeasured('podmetrics', key)
  return podMetrics(metadata, usages, nowMs())
}

function notMeasured(kind: string, name: string): StatusError {
  const group = 'metrics.k8s.io'
  return new StatusError('NotFound', `${kind}.${group} ${JSON.stringify(name)} not found`, { name, group, kind })
}

async function all(
  { resource, namespace }: Target,
  selectors: Pick<ListQuery, 'labelSelector' | 'fieldSelector'>,
  { client, samples, nowMs }: ApiDeps,
  signal: AbortSignal,
): Promise<readonly (NodeMetrics | PodMetrics)[]> {
  const now = nowMs()
  if (resource === 'nodes') {
    const { items } = await client.list(nodes, { ...selectors, metadataOnly: true }, signal)
    return items.flatMap(({ metadata }) => {
      const usage = samples.node(metadata.name)
      return usage === undefined ? [] : [nodeMetrics(metadata, usage, now)]
    })
  }
  const query = { ...selectors, metadataOnly: true, ...(namespace !== '' && { namespace }) }
  const { items } = await client.list(pods, query, signal)
  return items.flatMap(({ metadata }) => {
    const usages = samples.pod(`${metadata.namespace ?? ''}/${metadata.name}`)
    return usages === undefined ? [] : [podMetrics(metadata, usages, now)]
  })
}

function failure(err: unknown, log: Logger): Answer {
  if (err instanceof StatusError) return { status: err.code, value: err.toStatus() }
  log.warn({ err }, 'Request failed')
  const text = err instanceof Error ? err.message : String(err)
  return { status: 500, value: new StatusError('InternalError', `Internal error occurred: ${text}`).toStatus() }
}
