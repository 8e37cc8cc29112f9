import { endpointSlices, nodes, pods, services } from '../../../core/api/kinds.ts'
import type { Node, Pod, Service } from '../../../core/api/types/core-v1.ts'
import type { EndpointSlice } from '../../../core/api/types/discovery-v1.ts'
import type { Client } from '../../../core/client/client.ts'
import type { Informer, Lister } from '../../../core/client/informer.ts'
import type { EventRecorder } from '../../../core/client/recorder.ts'
import { keyOf, type ObjectKey, objectKey } from '../../../core/meta/object.ts'
import { controllerReference } from '../../../core/meta/owner.ts'
import { matchesLabels } from '../../../core/meta/selector.ts'
import { ignoreNotFound, isConflict } from '../../../core/meta/status-error.ts'
import type { Clock } from '../../../core/runtime/clock.ts'
import { type Controller, done, type ReconcileContext, type Result, watch } from '../../runtime/controller.ts'
import { Expectations } from '../../runtime/expectations.ts'
import { isNamespaceTerminating, messageOf } from '../../runtime/failure.ts'
import { familiesOf, type IpFamily, isHeadless, serviceSelector, servicesOf } from '../pod-endpoint.ts'
import { desiredEndpoints } from './desired.ts'
import { planSlices, type SlicePlan } from './plan.ts'

/**
 * Writes the EndpointSlices of every Service that selects pods. Source: Kubernetes documentation, "EndpointSlices".
 */
export interface EndpointSliceDeps {
  readonly client: Client
  readonly services: Lister<Service>
  readonly pods: Lister<Pod>
  readonly nodes: Lister<Node>
  readonly slices: Informer<EndpointSlice>
  readonly recorder: EventRecorder
  readonly clock: Clock
}

export const SERVICE_NAME = 'kubernetes.io/service-name'
export const MANAGED_BY = 'endpointslice.kubernetes.io/managed-by'
const HEADLESS = 'service.kubernetes.io/headless'
const CONTROLLER = 'endpointslice-controller.k8s.io'
const BY_SERVICE = 'serviceOfSlice'
const ZONE = 'topology.kubernetes.io/zone'

export function endpointSliceController(deps: EndpointSliceDeps): Controller {
  deps.slices.addIndex(BY_SERVICE, sliceServiceKeys)
  const expectations = new Expectations(deps.slices, deps.clock)
  const zones = new Map<string, string | undefined>()
  return {
    name: 'endpointslice',
    concurrency: 5,
    watches: [
      watch(services, (service) => [keyOf(service)]),
      watch(pods, servicesOf(deps.services)),
      watch(endpointSlices, (slice) => sliceServiceKeys(slice) as readonly ObjectKey[]),
      // Only the zone of a node stands in slices.
      watch(nodes, (node) => (rememberZone(zones, node) ? deps.services.list().map(keyOf) : [])),
    ],
    reconcile: (key, context) => new Sync(deps, expectations, context).reconcile(key),
  }
}

function sliceServiceKeys({ metadata }: EndpointSlice): readonly string[] {
  const service = metadata.labels?.[SERVICE_NAME]
  if (service === undefined || metadata.labels?.[MANAGED_BY] !== CONTROLLER) return []
  return [objectKey(metadata.namespace, service)]
}

function rememberZone(zones: Map<string, string | undefined>, { metadata }: Node): boolean {
  const zone = metadata.labels?.[ZONE]
  const changed = zones.get(metadata.name) !== zone
  zones.set(metadata.name, zone)
  return changed
}

class Sync {
  readonly #deps: EndpointSliceDeps
  readonly #expectations: Expectations<EndpointSlice>
  readonly #context: ReconcileContext

  constructor(deps: EndpointSliceDeps, expectations: Expectations<EndpointSlice>, context: ReconcileContext) {
    this.#deps = deps
    this.#expectations = expectations
    this.#context = context
  }

  async reconcile(key: ObjectKey): Promise<Result> {
    const service = this.#deps.services.get(key)
    if (service === undefined) {
      this.#expectations.forget(key)
      // The garbage collector takes the slices with the Service; this is for those that lost their reference.
      return done
    }
    const selector = serviceSelector(service)
    if (selector === undefined || service.metadata.deletionTimestamp !== undefined) return done
    if (!this.#expectations.satisfied(key)) return done
    const selected = this.#deps.pods
      .list(service.metadata.namespace ?? '')
      .filter(({ metadata }) => matchesLabels(selector, metadata.labels))
    const existing = this.#deps.slices.byIndex(BY_SERVICE, key)
    const families = familiesOf(service)
    try {
      for (const family of families) {
        const own = existing.filter(({ addressType }) => addressType === family)
        const plan = planSlices(own, desiredEndpoints(service, selected, this.#deps.nodes, family), labelsFor(service))
        await this.#carryOut(service, key, family, plan)
      }
      for (const slice of existing.filter(({ addressType }) => !families.some((family) => family === addressType)))
        await this.#remove(key, slice)
    } catch (err) {
      if (!isConflict(err) && !this.#context.signal.aborted) {
        const message = `Error updating Endpoint Slices for Service ${key}: ${messageOf(err)}`
        this.#deps.recorder.event(service, 'Warning', 'FailedToUpdateEndpointSlices', message)
      }
      throw err
    }
    return done
  }

  async #carryOut(service: Service, key: ObjectKey, addressType: IpFamily, plan: SlicePlan): Promise<void> {
    const { client } = this.#deps
    const { signal } = this.#context
    const { namespace, name } = service.metadata
    for (const { ports, endpoints } of plan.create) {
      const metadata = {
        namespace,
        generateName: `${name}-`,
        labels: labelsFor(service),
        ownerReferences: [controllerReference(services, service)],
      }
      try {
        this.#expectations.created(key, await client.create(endpointSlices, { metadata, addressType, ports, endpoints }, { signal }))
      } catch (err) {
        if (isNamespaceTerminating(err)) return
        throw err
      }
    }
    for (const slice of plan.update) await client.update(endpointSlices, slice, { signal })
    for (const slice of plan.remove) await this.#remove(key, slice)
  }

  async #remove(key: ObjectKey, slice: EndpointSlice): Promise<void> {
    await ignoreNotFound(this.#deps.client.delete(endpointSlices, slice.metadata, { signal: this.#context.signal }))
    this.#expectations.deleted(key, slice)
  }
}

/** The Service's own labels, and those that say whose the slice is. */
function labelsFor(service: Service): Readonly<Record<string, string>> {
  const labels: Record<string, string> = { ...service.metadata.labels }
  delete labels[HEADLESS]
  labels[SERVICE_NAME] = service.metadata.name
  labels[MANAGED_BY] = CONTROLLER
  if (isHeadless(service)) labels[HEADLESS] = ''
  return labels
}
