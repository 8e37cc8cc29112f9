import type { Node, Pod, Service } from '../../../core/api/types/core-v1.ts'
import type { Endpoint, EndpointHints, EndpointPort } from '../../../core/api/types/discovery-v1.ts'
import type { Lister } from '../../../core/client/informer.ts'
import { isReady } from '../../runtime/pod.ts'
import { addressesOf, familyOf, hasEndpoint, hostnameIn, type IpFamily, podReference, portText, targetPort } from '../pod-endpoint.ts'

/** Endpoints that share their ports, and with them their slices. */
export interface PortGroup {
  readonly ports: readonly EndpointPort[]
  readonly endpoints: readonly Endpoint[]
}

const ZONE = 'topology.kubernetes.io/zone'

/** Groups of endpoints of one family by the ports that their pods really have. Key: the ports as text. */
export function desiredEndpoints(
  service: Service,
  pods: readonly Pod[],
  nodes: Lister<Node>,
  family: IpFamily,
): ReadonlyMap<string, PortGroup> {
  const groups = new Map<string, { readonly ports: readonly EndpointPort[]; readonly endpoints: Endpoint[] }>()
  for (const pod of pods) {
    const addresses = hasEndpoint(pod) ? addressesOf(pod).filter((address) => familyOf(address) === family) : []
    const [address] = addresses
    if (address === undefined) continue
    const ports = portsOf(service, pod)
    const key = portKey(ports)
    let group = groups.get(key)
    if (group === undefined) groups.set(key, (group = { ports, endpoints: [] }))
    group.endpoints.push(toEndpoint(service, pod, address, nodes))
  }
  return groups
}

function portsOf({ spec }: Service, pod: Pod): readonly EndpointPort[] {
  const ports: EndpointPort[] = []
  for (const servicePort of spec.ports ?? []) {
    const port = targetPort(pod, servicePort)
    const { name = '', protocol = 'TCP', appProtocol } = servicePort
    if (port !== undefined) ports.push({ name, protocol, port, ...(appProtocol !== undefined && { appProtocol }) })
  }
  return ports
}

/** The same for the same ports in whatever order. */
export function portKey(ports: readonly EndpointPort[]): string {
  return ports.map(portText).sort().join(',')
}

function toEndpoint(service: Service, pod: Pod, address: string, nodes: Lister<Node>): Endpoint {
  const serving = isReady(pod)
  const terminating = pod.metadata.deletionTimestamp !== undefined
  const ready = service.spec.publishNotReadyAddresses === true || (serving && !terminating)
  const { nodeName } = pod.spec
  const zone = nodeName === undefined ? undefined : nodes.get(nodeName)?.metadata.labels?.[ZONE]
  const hostname = hostnameIn(pod, service)
  const hints = ready ? hintsFor(service.spec.trafficDistribution, zone, nodeName) : undefined
  return {
    addresses: [address],
    conditions: { ready, serving, terminating },
    ...(hostname !== undefined && { hostname }),
    targetRef: podReference(pod),
    ...(nodeName !== undefined && nodeName !== '' && { nodeName }),
    ...(zone !== undefined && { zone }),
    ...(hints !== undefined && { hints }),
  }
}

/** Source: Kubernetes documentation, "Service", traffic distribution. */
function hintsFor(distribution: string | undefined, zone: string | undefined, nodeName: string | undefined): EndpointHints | undefined {
  const forZones = zone === undefined ? {} : { forZones: [{ name: zone }] }
  if (distribution === 'PreferSameNode') return { ...forZones, ...(nodeName !== undefined && { forNodes: [{ name: nodeName }] }) }
  const near = distribution === 'PreferClose' || distribution === 'PreferSameZone'
  return near && zone !== undefined ? forZones : undefined
}
