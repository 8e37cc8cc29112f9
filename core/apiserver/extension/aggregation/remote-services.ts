import { isDeepStrictEqual } from 'node:util'
import { apiServices } from '../../../api/kinds.ts'
import type { APIService } from '../../../api/types/apiregistration-v1.ts'
import type { EndpointSlice } from '../../../api/types/discovery-v1.ts'
import { isConditionTrue, setCondition } from '../../../meta/conditions.ts'
import { isConflict, isNotFound } from '../../../meta/status-error.ts'
import { toTimestamp } from '../../../meta/time.ts'
import type { Logger } from '../../../observability/log.ts'
import type { Clock } from '../../../runtime/clock.ts'
import { WorkQueue } from '../../../runtime/work-queue.ts'
import type { ObjectName } from '../../../meta/object.ts'
import type { ObjectReader } from '../../admission/admission.ts'
import type { RemoteVersion } from '../../discovery/catalog.ts'
import type { ApiRequest, Handler } from '../../request.ts'
import type { PathHandler } from '../../server.ts'
import { ownRequests } from '../own-requests.ts'
import { type Availability, missingBackend, SERVICE_NAME, SERVICES, SLICES } from './availability.ts'
import { checkDiscovery } from './remote-check.ts'
import { toDiscoveryEntries } from './remote-discovery.ts'
import { fetchOpenApi, type KeptOpenApi } from './remote-openapi.ts'
import { proxyToService, serviceUnavailable } from './remote-proxy.ts'
import { createRemoteConnections, type FrontProxyIdentity } from './remote-target.ts'
import { UnavailableMetrics } from './unavailable-metrics.ts'

export interface RemoteServicesDeps {
  readonly reader: ObjectReader
  readonly identity: () => FrontProxyIdentity
  readonly clock: Clock
  readonly log: Logger
  readonly signal: AbortSignal
}

/** Group versions that other servers serve, behind APIServices that name a Service. */
export interface RemoteServices {
  /** Who answers for a group version; undefined when no other server does. */
  handlerOf(group: string, version: string): Handler | undefined
  /** Whether the server of a group version told that it serves a resource. */
  isAnnounced(group: string, version: string, resource: string): boolean
  /** The paths of such group versions that are no resources: their own discovery and OpenAPI documents. */
  readonly paths: PathHandler
  /** For discovery; an element stays the same object until something about it changes. */
  versions(): readonly RemoteVersion[]
  /** Prometheus text. */
  metrics(): string
  /** Keeps the condition Available and the documents; `handle` takes the writes. Resolves when the signal has ended it. */
  keep(handle: Handler): Promise<void>
}

/** One APIService that names a Service. */
interface Remote {
  /** Replaced by each newer one. */
  service: APIService
  version: RemoteVersion
  /** As the server told them last; undefined until it has. */
  resources: RemoteVersion['resources'] | undefined
  openApi: KeptOpenApi | undefined
  openApiAtMs: number
}

/** A server that works is asked again. Source: kube-aggregator. */
const RECHECK_MS = 30_000
const OPENAPI_MS = 60_000
const MAX_RETRY_MS = 30_000
/** So many servers that do not answer hold up nobody else. */
const WORKERS = 4
/** The group that registers all others cannot be given away. */
const OWN_GROUP = 'apiregistration.k8s.io'
const PATH = /^\/(?:openapi\/v3\/)?apis\/([^/]+)\/([^/]+)\/?$/

/** Source: Kubernetes, kube-aggregator. */
export function createRemoteServices(deps: RemoteServicesDeps): RemoteServices {
  return new Remotes(deps)
}

class Remotes implements RemoteServices {
  readonly #deps: RemoteServicesDeps
  readonly #connections: ReturnType<typeof createRemoteConnections>
  readonly #byName = new Map<string, Remote>()
  #byVersion: ReadonlyMap<string, Remote> = new Map()
  #versions: readonly RemoteVersion[] = []
  readonly #unavailable = new UnavailableMetrics()
  readonly paths: PathHandler

  constructor(deps: RemoteServicesDeps) {
    this.#deps = deps
    this.#connections = createRemoteConnections(deps)
    this.paths = (request) => this.#answerPath(request)
    for (const service of deps.reader.list<APIService>(apiServices)) this.#take(service.metadata.name)
  }

  handlerOf(group: string, version: string): Handler | undefined {
    if (this.#byVersion.size === 0) return undefined
    const remote = this.#byVersion.get(`${group}/${version}`)
    return remote && ((request) => this.#answer(remote, request))
  }

  isAnnounced(group: string, version: string, resource: string): boolean {
    const remote = this.#byVersion.get(`${group}/${version}`)
    return remote?.version.resources.some((entry) => entry['resource'] === resource) === true
  }

  versions(): readonly RemoteVersion[] {
    return this.#versions
  }

  metrics(): string {
    return this.#unavailable.render()
  }

  async keep(handle: Handler): Promise<void> {
    const { reader, clock, signal } = this.#deps
    const queue = new WorkQueue<string>({ clock, maxMs: MAX_RETRY_MS })
    const removers = [
      reader.onChange(apiServices, (changed) => {
        const names = changed === undefined ? reader.list<APIService>(apiServices).map(({ metadata }) => metadata.name) : [changed.name]
        for (const name of [...names, ...(changed === undefined ? this.#byName.keys() : [])]) if (this.#take(name)) queue.add(name)
      }),
      reader.onChange(SERVICES, (changed) => this.#requeue(queue, changed, (name) => name)),
      reader.onChange(SLICES, (changed) => this.#requeue(queue, changed, (name, namespace) => this.#ownerOf(namespace, name))),
    ]
    const end = (): void => queue.shutDown()
    if (signal.aborted) end()
    signal.addEventListener('abort', end, { once: true })
    for (const name of this.#byName.keys()) queue.add(name)
    await Promise.all(Array.from({ length: WORKERS }, () => this.#work(queue, handle)))
    signal.removeEventListener('abort', end)
    for (const remove of removers) remove()
    this.#connections[Symbol.dispose]()
  }

  /** Takes over the APIService as it is now. True when it has to be looked at: its own status alone is no reason. */
  #take(name: string): boolean {
    const service = this.#deps.reader.get<APIService>(apiServices, '', name)
    const known = this.#byName.get(name)
    if (service?.spec.service === undefined || service.spec.group === OWN_GROUP) {
      if (this.#byName.delete(name)) this.#index()
      this.#unavailable.forget(name)
      return false
    }
    const isNew = known === undefined || !isDeepStrictEqual(known.service.spec, service.spec)
    const unknown = { resources: undefined, openApi: undefined, openApiAtMs: Number.NEGATIVE_INFINITY }
    const remote = known ?? { service, version: versionOf({ service, ...unknown }), ...unknown }
    remote.service = service
    this.#byName.set(name, remote)
    this.#show(remote)
    return isNew
  }

  #show(remote: Remote): void {
    const next = versionOf(remote)
    if (!isDeepStrictEqual(next, remote.version)) remote.version = next
    this.#index()
  }

  #index(): void {
    const remotes = [...this.#byName.values()]
    this.#byVersion = new Map(remotes.map((remote) => [`${remote.version.group}/${remote.version.version}`, remote]))
    this.#versions = remotes.map(({ version }) => version)
  }

  #answer({ service }: Remote, request: ApiRequest): ReturnType<Handler> {
    if (!isConditionTrue(service.status.conditions, 'Available')) return Promise.resolve(serviceUnavailable('service unavailable'))
    return proxyToService(service, request, this.#connections, this.#deps.log)
  }

  #answerPath(request: ApiRequest): ReturnType<Handler> | undefined {
    const [, group = '', version = ''] = this.#byVersion.size === 0 ? [] : (PATH.exec(request.path) ?? [])
    return this.handlerOf(group, version)?.(request)
  }

  #requeue(
    queue: WorkQueue<string>,
    changed: ObjectName | undefined,
    serviceOf: (name: string, namespace: string) => string | undefined,
  ): void {
    if (this.#byName.size === 0) return
    const target = changed && serviceOf(changed.name, changed.namespace ?? '')
    for (const [name, { service }] of this.#byName) {
      const backend = service.spec.service
      if (changed === undefined || (backend?.namespace === changed.namespace && (target === undefined || target === backend?.name)))
        queue.add(name)
    }
  }

  /** Undefined for a slice that is gone: it may have been anybody's. */
  #ownerOf(namespace: string, slice: string): string | undefined {
    return this.#deps.reader.get<EndpointSlice>(SLICES, namespace, slice)?.metadata.labels?.[SERVICE_NAME]
  }

  async #work(queue: WorkQueue<string>, handle: Handler): Promise<void> {
    for (let name = await queue.take(); name !== undefined; name = await queue.take()) {
      const works = await this.#check(name, handle)
      if (works !== undefined && !works) queue.addRateLimited(name)
      else queue.forget(name)
      if (works === true) queue.addAfter(name, RECHECK_MS)
      queue.done(name)
    }
  }

  /** Undefined when there is nothing to try again: it is gone, or waits for a change of its service. */
  async #check(name: string, handle: Handler): Promise<boolean | undefined> {
    const remote = this.#byName.get(name)
    if (remote === undefined) return undefined
    const { reader, signal, log } = this.#deps
    try {
      const { service } = remote
      const missing = missingBackend(service, reader)
      const { availability, text } =
        missing === undefined ? await checkDiscovery(service, this.#connections, signal) : { availability: missing, text: undefined }
      if (text !== undefined) {
        const { group, version } = remote.version
        remote.resources = toDiscoveryEntries(text, group, version) ?? remote.resources
        this.#show(remote)
      }
      this.#unavailable.note(name, availability)
      await this.#report(remote, availability, handle)
      if (text !== undefined) await this.#refreshOpenApi(remote)
      return missing === undefined ? availability.status === 'True' : undefined
    } catch (err) {
      if (!signal.aborted) log.warn({ err, apiService: name }, 'APIService cannot be checked, trying again')
      return false
    }
  }

  /** What was known stays when the server has no answer to it now. */
  async #refreshOpenApi(remote: Remote): Promise<void> {
    const { clock, signal, log } = this.#deps
    const now = clock.now()
    if (now - remote.openApiAtMs < OPENAPI_MS) return
    remote.openApiAtMs = now
    try {
      remote.openApi = await fetchOpenApi(remote.service, remote.openApi, this.#connections, signal)
      this.#show(remote)
    } catch (err) {
      log.debug({ err, apiService: remote.service.metadata.name }, 'No OpenAPI of an APIService')
    }
  }

  async #report({ service: { metadata } }: Remote, availability: Availability, handle: Handler): Promise<void> {
    const { reader, clock, signal, log } = this.#deps
    const current = reader.get<APIService>(apiServices, '', metadata.name)
    if (current === undefined) return
    const conditions = setCondition(current.status.conditions, availability, toTimestamp(clock.now()))
    if (conditions === current.status.conditions) return
    const { reason, message } = availability
    log.info({ apiService: metadata.name, reason, message }, `API ${availability.status === 'True' ? 'available' : 'not available'}`)
    const body = { ...current, kind: apiServices.kind, apiVersion: 'apiregistration.k8s.io/v1', status: { conditions } }
    const path = `/apis/apiregistration.k8s.io/v1/apiservices/${metadata.name}/status`
    try {
      await ownRequests(handle, signal)('PUT', path, body)
      // The event that tells of it comes a little later.
      this.#take(metadata.name)
    } catch (err) {
      if (!isConflict(err) && !isNotFound(err)) throw err
      throw new Error('the APIService changed meanwhile', { cause: err })
    }
  }
}

/** Not known to be available until it told what it serves. */
function versionOf({ service, resources, openApi }: Pick<Remote, 'service' | 'resources' | 'openApi'>): RemoteVersion {
  const { group = '', version = '', groupPriorityMinimum, versionPriority } = service.spec
  const available = resources !== undefined && isConditionTrue(service.status.conditions, 'Available')
  const priorities = { groupPriorityMinimum, versionPriority }
  return { group, version, ...priorities, resources: resources ?? [], available, ...(openApi && { openApi: openApi.shown }) }
}
