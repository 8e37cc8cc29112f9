import { randomUUID } from 'node:crypto'
import { isReason, StatusError } from '../meta/status-error.ts'
import type { Logger } from '../observability/log.ts'
import { isAborted } from '../runtime/abort.ts'
import { type Awaitable, after, lastly, recover } from '../runtime/awaitable.ts'
import type { Clock } from '../runtime/clock.ts'
import { StoreError } from '../store/store.ts'
import type { AdmissionPlugin } from './admission/admission.ts'
import type { Auditor } from './audit/auditor.ts'
import type { AuditTrail } from './audit/trail.ts'
import type { Attributes, Authorizer } from './auth/auth.ts'
import { impersonate } from './auth/authenticate/impersonation.ts'
import { forbiddenError } from './auth/forbidden.ts'
import type { ResourceCache } from './cache/cache.ts'
import { derived } from './derived-request.ts'
import { fromStoreError, internalError, methodNotAllowed, unknownResource } from './errors.ts'
import type { ClassifyFlow, FlowHeaders } from './flow/classifier.ts'
import type { HealthChecks } from './health/health.ts'
import { createInFlight, DEFAULT_IN_FLIGHT, type InFlight, type InFlightLimits } from './in-flight.ts'
import { admissionChain } from './pipeline/admission-chain.ts'
import type { WriteHook } from './pipeline/write-services.ts'
import type { ApiRequest, ApiResponse, Handler } from './request.ts'
import { type RequestInfo, type ResourceRequest, requestInfo } from './request-info.ts'
import type { FinishedRequest, RequestMetrics } from './request-metrics.ts'
import type { ResourceTable } from './resource-table.ts'
import type { ApiSettings } from './resources/resource-def.ts'
import { notFoundPage, statusResponse, textResponse, withWarnings } from './response.ts'
import type { RestHandler, RestRequest, RestServices } from './rest/rest-context.ts'
import { type CustomHandlers, routeOf } from './rest/route.ts'

export interface ApiServerDeps {
  readonly resources: ResourceTable
  /** The watch cache of a storage prefix, once it is loaded. */
  readonly cacheOf: (storagePrefix: string) => ResourceCache | undefined
  readonly authorizer: Authorizer
  readonly admission: readonly AdmissionPlugin[]
  readonly settings: ApiSettings
  readonly clock: Clock
  readonly log: Logger
  readonly health: HealthChecks
  readonly metrics: RequestMetrics
  /** Answers for kinds that are never stored, by `group/resource`. */
  readonly virtual?: ReadonlyMap<string, RestHandler>
  /** Answers for custom subresources, by `group/resource/subresource`. */
  readonly subresources?: ReadonlyMap<string, RestHandler>
  /** Allocation of cluster-wide values, by `group/resource`. */
  readonly hooks?: ReadonlyMap<string, WriteHook>
  /** Paths that are no resources (discovery, OpenAPI, version, keys): the first that answers wins. */
  readonly paths?: readonly PathHandler[]
  /** The server behind an aggregated group version; it stands in front of what is served here. */
  readonly aggregated?: (group: string, version: string) => Handler | undefined
  /** Whether such a server announced the resource: others are no names for metrics. */
  readonly isAnnounced?: (group: string, version: string, resource: string) => boolean
  readonly inFlight?: InFlightLimits
  /** Which flow schema a request belongs to, for its response headers. */
  readonly classifyFlow?: ClassifyFlow
  /** Further Prometheus text for `/metrics`. */
  readonly moreMetrics?: readonly (() => string | Promise<string>)[]
  /** Keeps the record of requests. */
  readonly audit?: Auditor
  /** Called for each request that its user may not make. */
  readonly refused?: (attributes: Attributes, reason: string) => void
  /** Default 1800. */
  readonly minWatchSeconds?: number
}

export type PathHandler = (request: ApiRequest) => Promise<ApiResponse> | ApiResponse | undefined

export interface ApiServer {
  /** Answers one request; never rejects. Sockets, message ports and in-process clients all come here. */
  readonly handle: Handler
  /** For the audit log: a request that the listener answers with 401, when the log has room for it. */
  readonly unauthenticated: (request: ApiRequest) => Awaitable<void>
}

/** The API server without its sockets: authorization, limits, routing, and one Status for every failure. */
export function createApiServer(deps: ApiServerDeps): ApiServer {
  const { metrics, clock } = deps
  const engine: Engine = {
    deps,
    inFlight: createInFlight(deps.inFlight ?? DEFAULT_IN_FLIGHT, metrics),
    services: restServices(deps),
    custom: { virtual: deps.virtual ?? new Map(), subresources: deps.subresources ?? new Map() },
  }
  const serve = (request: ApiRequest, start: Start, trail?: AuditTrail): Awaitable<ApiResponse> => {
    const { info, auditId, startMs } = start
    const warnings: string[] = []
    let asked = request
    const ask = (): Awaitable<ApiResponse> => {
      const user = impersonate(request.user, request.headers, deps.authorizer)
      if (user !== request.user) {
        trail?.actsAs(user)
        asked = derived(request, { user })
      }
      return answer(engine, asked, { info, warnings, trail })
    }
    const answered = recover(ask, (err) => statusResponse(toStatusError(err, asked, { info, log: deps.log, trail })))
    return after(answered, (response) => {
      const final = finished(response, auditId, warnings, deps.classifyFlow?.(asked.user, info))
      metrics.observe(measure(engine, asked, info, { code: final.status, seconds: (clock.now() - startMs) / 1000 }))
      return trail === undefined ? final : trail.answered(asked, final)
    })
  }
  return {
    handle(request) {
      const info = requestInfo(request.method, request.path, request.query)
      const start = { info, auditId: auditIdOf(request), startMs: clock.now() }
      return deps.audit === undefined ? serve(request, start) : audited(deps.audit, request, start, serve)
    },
    unauthenticated(request) {
      const info = requestInfo(request.method, request.path, request.query)
      deps.audit?.unauthenticated(request, info, { auditId: auditIdOf(request), nowMs: clock.now(), isLong: false })
      return deps.audit?.sink.room
    },
  }
}

interface Start {
  readonly info: RequestInfo
  readonly auditId: string
  readonly startMs: number
}

/** Waits while the log is full, then serves the request with its record, when the policy wants one. */
function audited(
  auditor: Auditor,
  request: ApiRequest,
  start: Start,
  serve: (request: ApiRequest, start: Start, trail?: AuditTrail) => Awaitable<ApiResponse>,
): Awaitable<ApiResponse> {
  const { info, auditId, startMs } = start
  const isLong = info.kind === 'resource' && isLongRunning(info)
  const trail = auditor.begin(request, info, { auditId, nowMs: startMs, isLong })
  if (trail === undefined) return serve(request, start)
  const { room } = auditor.sink
  const recorded = (): Awaitable<ApiResponse> => serve(derived(request, { audit: trail }), start, trail)
  return room === undefined ? recorded() : room.then(recorded)
}

interface Engine {
  readonly deps: ApiServerDeps
  readonly inFlight: InFlight
  readonly services: RestServices
  readonly custom: CustomHandlers
}

function restServices(deps: ApiServerDeps): RestServices {
  const { settings, clock, log, authorizer, hooks, minWatchSeconds = 1800 } = deps
  return {
    cacheOf(def) {
      const cache = def.storagePrefix === '' ? undefined : deps.cacheOf(def.storagePrefix)
      if (cache === undefined) throw unknownResource()
      return cache
    },
    admission: admissionChain(deps.admission),
    authorizer,
    hookOf: (def) => hooks?.get(`${def.group}/${def.resource}`),
    settings,
    clock,
    log,
    minWatchSeconds,
  }
}

interface Asked {
  readonly info: RequestInfo
  readonly warnings: string[]
  readonly trail: AuditTrail | undefined
}

function answer(engine: Engine, request: ApiRequest, { info, warnings, trail }: Asked): Awaitable<ApiResponse> {
  authorize(engine.deps, request, info, trail)
  if (info.kind === 'path') return answerPath(engine.deps, request)
  const { deps } = engine
  const remote = deps.aggregated?.(info.group, info.version)
  if (remote !== undefined) return answerRemote(engine, request, info, remote)
  const def = deps.resources.find(info.group, info.version, info.resource)
  if (def === undefined) return answerUnknown(deps, info)
  if (def.deprecation !== undefined) warnings.push(def.deprecation)
  const rest: RestRequest = { request, info, def, services: engine.services, warnings }
  const handler = routeOf(rest, engine.custom)
  return isLongRunning(info) ? runLong(deps.metrics, rest, () => handler(rest)) : runShort(engine, rest, handler)
}

function runShort({ inFlight }: Engine, rest: RestRequest, handler: RestHandler): Awaitable<ApiResponse> {
  const leave = inFlight.enter(rest.info.verb, rest.request.user)
  return lastly(() => handler(rest), leave)
}

const LONG_SUBRESOURCES: ReadonlySet<string> = new Set(['proxy', 'attach', 'exec', 'portforward', 'log'])

function isLongRunning({ verb, subresource }: ResourceRequest): boolean {
  return verb === 'watch' || LONG_SUBRESOURCES.has(subresource)
}

/** Counted until its stream has ended or, for a tunnel, until the client has gone. */
async function runLong(metrics: RequestMetrics, { request, info }: RestRequest, run: () => ReturnType<RestHandler>): Promise<ApiResponse> {
  const labels = { ...info, verb: info.verb === 'watch' ? 'WATCH' : 'CONNECT' }
  let running = true
  const end = (): void => {
    if (running) metrics.longRunning(labels, -1)
    running = false
  }
  metrics.longRunning(labels, 1)
  try {
    const response = await run()
    if (request.upgrade !== undefined && response.body === undefined) request.signal.addEventListener('abort', end, { once: true })
    else if (request.method === 'HEAD' || !isStream(response.body)) end()
    else return { ...response, body: untilEnd(response.body, end) }
    return response
  } catch (err) {
    end()
    throw err
  }
}

async function* untilEnd(body: AsyncIterable<Uint8Array>, end: () => void): AsyncGenerator<Uint8Array> {
  try {
    yield* body
  } finally {
    end()
  }
}

function isStream(body: ApiResponse['body']): body is AsyncIterable<Uint8Array> {
  return body !== undefined && Symbol.asyncIterator in body
}

async function answerPath(deps: ApiServerDeps, request: ApiRequest): Promise<ApiResponse> {
  const health = deps.health.handle(request)
  if (health !== undefined) return health
  if (request.path === '/metrics') return metricsPage(deps)
  for (const handler of deps.paths ?? []) {
    const response = await handler(request)
    if (response !== undefined) return response
  }
  return notFoundPage()
}

async function metricsPage(deps: ApiServerDeps): Promise<ApiResponse> {
  const parts = await Promise.all((deps.moreMetrics ?? []).map(async (render) => render()))
  const page = textResponse(200, [deps.metrics.render(), ...parts].join(''))
  return { ...page, headers: { ...page.headers, 'content-type': 'text/plain; version=0.0.4; charset=utf-8' } }
}

function answerUnknown(deps: ApiServerDeps, info: ResourceRequest): ApiResponse {
  if (deps.resources.serves(info.group, info.version)) throw info.verb === '' ? methodNotAllowed() : unknownResource()
  return notFoundPage()
}

/** Counted until its answer begins; what may run long is not. */
function answerRemote({ inFlight }: Engine, request: ApiRequest, info: ResourceRequest, remote: Handler): Awaitable<ApiResponse> {
  if (isLongRunning(info) || request.upgrade !== undefined) return remote(request)
  const leave = inFlight.enter(info.verb, request.user)
  return lastly(() => remote(request), leave)
}

/** Throws StatusError Forbidden. */
function authorize({ authorizer, refused }: ApiServerDeps, request: ApiRequest, info: RequestInfo, trail: AuditTrail | undefined): void {
  const attributes = attributesOf(request, info)
  const decision = authorizer.authorize(attributes)
  trail?.decided(decision)
  const { allowed, reason } = decision
  if (allowed) return
  refused?.(attributes, reason)
  throw forbiddenError(attributes, reason)
}

function attributesOf(request: ApiRequest, info: RequestInfo): Attributes {
  const { user } = request
  if (info.kind === 'path') return { kind: 'path', user, verb: info.verb, path: info.path }
  const { verb, group, version, resource, subresource, namespace, name } = info
  const attributes = { kind: 'resource', user, verb, group, version, resource, subresource, namespace, name } as const
  if (request.query.size === 0 || (verb !== 'list' && verb !== 'watch' && verb !== 'deletecollection')) return attributes
  const fieldSelector = request.query.get('fieldSelector') ?? undefined
  const labelSelector = request.query.get('labelSelector') ?? undefined
  return { ...attributes, fieldSelector, labelSelector }
}

/** Everything that was not thrown as a StatusError is either the store's or a fault of ours, which is logged. */
function toStatusError(
  err: unknown,
  request: ApiRequest,
  { info, log, trail }: { readonly info: RequestInfo; readonly log: Logger; readonly trail: AuditTrail | undefined },
): StatusError {
  const translated = err instanceof StoreError ? fromStoreError(err, targetOf(info), info.kind === 'path' ? '' : info.name) : err
  if (translated instanceof StatusError) {
    if (isReason(translated, 'InternalError')) log.error({ err: translated, method: request.method, path: request.path }, 'Request failed')
    return translated
  }
  if (isAborted(request.signal)) return new StatusError('Timeout', 'Timeout: the request was given up', {}, { cause: translated })
  log.error({ err: translated, method: request.method, path: request.path }, 'Request failed')
  const problem = translated instanceof Error ? translated.message : String(translated)
  trail?.failed(problem)
  return internalError(problem, translated)
}

function targetOf(info: RequestInfo): { readonly group: string; readonly resource: string } {
  return info.kind === 'path' ? { group: '', resource: '' } : info
}

function auditIdOf(request: ApiRequest): string {
  return request.headers['audit-id'] ?? randomUUID()
}

function finished(response: ApiResponse, auditId: string, warnings: readonly string[], flow: FlowHeaders | undefined): ApiResponse {
  const identified = { ...response, headers: { 'audit-id': auditId, ...flow, ...response.headers } }
  return withWarnings(identified, warnings)
}

/** Paths worth a label of their own; anything else could be invented without end. */
const LABELLED_PATH = /^\/(?:healthz|livez|readyz|metrics|version|api|apis|openapi\/v[23])(?=\/|$)/

function measure(
  engine: Engine,
  request: ApiRequest,
  info: RequestInfo,
  outcome: { readonly code: number; readonly seconds: number },
): FinishedRequest {
  const nothing = { group: '', version: '', resource: '', subresource: '', scope: '', dryRun: false }
  if (info.kind === 'path') {
    const path = LABELLED_PATH.exec(info.path)?.[0] ?? ''
    return { ...nothing, verb: METHODS.has(request.method) ? request.method : 'other', subresource: path, ...outcome }
  }
  const { group, version, resource, namespace, name } = info
  const def = engine.deps.resources.find(group, version, resource)
  const verb = METRIC_VERBS[info.verb] ?? 'other'
  if (def === undefined && engine.deps.isAnnounced?.(group, version, resource) !== true) return { ...nothing, verb, ...outcome }
  const subresource = def?.subresources[info.subresource] === undefined ? '' : info.subresource
  const scope = name !== '' ? 'resource' : namespace !== '' ? 'namespace' : 'cluster'
  const dryRun = request.query.size > 0 && request.query.has('dryRun')
  return { verb, group, version, resource, subresource, scope, dryRun, ...outcome }
}

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

const METRIC_VERBS: Readonly<Record<string, string>> = {
  get: 'GET',
  list: 'LIST',
  watch: 'WATCH',
  create: 'POST',
  update: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
  deletecollection: 'DELETECOLLECTION',
}
