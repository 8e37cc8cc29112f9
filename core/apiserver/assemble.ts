import { setMaxListeners } from 'node:events'
import { StatusError } from '../meta/status-error.ts'
import type { Logger } from '../observability/log.ts'
import type { ServiceKeys } from '../pki/authorities.ts'
import { createTokenSigner, verificationKeys } from '../pki/jwt.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Store } from '../store/store.ts'
import type { ObjectReader } from './admission/admission.ts'
import { type AdmissionOptions, admissionPlugins } from './admission/index.ts'
import { keepPolicyStatus } from './admission/policy/keep-status.ts'
import { createWebhookClient } from './admission/webhook/client.ts'
import { createServiceAllocator } from './allocation/service-allocator.ts'
import type { Authenticator, Authorizer } from './auth/auth.ts'
import { createAuthentication } from './auth/authenticate/authentication.ts'
import { bootstrapTokenAuthenticator } from './auth/authenticate/bootstrap-token.ts'
import { clientCertificateAuthenticator } from './auth/authenticate/client-certificate.ts'
import { serviceAccountAuthenticator } from './auth/authenticate/service-account.ts'
import { createAuthorization } from './auth/authorizer.ts'
import { discoveryPaths, reviewHandlers, TOKEN_SUBRESOURCE, tokenHandler } from './auth/endpoints.ts'
import { openIdDocuments } from './auth/token/discovery.ts'
import { createTokenIssuer } from './auth/token/issuer.ts'
import { TokenVerifier } from './auth/token/verifier.ts'
import type { BootstrapSettings } from './bootstrap/cluster-objects.ts'
import { type KeptObjects, keepClusterObjects } from './bootstrap/keep.ts'
import { NODE_RULES } from './bootstrap/rbac/index.ts'
import { type Caches, createCaches } from './cache/caches.ts'
import { createDiscovery, type VersionInfo } from './discovery/discovery.ts'
import { expireEvents } from './event-expiry.ts'
import { keepLocalApiServices } from './extension/aggregation/keep-services.ts'
import { createRemoteServices, type RemoteServices } from './extension/aggregation/remote-services.ts'
import type { FrontProxyIdentity } from './extension/aggregation/remote-target.ts'
import { startCustomResources } from './extension/custom-resources.ts'
import { ownRequests } from './extension/own-requests.ts'
import { createFlowClassifier } from './flow/classifier.ts'
import { keepFlowSchemaStatus } from './flow/keep-status.ts'
import { componentStatuses } from './health/component-statuses.ts'
import { createHealthChecks, type HealthChecks } from './health/health.ts'
import type { InFlightLimits } from './in-flight.ts'
import { createObjectReader } from './object-reader.ts'
import type { Handler } from './request.ts'
import { createRequestMetrics } from './request-metrics.ts'
import { createResourceTable, type ResourceTable } from './resource-table.ts'
import { RESOURCES } from './resources/index.ts'
import type { ApiSettings } from './resources/resource-def.ts'
import { type ApiServer, type ApiServerDeps, createApiServer, type PathHandler } from './server.ts'
import { bindingHandler, customSubresources } from './subresources/index.ts'
import { createKubeletDialer, type KubeletDialerDeps } from './subresources/kubelet-dialer.ts'

export interface ApiServerOptions {
  readonly store: Store
  readonly settings: ApiSettings
  readonly bootstrap: BootstrapSettings
  /** Keys of service account tokens. */
  readonly serviceKeys: ServiceKeys
  /** `https://kubernetes.default.svc.cluster.local`; also the audience of tokens for this server. */
  readonly issuer: string
  /** `host:port` under which clients reach this server. */
  readonly serverAddress: string
  readonly version: VersionInfo
  readonly kubelet: Pick<KubeletDialerDeps, 'tls' | 'tunnel'>
  /** Asked after certificates and service account tokens: token files. */
  readonly authenticators?: readonly Authenticator[]
  /** Whether tokens in Secrets of type `bootstrap.kubernetes.io/token` are credentials. Default false. */
  readonly acceptsBootstrapTokens?: boolean
  readonly admission?: AdmissionOptions
  /** How long events live. Default one hour. */
  readonly eventTtlMs?: number
  /** Paths that are no resources, such as `/cacerts`; asked before discovery. */
  readonly paths?: readonly PathHandler[]
  /** Proves to extension servers that this server speaks for its clients; asked at each request. */
  readonly frontProxy: () => FrontProxyIdentity
  readonly inFlight?: InFlightLimits
  readonly moreMetrics?: ApiServerDeps['moreMetrics']
  readonly audit?: ApiServerDeps['audit']
  readonly refused?: ApiServerDeps['refused']
  readonly clock: Clock
  readonly log: Logger
  /** Ends everything; `done` then resolves. */
  readonly signal: AbortSignal
}

/** A whole API server without its sockets, ready to serve. */
export interface AssembledApiServer {
  readonly handle: Handler
  /** To be told of requests answered with 401. */
  readonly unauthenticated: ApiServer['unauthenticated']
  /** Who asks; for the listener. */
  readonly authenticator: Authenticator
  readonly authorizer: Authorizer
  readonly reader: ObjectReader
  readonly caches: Caches
  readonly resources: ResourceTable
  /** Other components add their checks here. */
  readonly health: HealthChecks
  /** Settles when everything inside has stopped; rejects when a part died on its own. */
  readonly done: Promise<void>
}

/**
 * Loads the caches, puts all parts together, serves the custom kinds that exist and makes the objects that every cluster
 * has. Resolves when all of that is done; throws what the store or a first write throws.
 */
export async function assembleApiServer(options: ApiServerOptions): Promise<AssembledApiServer> {
  const { store, clock, log, signal } = options
  // Every watch of a part inside listens to it.
  setMaxListeners(0, signal)
  const resources = createResourceTable(RESOURCES)
  const stored = RESOURCES.filter((def) => def.storagePrefix !== '' && def.conversion === undefined)
  const caches = await createCaches({ store, resources: stored, clock, signal })
  const reader = createObjectReader({ resources, cacheOf: (prefix) => caches.get(prefix), signal, log })
  const health = createHealthChecks((check, problem) => log.warn({ check, problem }, 'Health check failed'))
  const users = identities(options, reader)
  const { authorizer, rules } = createAuthorization(reader, NODE_RULES)
  const webhooks = createWebhookClient(reader)
  const remote = createRemoteServices({ reader, identity: options.frontProxy, clock, log, signal })
  const server = createApiServer({
    ...optionalDeps(options),
    aggregated: (group, version) => remote.handlerOf(group, version),
    isAnnounced: (group, version, resource) => remote.isAnnounced(group, version, resource),
    moreMetrics: [() => remote.metrics(), ...(options.moreMetrics ?? [])],
    resources,
    cacheOf: (prefix) => caches.get(prefix),
    authorizer,
    admission: admissionPlugins(
      { reader, authorizer, rules, clock, random: Math.random, log, webhooks, resources: () => resources.all() },
      options.admission,
    ),
    settings: options.settings,
    clock,
    log,
    health,
    classifyFlow: createFlowClassifier(reader),
    metrics: createRequestMetrics(),
    virtual: new Map([
      ...reviewHandlers({ authorizer, rules, ...users.review }),
      ['/bindings', bindingHandler(resources)],
      ['/componentstatuses', componentStatuses(health)],
    ]),
    subresources: new Map([
      ...customSubresources({ reader, resources, dialKubelet: createKubeletDialer({ reader, ...options.kubelet }) }),
      [TOKEN_SUBRESOURCE, users.token],
    ]),
    hooks: new Map([['/services', serviceAllocator(options, reader)]]),
    paths: pathsOf(options, resources, remote),
  })
  const hooks = bootstrapChecks(health, caches, signal)
  const own = { resources, reader, handle: server.handle, clock, log, signal }
  const custom = await startCustomResources({ ...own, caches, webhooks })
  hooks.done('poststarthook/start-apiextensions-controllers')
  const services = Promise.all([keepLocalApiServices(own), remote.keep(server.handle)])
  const statuses = Promise.all([keepPolicyStatus(own), keepFlowSchemaStatus(own)])
  const objects = await clusterObjects(options, {
    handle: server.handle,
    reader,
    onComplete: () => hooks.done('poststarthook/rbac/bootstrap-roles'),
  })
  const done = Promise.all([caches.done, custom.done, services, statuses, objects.done, expiry(caches, options)]).then(async () =>
    webhooks[Symbol.asyncDispose](),
  )
  const { handle, unauthenticated } = server
  return { handle, unauthenticated, authenticator: users.authenticator, authorizer, reader, caches, resources, health, done }
}

function optionalDeps({ inFlight, audit, refused }: ApiServerOptions): Partial<ApiServerDeps> {
  return {
    ...(inFlight !== undefined && { inFlight }),
    ...(audit !== undefined && { audit }),
    ...(refused !== undefined && { refused }),
  }
}

function identities(
  options: ApiServerOptions,
  reader: ObjectReader,
): {
  readonly authenticator: Authenticator
  readonly review: { readonly verifier: TokenVerifier; readonly others: readonly Authenticator[]; readonly audiences: readonly string[] }
  readonly token: ReturnType<typeof tokenHandler>
} {
  const { serviceKeys, issuer, clock } = options
  const others = [...(options.authenticators ?? [])]
  if (options.acceptsBootstrapTokens === true) others.push(bootstrapTokenAuthenticator(reader, clock))
  const audiences = [issuer, 'k3ts']
  const verifier = new TokenVerifier({ keys: verificationKeys(serviceKeys), issuers: [issuer], audiences, reader, clock })
  const authenticator = createAuthentication([clientCertificateAuthenticator, serviceAccountAuthenticator(verifier), ...others])
  const token = tokenHandler(createTokenIssuer({ sign: createTokenSigner(serviceKeys), issuer, audiences, reader, clock }))
  return { authenticator, review: { verifier, others, audiences }, token }
}

function serviceAllocator({ settings }: ApiServerOptions, reader: ObjectReader): ReturnType<typeof createServiceAllocator> {
  const { serviceCidrs, nodePortRange } = settings
  return createServiceAllocator({ reader, serviceCidrs, nodePortRange, random: Math.random })
}

function pathsOf(options: ApiServerOptions, resources: ResourceTable, remote: RemoteServices): readonly PathHandler[] {
  const { paths = [], version, serverAddress, serviceKeys, issuer, clock } = options
  const documents = openIdDocuments({ issuer, externalUrl: `https://${serverAddress}`, keys: verificationKeys(serviceKeys) })
  const served = { resources: () => resources.all(), remote: () => remote.versions() }
  const discovery = createDiscovery({ ...served, version, serverAddress, nowMs: () => clock.now() })
  return [...paths, discovery, remote.paths, discoveryPaths(documents)]
}

/** The names under which kube-apiserver reports the same things. */
function bootstrapChecks(health: HealthChecks, caches: Caches, signal: AbortSignal): { done(name: string): void } {
  const finished = new Set<string>()
  let failure: string | undefined
  caches.done.catch((err: unknown) => {
    failure = err instanceof Error ? err.message : String(err)
  })
  health.add({ name: 'log', check: () => undefined })
  health.add({ name: 'etcd', check: () => failure })
  health.add({ name: 'etcd-readiness', endpoints: ['readyz'], check: () => failure })
  for (const name of ['poststarthook/start-apiextensions-controllers', 'poststarthook/rbac/bootstrap-roles'])
    health.add({ name, check: () => (finished.has(name) ? undefined : 'not finished') })
  health.add({ name: 'shutdown', endpoints: ['readyz'], check: () => (signal.aborted ? 'process is shutting down' : undefined) })
  return { done: (name) => finished.add(name) }
}

function clusterObjects(
  { bootstrap: settings, clock, log, signal }: ApiServerOptions,
  parts: { readonly handle: Handler; readonly reader: ObjectReader; readonly onComplete: () => void },
): Promise<KeptObjects> {
  const { handle, reader, onComplete } = parts
  const request = ownRequests(handle, signal)
  return keepClusterObjects({ request, reader, settings, nowMs: clock.now(), clock, log, signal, onComplete })
}

const EVENTS_PREFIX = '/registry/events'

async function expiry(caches: Caches, { clock, log, signal, eventTtlMs }: ApiServerOptions): Promise<void> {
  const events = caches.get(EVENTS_PREFIX)
  if (events === undefined) throw new StatusError('InternalError', 'events are not served')
  await expireEvents({ events, clock, log, ...(eventTtlMs !== undefined && { ttlMs: eventTtlMs }) }, signal)
}
