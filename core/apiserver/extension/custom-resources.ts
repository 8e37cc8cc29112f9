import { customResourceDefinitions } from '../../api/kinds.ts'
import type { CustomResourceDefinition } from '../../api/types/apiextensions-v1.ts'
import type { KubeObject } from '../../meta/object.ts'
import { apiVersionOf } from '../../meta/resource-type.ts'
import { isConflict, isNotFound } from '../../meta/status-error.ts'
import { toTimestamp } from '../../meta/time.ts'
import type { Logger } from '../../observability/log.ts'
import type { Clock } from '../../runtime/clock.ts'
import { WorkQueue } from '../../runtime/work-queue.ts'
import type { ObjectReader } from '../admission/admission.ts'
import type { Caches } from '../cache/caches.ts'
import type { Handler } from '../request.ts'
import type { ResourceTable } from '../resource-table.ts'
import type { WebhookClient } from '../admission/webhook/client.ts'
import { type Convert, webhookConverter } from './conversion-webhook.ts'
import { customResourceDefs, storagePrefixOf } from './custom-resource.ts'
import { CLEANUP_FINALIZER } from './definition/hooks.ts'
import { isEstablished, planStatus, withCondition } from './definition/status.ts'
import { type OwnRequest, ownRequests } from './own-requests.ts'

export interface CustomResourcesDeps {
  /** Served kinds come and go here. */
  readonly resources: ResourceTable
  readonly caches: Pick<Caches, 'add' | 'remove'>
  readonly reader: ObjectReader
  /** The API server: statuses, finalizers and deletions take the way of every write. */
  readonly handle: Handler
  /** Asks conversion webhooks. */
  readonly webhooks: Pick<WebhookClient, 'call'>
  readonly clock: Clock
  readonly log: Logger
  /** Ends it; `done` then resolves. */
  readonly signal: AbortSignal
}

export interface CustomResources {
  readonly done: Promise<void>
}

const DEFINITIONS = { group: customResourceDefinitions.group, resource: customResourceDefinitions.resource }

/**
 * Serves custom kinds: every CustomResourceDefinition gets its names accepted, its caches loaded and its versions into the
 * resource table, before it is told to be established; a deleted one loses its objects first. Resolves when every kind
 * that was established before is served. Level-triggered: each pass looks at the definition as it is.
 */
export async function startCustomResources(deps: CustomResourcesDeps): Promise<CustomResources> {
  const worker = new Worker(deps)
  await worker.serveEstablished()
  return { done: worker.run() }
}

class Worker {
  readonly #deps: CustomResourcesDeps
  readonly #request: OwnRequest
  readonly #queue: WorkQueue<string>
  readonly #convert: Convert
  /** What is served of a definition, told apart by what it was made from. */
  readonly #served = new Map<string, { readonly crd: CustomResourceDefinition; readonly fingerprint: string }>()
  /** Removers of the listeners that wait for a deleted kind's last object. */
  readonly #waiting = new Map<string, () => void>()

  constructor(deps: CustomResourcesDeps) {
    this.#deps = deps
    this.#request = ownRequests(deps.handle, deps.signal)
    this.#convert = webhookConverter(deps.webhooks)
    this.#queue = new WorkQueue({ clock: deps.clock, maxMs: 30_000 })
  }

  async serveEstablished(): Promise<void> {
    for (const crd of this.#all()) if (isEstablished(crd)) await this.#serve(crd)
  }

  async run(): Promise<void> {
    const { reader, signal } = this.#deps
    const stop = reader.onChange(DEFINITIONS, (changed) => {
      if (changed === undefined) this.#addAll()
      else this.#queue.add(changed.name)
    })
    const shutDown = (): void => {
      this.#queue.shutDown()
    }
    if (signal.aborted) shutDown()
    signal.addEventListener('abort', shutDown, { once: true })
    this.#addAll()
    for (let name = await this.#queue.take(); name !== undefined; name = await this.#queue.take()) await this.#work(name)
    signal.removeEventListener('abort', shutDown)
    for (const remove of this.#waiting.values()) remove()
    stop()
  }

  #all(): readonly CustomResourceDefinition[] {
    return this.#deps.reader.list<CustomResourceDefinition>(DEFINITIONS)
  }

  #addAll(): void {
    for (const name of new Set([...this.#served.keys(), ...this.#all().map((crd) => crd.metadata.name)])) this.#queue.add(name)
  }

  async #work(name: string): Promise<void> {
    try {
      await this.#reconcile(name)
      this.#queue.forget(name)
    } catch (err) {
      if (!this.#deps.signal.aborted) this.#retry(name, err)
    } finally {
      this.#queue.done(name)
    }
  }

  #retry(name: string, err: unknown): void {
    const delayMs = this.#queue.addRateLimited(name)
    const isExpected = isConflict(err) || isNotFound(err)
    if (!isExpected && delayMs > 5_000) this.#deps.log.warn({ err, definition: name }, 'CustomResourceDefinition cannot be served yet')
  }

  async #reconcile(name: string): Promise<void> {
    const crd = this.#deps.reader.get<CustomResourceDefinition>(DEFINITIONS, '', name)
    const served = this.#served.get(name)
    if (served !== undefined && served.crd.metadata.uid !== crd?.metadata.uid) this.#stopServing(name, served.crd)
    if (crd === undefined) return
    const isTerminating = crd.metadata.deletionTimestamp !== undefined
    const status = isTerminating ? crd.status : planStatus(crd, this.#all(), toTimestamp(this.#deps.clock.now()))
    const planned = { ...crd, status }
    if (isEstablished(planned)) await this.#serve(planned)
    if (status !== crd.status) await this.#writeStatus(planned)
    if (isTerminating && crd.metadata.finalizers?.includes(CLEANUP_FINALIZER) === true) await this.#terminate(crd)
  }

  async #serve(crd: CustomResourceDefinition): Promise<void> {
    const { name } = crd.metadata
    const fingerprint = JSON.stringify([crd.spec, crd.status.acceptedNames, crd.status.storedVersions, crd.metadata.deletionTimestamp])
    const served = this.#served.get(name)
    if (served?.fingerprint === fingerprint) return
    const defs = customResourceDefs(crd, this.#convert)
    const storagePrefix = storagePrefixOf(crd)
    // Selectable fields are kept with each cached object, so other fields mean another cache.
    const wantsReload = served !== undefined && JSON.stringify(fieldsOf(served.crd)) !== JSON.stringify(fieldsOf(crd))
    if (wantsReload) this.#deps.caches.remove(storagePrefix)
    const selectableFields = defs.find((def) => def.selectableFields !== undefined)?.selectableFields
    const namespaced = crd.spec.scope === 'Namespaced'
    await this.#deps.caches.add({ storagePrefix, namespaced, ...(selectableFields !== undefined && { selectableFields }) })
    this.#served.set(name, { crd, fingerprint })
    this.#deps.resources.replace(name, defs)
  }

  /** The definition is gone, and with it its objects; names it held are free for others of its group. */
  #stopServing(name: string, crd: CustomResourceDefinition): void {
    this.#served.delete(name)
    this.#waiting.get(name)?.()
    this.#waiting.delete(name)
    this.#deps.resources.replace(name, [])
    this.#deps.caches.remove(storagePrefixOf(crd))
    for (const other of this.#all()) if (other.spec.group === crd.spec.group) this.#queue.add(other.metadata.name)
  }

  async #writeStatus(crd: CustomResourceDefinition): Promise<void> {
    await this.#request('PUT', `${pathOf(crd)}/status`, {
      ...crd,
      kind: customResourceDefinitions.kind,
      apiVersion: apiVersionOf(customResourceDefinitions),
    })
  }

  /** Source: apiextensions, finalizing controller. */
  async #terminate(crd: CustomResourceDefinition): Promise<void> {
    const now = toTimestamp(this.#deps.clock.now())
    const condition = {
      type: 'Terminating',
      status: 'True',
      reason: 'InstanceDeletionInProgress',
      message: 'CustomResource deletion is in progress',
    }
    const conditions = withCondition(crd.status.conditions, condition, now)
    if (conditions !== crd.status.conditions) {
      // The write brings us back here.
      await this.#writeStatus({ ...crd, status: { ...crd.status, conditions } })
      return
    }
    if (await this.#deleteObjects(crd)) {
      const finalizers = crd.metadata.finalizers?.filter((finalizer) => finalizer !== CLEANUP_FINALIZER) ?? []
      await this.#request('PUT', pathOf(crd), { ...crd, metadata: { ...crd.metadata, finalizers } })
    }
  }

  /** True when none is left. Objects that their own finalizers hold come back here when they change. */
  async #deleteObjects(crd: CustomResourceDefinition): Promise<boolean> {
    const { name } = crd.metadata
    const target = { group: crd.spec.group, resource: crd.status.acceptedNames.plural }
    if (target.resource === '' || !isEstablished(crd)) return true
    if (!this.#waiting.has(name))
      this.#waiting.set(
        name,
        this.#deps.reader.onChange(target, () => this.#queue.add(name)),
      )
    for (const object of this.#deps.reader.list<KubeObject>(target)) {
      if (object.metadata.deletionTimestamp === undefined) await this.#deleteObject(crd, object)
    }
    return this.#deps.reader.list(target).length === 0
  }

  async #deleteObject(crd: CustomResourceDefinition, { metadata }: KubeObject): Promise<void> {
    // The stored version needs no conversion, which may long be out of order.
    const version = crd.spec.versions.find(({ storage }) => storage)?.name ?? ''
    const namespace = crd.spec.scope === 'Namespaced' ? `/namespaces/${metadata.namespace ?? ''}` : ''
    const path = `/apis/${crd.spec.group}/${version}${namespace}/${crd.spec.names.plural}/${encodeURIComponent(metadata.name)}`
    const options = { kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy: 'Background', preconditions: { uid: metadata.uid } }
    try {
      await this.#request('DELETE', path, options)
    } catch (err) {
      if (!isNotFound(err) && !isConflict(err)) throw err
    }
  }
}

function pathOf(crd: CustomResourceDefinition): string {
  return `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${encodeURIComponent(crd.metadata.name)}`
}

function fieldsOf(crd: CustomResourceDefinition): unknown {
  return crd.spec.versions.map(({ selectableFields }) => selectableFields ?? [])
}
