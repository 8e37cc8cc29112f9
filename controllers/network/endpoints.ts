import { endpoints as endpointsType, pods, services } from '../../core/api/kinds.ts'
import type { EndpointAddress, EndpointPort, EndpointSubset, Endpoints, Pod, Service } from '../../core/api/types/core-v1.ts'
import type { Client } from '../../core/client/client.ts'
import type { Lister } from '../../core/client/informer.ts'
import type { EventRecorder } from '../../core/client/recorder.ts'
import { deepEqual } from '../../core/meta/deep-equal.ts'
import { keyOf, type ObjectKey, splitKey } from '../../core/meta/object.ts'
import { matchesLabels } from '../../core/meta/selector.ts'
import { ignoreNotFound, isAlreadyExists, isConflict } from '../../core/meta/status-error.ts'
import { type Controller, done, type ReconcileContext, type Result, watch } from '../runtime/controller.ts'
import { isNamespaceTerminating, messageOf } from '../runtime/failure.ts'
import { isReady } from '../runtime/pod.ts'
import {
  addressesOf,
  familiesOf,
  familyOf,
  hasEndpoint,
  hostnameIn,
  isHeadless,
  podReference,
  portText,
  serviceSelector,
  servicesOf,
  targetPort,
} from './pod-endpoint.ts'

/**
 * Writes the older Endpoints object of every Service that selects pods: one family, at most 1000 addresses.
 * Source: Kubernetes documentation, "Service", Endpoints.
 */
export interface EndpointsDeps {
  readonly client: Client
  readonly services: Lister<Service>
  readonly pods: Lister<Pod>
  readonly endpoints: Lister<Endpoints>
  readonly recorder: EventRecorder
}

const HEADLESS = 'service.kubernetes.io/headless'
const MANAGED_BY = 'endpoints.kubernetes.io/managed-by'
const CONTROLLER = 'endpoint-controller'
const OVER_CAPACITY = 'endpoints.kubernetes.io/over-capacity'
const MAX_ADDRESSES = 1000

export function endpointsController(deps: EndpointsDeps): Controller {
  return {
    name: 'endpoints',
    concurrency: 5,
    watches: [
      watch(services, (service) => [keyOf(service)]),
      watch(pods, servicesOf(deps.services)),
      watch(endpointsType, (endpoints) => [keyOf(endpoints)]),
    ],
    reconcile: (key, context) => reconcile(key, deps, context),
  }
}

async function reconcile(key: ObjectKey, deps: EndpointsDeps, { signal }: ReconcileContext): Promise<Result> {
  const service = deps.services.get(key)
  const existing = deps.endpoints.get(key)
  if (service === undefined) {
    // Only what this controller wrote: leader elections of old use Endpoints without a Service.
    if (existing?.metadata.labels?.[MANAGED_BY] === CONTROLLER)
      await ignoreNotFound(deps.client.delete(endpointsType, splitKey(key), { signal }))
    return done
  }
  const selector = serviceSelector(service)
  if (selector === undefined) return done
  const selected = deps.pods.list(service.metadata.namespace ?? '').filter(({ metadata }) => matchesLabels(selector, metadata.labels))
  const planned = planEndpoints(service, selected, existing)
  if (existing !== undefined && isSame(existing, planned)) return done
  try {
    if (existing === undefined) await deps.client.create(endpointsType, planned, { signal })
    else await deps.client.update(endpointsType, planned, { signal })
  } catch (err) {
    if (isNamespaceTerminating(err)) return done
    if (!isConflict(err) && !isAlreadyExists(err) && !signal.aborted) {
      const reason = existing === undefined ? 'FailedToCreateEndpoint' : 'FailedToUpdateEndpoint'
      const verb = existing === undefined ? 'create' : 'update'
      deps.recorder.event(service, 'Warning', reason, `Failed to ${verb} endpoint ${key}: ${messageOf(err)}`)
    }
    throw err
  }
  return done
}

/** The whole object as it should be, on top of what others keep in its metadata. */
export function planEndpoints(service: Service, pods: readonly Pod[], existing: Endpoints | undefined): Endpoints {
  const subsets = planSubsets(service, pods)
  const { limited, truncated } = limit(subsets)
  const labels: Record<string, string> = { ...service.metadata.labels, [MANAGED_BY]: CONTROLLER }
  delete labels[HEADLESS]
  if (isHeadless(service)) labels[HEADLESS] = ''
  const annotations: Record<string, string> = { ...existing?.metadata.annotations }
  delete annotations[OVER_CAPACITY]
  if (truncated) annotations[OVER_CAPACITY] = 'truncated'
  const { namespace, name } = service.metadata
  const metadata = { ...existing?.metadata, namespace, name, labels, ...(Object.keys(annotations).length > 0 && { annotations }) }
  return {
    ...existing,
    metadata: metadata as Endpoints['metadata'],
    ...(limited.length > 0 ? { subsets: limited } : { subsets: undefined }),
  }
}

interface Place {
  readonly port: EndpointPort | undefined
  readonly address: EndpointAddress
  readonly ready: boolean
}

function planSubsets(service: Service, pods: readonly Pod[]): readonly EndpointSubset[] {
  const [family] = familiesOf(service)
  const tolerant = service.spec.publishNotReadyAddresses === true
  const places: Place[] = []
  for (const pod of pods) {
    if (!hasEndpoint(pod) || (pod.metadata.deletionTimestamp !== undefined && !tolerant)) continue
    const ip = addressesOf(pod).find((address) => familyOf(address) === family)
    if (ip === undefined) continue
    const hostname = hostnameIn(pod, service)
    const { nodeName } = pod.spec
    const address = {
      ip,
      ...(hostname !== undefined && { hostname }),
      ...(nodeName !== undefined && { nodeName }),
      targetRef: podReference(pod),
    }
    const ready = tolerant || isReady(pod)
    const ports = service.spec.ports ?? []
    if (ports.length === 0 && isHeadless(service)) places.push({ port: undefined, address, ready })
    for (const servicePort of ports) {
      const port = targetPort(pod, servicePort)
      const { name, protocol = 'TCP', appProtocol } = servicePort
      if (port === undefined) continue
      const named = {
        ...(name !== undefined && name !== '' && { name }),
        port,
        protocol,
        ...(appProtocol !== undefined && { appProtocol }),
      }
      places.push({ port: named, address, ready })
    }
  }
  return repack(places)
}

/** Addresses with equal ports and readiness share a subset; all is sorted, so that equal states have equal bytes. */
function repack(places: readonly Place[]): readonly EndpointSubset[] {
  const byAddress = new Map<string, { readonly address: EndpointAddress; readonly ready: boolean; readonly ports: EndpointPort[] }>()
  for (const { address, ready, port } of places) {
    const id = `${address.targetRef?.uid ?? ''}|${address.ip}`
    let entry = byAddress.get(id)
    if (entry === undefined) byAddress.set(id, (entry = { address, ready, ports: [] }))
    if (port !== undefined) entry.ports.push(port)
  }
  const groups = new Map<
    string,
    { readonly ports: readonly EndpointPort[]; readonly ready: EndpointAddress[]; readonly notReady: EndpointAddress[] }
  >()
  for (const { address, ready, ports } of byAddress.values()) {
    ports.sort((a, b) => compare(portText(a), portText(b)))
    const key = ports.map(portText).join()
    let group = groups.get(key)
    if (group === undefined) groups.set(key, (group = { ports, ready: [], notReady: [] }))
    ;(ready ? group.ready : group.notReady).push(address)
  }
  return [...groups.entries()]
    .sort(([a], [b]) => compare(a, b))
    .map(([, { ports, ready, notReady }]) => ({
      ...(ready.length > 0 && { addresses: ready.sort(byIp) }),
      ...(notReady.length > 0 && { notReadyAddresses: notReady.sort(byIp) }),
      ...(ports.length > 0 && { ports }),
    }))
}

/** Keeps ready addresses before others when there are too many. */
function limit(subsets: readonly EndpointSubset[]): { readonly limited: readonly EndpointSubset[]; readonly truncated: boolean } {
  const total = subsets.reduce((sum, { addresses = [], notReadyAddresses = [] }) => sum + addresses.length + notReadyAddresses.length, 0)
  if (total <= MAX_ADDRESSES) return { limited: subsets, truncated: false }
  let left = MAX_ADDRESSES
  const take = (addresses: readonly EndpointAddress[] = []): readonly EndpointAddress[] => {
    const taken = addresses.slice(0, left)
    left -= taken.length
    return taken
  }
  const ready = subsets.map(({ addresses }) => take(addresses))
  const notReady = subsets.map(({ notReadyAddresses }) => take(notReadyAddresses))
  const limited = subsets.map(({ ports }, index) => ({
    ...((ready[index]?.length ?? 0) > 0 && { addresses: ready[index] }),
    ...((notReady[index]?.length ?? 0) > 0 && { notReadyAddresses: notReady[index] }),
    ...(ports !== undefined && { ports }),
  }))
  return {
    limited: limited.filter(({ addresses, notReadyAddresses }) => addresses !== undefined || notReadyAddresses !== undefined),
    truncated: true,
  }
}

function isSame(existing: Endpoints, planned: Endpoints): boolean {
  return (
    deepEqual(existing.subsets, planned.subsets) &&
    deepEqual(existing.metadata.labels, planned.metadata.labels) &&
    deepEqual(existing.metadata.annotations, planned.metadata.annotations)
  )
}

function byIp(a: EndpointAddress, b: EndpointAddress): number {
  return compare(`${a.ip}|${a.targetRef?.uid ?? ''}`, `${b.ip}|${b.targetRef?.uid ?? ''}`)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
