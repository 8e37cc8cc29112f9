import { endpointSlices, nodes, pods, services } from '../../../core/api/kinds.ts'
import type { Node, Pod, Service } from '../../../core/api/types/core-v1.ts'
import type { EndpointSlice } from '../../../core/api/types/discovery-v1.ts'
import type { Client } from '../../../core/client/client.ts'
import type { Informer, Lister } from '../../../core/client/informer.ts'
import type { EventRecorder } from '../../../core/client/recorder.ts'
import { keyOf, type ObjectKey } from '../../../core/meta/object.ts'
import { controllerReference } from '../../../core/meta/owner.ts'
import { matchesLabels } from '../../../core/meta/selector.ts'
import { isConflict } from '../../../core/meta/status-error.ts'
import type { Clock } from '../../../core/runtime/clock.ts'
import { type Controller, done, type ReconcileContext, type Result, watch } from '../../runtime/controller.ts'
import { Expectations } from '../../runtime/expectations.ts'
import { messageOf } from '../../runtime/failure.ts'
import { familiesOf, isHeadless, serviceSelector, servicesOf } from '../pod-endpoint.ts'
import { desiredEndpoints } from './desired.ts'
import { planSlices } from './plan.ts'
import { MANAGED_BY, SERVICE_NAME, SliceWriter, serviceKeysOf } from './write.ts'

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

const HEADLESS = 'service.kubernetes.io/headless'
const CONTROLLER = 'endpointslice-controller.k8s.io'
const BY_SERVICE = 'serviceOfSlice'
const ZONE = 'topology.kubernetes.io/zone'

export function endpointSliceController(deps: EndpointSliceDeps): Controller {
  const sliceServiceKeys = serviceKeysOf(CONTROLLER)
  deps.slices.addIndex(BY_SERVICE, sliceServiceKeys)
  const expectations = new Expectations(deps.slices, deps.clock)
  const zones = new Map<string, string | undefined>()
  return {
    name: 'endpointslice',
    concurrency: 5,
    watches: [
      watch(services, (service) => [keyOf(service)]),
      watch(pods, servicesOf(deps.services)),
      watch(endpointSlices, sliceServiceKeys),
      // Only the zone of a node stands in slices.
      watch(nodes, (node) => (rememberZone(zones, node) ? deps.services.list().map(keyOf) : [])),
    ],
    reconcile: (key, context) => reconcile(key, deps, expectations, context),
  }
}

function rememberZone(zones: Map<string, string | undefined>, { metadata }: Node): boolean {
  const zone = metadata.labels?.[ZONE]
  const changed = zones.get(metadata.name) !== zone
  zones.set(metadata.name, zone)
  return changed
}

async function reconcile(
  key: ObjectKey,
  deps: EndpointSliceDeps,
  expectations: Expectations<EndpointSlice>,
  { signal }: ReconcileContext,
): Promise<Result> {
  const service = deps.services.get(key)
  if (service === undefined) {
    // The garbage collector takes the slices with the Service.
    expectations.forget(key)
    return done
  }
  const selector = serviceSelector(service)
  if (selector === undefined || service.metadata.deletionTimestamp !== undefined) return done
  if (!expectations.satisfied(key)) return done
  const selected = deps.pods.list(service.metadata.namespace ?? '').filter(({ metadata }) => matchesLabels(selector, metadata.labels))
  const existing = deps.slices.byIndex(BY_SERVICE, key)
  const families = familiesOf(service)
  const owner = { reference: controllerReference(services, service), labels: labelsFor(service) }
  const writer = new SliceWriter(deps.client, expectations, key, signal)
  try {
    for (const family of families) {
      const own = existing.filter(({ addressType }) => addressType === family)
      const plan = planSlices(own, desiredEndpoints(service, selected, deps.nodes, family), owner.labels)
      await writer.carryOut(owner, family, plan)
    }
    await writer.remove(existing.filter(({ addressType }) => !families.some((family) => family === addressType)))
  } catch (err) {
    if (!isConflict(err) && !signal.aborted) {
      const message = `Error updating Endpoint Slices for Service ${key}: ${messageOf(err)}`
      deps.recorder.event(service, 'Warning', 'FailedToUpdateEndpointSlices', message)
    }
    throw err
  }
  return done
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
