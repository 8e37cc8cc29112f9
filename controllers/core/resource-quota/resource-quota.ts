import { persistentVolumeClaims, pods, resourceQuotas, services } from '../../../core/api/kinds.ts'
import { isInScope, scopeFactsOf, scopesOf } from '../../../core/api/rules/quota-scopes.ts'
import { addUsage, PLAIN_COUNTS, type Usage, usageOf } from '../../../core/api/rules/quota-usage.ts'
import type { PersistentVolumeClaim, Pod, ResourceQuota, Service } from '../../../core/api/types/core-v1.ts'
import type { Client } from '../../../core/client/client.ts'
import type { Discovery } from '../../../core/client/discovery.ts'
import type { Informer, InformerFactory, Lister } from '../../../core/client/informer.ts'
import { deepEqual } from '../../../core/meta/deep-equal.ts'
import { type KubeObject, keyOf, type ObjectKey } from '../../../core/meta/object.ts'
import { formatQuantity, parseQuantity, type Quantity, quantityOf, ZERO_QUANTITY } from '../../../core/meta/quantity.ts'
import { groupResourceOf, type ResourceType } from '../../../core/meta/resource-type.ts'
import { ignoreNotFound } from '../../../core/meta/status-error.ts'
import type { Clock } from '../../../core/runtime/clock.ts'
import { after, type Controller, done, type ReconcileContext, type Result, watch } from '../../runtime/controller.ts'

/**
 * Reports in `status` what a namespace uses of each quota; admission is what holds it to the limits.
 * Source: Kubernetes documentation, "Resource Quotas".
 */
export interface ResourceQuotaDeps {
  readonly client: Client
  readonly informers: InformerFactory
  readonly discovery: Discovery
  readonly quotas: Lister<ResourceQuota>
  readonly pods: Lister<Pod>
  readonly services: Lister<Service>
  readonly claims: Lister<PersistentVolumeClaim>
  readonly clock: Clock
}

/** What `typedUsage` counts. */
const TYPED_KINDS: ReadonlySet<string> = new Set(['pods', 'persistentvolumeclaims', 'services'])
/** A kind that is not served yet may be later. */
const UNKNOWN_KIND_MS = 60_000

export function resourceQuotaController(deps: ResourceQuotaDeps): Controller {
  const counters = new Counters(deps)
  const quotasAround = ({ metadata }: KubeObject): readonly ObjectKey[] => deps.quotas.list(metadata.namespace ?? '').map(keyOf)
  return {
    name: 'resourcequota',
    concurrency: 5,
    watches: [
      watch(resourceQuotas, (quota) => [keyOf(quota)]),
      watch(pods, quotasAround),
      watch(services, quotasAround),
      watch(persistentVolumeClaims, quotasAround),
    ],
    source: (enqueue, signal) => counters.run((object) => quotasAround(object).forEach(enqueue), signal),
    reconcile: (key, context) => reconcile(key, deps, counters, context),
  }
}

async function reconcile(key: ObjectKey, deps: ResourceQuotaDeps, counters: Counters, { signal }: ReconcileContext): Promise<Result> {
  const quota = deps.quotas.get(key)
  if (quota === undefined || quota.metadata.deletionTimestamp !== undefined) return done
  const { hard = {} } = quota.spec
  const usage = typedUsage(quota, deps)
  let complete = true
  for (const name of Object.keys(hard)) {
    const counted = scopesOf(quota).length > 0 ? undefined : countedKind(name)
    if (counted === undefined) continue
    const count = await counters.count(counted, quota.metadata.namespace ?? '', signal)
    if (count === undefined) complete = false
    else usage.set(name, quantityOf(count))
  }
  const status = { hard, used: planUsed(hard, usage) }
  if (!deepEqual(status, { hard: quota.status.hard ?? {}, used: quota.status.used ?? {} })) {
    await ignoreNotFound(deps.client.updateStatus(resourceQuotas, { ...quota, status }, { signal }))
  }
  return complete ? done : after(UNKNOWN_KIND_MS)
}

/** Of the kinds that are told apart by more than their number. */
function typedUsage(quota: ResourceQuota, deps: ResourceQuotaDeps): Map<string, Quantity> {
  const { namespace = '' } = quota.metadata
  const usage = new Map<string, Quantity>()
  const nowMs = deps.clock.now()
  for (const [type, lister] of [
    [pods, deps.pods],
    [persistentVolumeClaims, deps.claims],
    [services, deps.services],
  ] as const)
    for (const object of lister.list(namespace))
      if (isInScope(quota, scopeFactsOf(type, object))) addUsage(usage, usageOf(type, object, nowMs))
  return usage
}

/** In the format of the limit, so that the two read alike; what is not used stands as 0. */
export function planUsed(hard: Readonly<Record<string, string>>, usage: Usage): Readonly<Record<string, string>> {
  const entries = Object.entries(hard).map(([name, limit]) => {
    const { nano } = usage.get(name) ?? ZERO_QUANTITY
    return [name, formatQuantity({ nano, format: parseQuantity(limit).format })]
  })
  return Object.fromEntries(entries) as Record<string, string>
}

/** `deployments.apps` for `count/deployments.apps`, `secrets` for `secrets`; undefined for amounts and for what `typedUsage` counts. */
function countedKind(name: string): string | undefined {
  const counted = name.startsWith('count/') ? name.slice('count/'.length) : PLAIN_COUNTS.has(name) ? name : ''
  return counted === '' || TYPED_KINDS.has(counted) ? undefined : counted
}

/** Metadata informers of the kinds that quotas count, started when the first quota names one. */
class Counters {
  readonly #deps: ResourceQuotaDeps
  readonly #informers = new Map<string, Informer<KubeObject>>()
  #changed: (object: KubeObject) => void = () => {}

  constructor(deps: ResourceQuotaDeps) {
    this.#deps = deps
  }

  /** Only holds the callback: informers run on their own. */
  run(changed: (object: KubeObject) => void, signal: AbortSignal): Promise<void> {
    this.#changed = changed
    return new Promise((resolve) => {
      if (signal.aborted) resolve()
      else signal.addEventListener('abort', () => resolve(), { once: true })
    })
  }

  /** Undefined when nothing of that name is served. */
  async count(groupResource: string, namespace: string, signal: AbortSignal): Promise<number | undefined> {
    const informer = this.#informers.get(groupResource) ?? (await this.#start(groupResource, signal))
    return informer?.list(namespace).length
  }

  async #start(groupResource: string, signal: AbortSignal): Promise<Informer<KubeObject> | undefined> {
    const { resources } = await this.#deps.discovery.resources(signal)
    const found = resources.find(({ type, verbs }) => groupResourceOf(type) === groupResource && type.namespaced && verbs.includes('list'))
    if (found === undefined) return undefined
    const informer = this.#deps.informers.informer(found.type satisfies ResourceType<KubeObject>, { metadataOnly: true })
    this.#informers.set(groupResource, informer)
    informer.onChange((next, old) => {
      // Only coming and going changes a count.
      const object = next === undefined || old === undefined ? (next ?? old) : undefined
      if (object !== undefined) this.#changed(object)
    })
    await this.#deps.informers.waitForSync(signal)
    return informer
  }
}
