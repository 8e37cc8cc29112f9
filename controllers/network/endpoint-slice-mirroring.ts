import { endpointSlices, endpoints as endpointsType, services } from '../../core/api/kinds.ts'
import type { EndpointAddress, EndpointSubset, Endpoints, Service } from '../../core/api/types/core-v1.ts'
import type { Endpoint, EndpointPort, EndpointSlice } from '../../core/api/types/discovery-v1.ts'
import type { Client } from '../../core/client/client.ts'
import type { Informer, Lister } from '../../core/client/informer.ts'
import { keyOf, type ObjectKey } from '../../core/meta/object.ts'
import { controllerReference } from '../../core/meta/owner.ts'
import type { Clock } from '../../core/runtime/clock.ts'
import { type Controller, done, type ReconcileContext, type Result, watch } from '../runtime/controller.ts'
import { Expectations } from '../runtime/expectations.ts'
import type { PortGroup } from './endpoint-slice/desired.ts'
import { portKey } from './endpoint-slice/desired.ts'
import { planSlices } from './endpoint-slice/plan.ts'
import { MANAGED_BY, SERVICE_NAME, SliceWriter, serviceKeysOf } from './endpoint-slice/write.ts'
import { familyOf, type IpFamily } from './pod-endpoint.ts'

/**
 * Copies Endpoints that a user wrote for a Service without selector into EndpointSlices, which is what proxies read.
 * Source: Kubernetes documentation, "EndpointSlices", mirroring.
 */
export interface MirroringDeps {
  readonly client: Client
  readonly services: Lister<Service>
  readonly endpoints: Lister<Endpoints>
  readonly slices: Informer<EndpointSlice>
  readonly clock: Clock
}

const CONTROLLER = 'endpointslicemirroring-controller.k8s.io'
const SKIP = 'endpointslice.kubernetes.io/skip-mirror'
const LEADER = 'control-plane.alpha.kubernetes.io/leader'
const BY_ENDPOINTS = 'endpointsOfMirror'
const MAX_PER_SUBSET = 1000

export function endpointSliceMirroringController(deps: MirroringDeps): Controller {
  const mirrorKeys = serviceKeysOf(CONTROLLER)
  deps.slices.addIndex(BY_ENDPOINTS, mirrorKeys)
  const expectations = new Expectations(deps.slices, deps.clock)
  return {
    name: 'endpointslicemirroring',
    concurrency: 5,
    watches: [
      watch(endpointsType, (endpoints) => [keyOf(endpoints)]),
      watch(services, (service) => [keyOf(service)]),
      watch(endpointSlices, mirrorKeys),
    ],
    reconcile: (key, context) => reconcile(key, deps, expectations, context),
  }
}

async function reconcile(
  key: ObjectKey,
  deps: MirroringDeps,
  expectations: Expectations<EndpointSlice>,
  { signal }: ReconcileContext,
): Promise<Result> {
  const endpoints = deps.endpoints.get(key)
  const service = deps.services.get(key)
  const existing = deps.slices.byIndex(BY_ENDPOINTS, key)
  if (!expectations.satisfied(key)) return done
  const writer = new SliceWriter(deps.client, expectations, key, signal)
  if (endpoints === undefined || service === undefined || !isMirrored(endpoints, service)) {
    await writer.remove(existing)
    return done
  }
  const labels = { ...endpoints.metadata.labels, [SERVICE_NAME]: endpoints.metadata.name, [MANAGED_BY]: CONTROLLER }
  const owner = { reference: controllerReference(endpointsType, endpoints), labels }
  for (const family of ['IPv4', 'IPv6'] as const) {
    const own = existing.filter(({ addressType }) => addressType === family)
    const wanted = desiredMirror(endpoints.subsets ?? [], family)
    if (wanted.size === 0) await writer.remove(own)
    else await writer.carryOut(owner, family, planSlices(own, wanted, labels))
  }
  return done
}

/** A Service with a selector has slices of its own; leader elections and opted-out objects are no endpoints at all. */
function isMirrored({ metadata }: Endpoints, service: Service): boolean {
  return service.spec.selector === undefined && metadata.labels?.[SKIP] !== 'true' && metadata.annotations?.[LEADER] === undefined
}

/** Addresses of one family, grouped by ports; at most a thousand of each subset. */
export function desiredMirror(subsets: readonly EndpointSubset[], family: IpFamily): ReadonlyMap<string, PortGroup> {
  const groups = new Map<string, { readonly ports: readonly EndpointPort[]; readonly endpoints: Endpoint[] }>()
  for (const { addresses = [], notReadyAddresses = [], ports = [] } of subsets) {
    const slicePorts = ports.map(({ name = '', port, protocol = 'TCP', appProtocol }) => ({
      name,
      port,
      protocol,
      ...(appProtocol !== undefined && { appProtocol }),
    }))
    const members = [...addresses.map((each) => toEndpoint(each, true)), ...notReadyAddresses.map((each) => toEndpoint(each, false))]
      .filter(({ addresses: [ip = ''] }) => familyOf(ip) === family)
      .slice(0, MAX_PER_SUBSET)
    if (members.length === 0) continue
    const key = portKey(slicePorts)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, { ports: slicePorts, endpoints: members })
    else group.endpoints.push(...members)
  }
  return groups
}

function toEndpoint({ ip, hostname, nodeName, targetRef }: EndpointAddress, ready: boolean): Endpoint {
  return {
    addresses: [ip],
    conditions: { ready },
    ...(hostname !== undefined && hostname !== '' && { hostname }),
    ...(targetRef !== undefined && { targetRef }),
    ...(nodeName !== undefined && { nodeName }),
  }
}
