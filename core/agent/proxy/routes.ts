import { createHash } from 'node:crypto'
import { lastingContainers } from '../../api/rules/pod-containers.ts'
import type { Pod, Service, ServicePort } from '../../api/types/core-v1.ts'
import type { EndpointSlice } from '../../api/types/discovery-v1.ts'

/** One port of one service with the endpoints it leads to; the input of the packet filter. IPv4. */
export interface Route {
  /** `namespace/name:port`, for people. */
  readonly label: string
  /** Short stable name of its chains. */
  readonly id: string
  readonly protocol: Protocol
  readonly clusterPort: number
  readonly clusterIps: readonly string[]
  /** External and load balancer addresses, reached by the external traffic policy. */
  readonly externalIps: readonly string[]
  readonly nodePort: number | undefined
  /** For traffic inside the cluster, narrowed by internalTrafficPolicy. */
  readonly endpoints: readonly Endpoint[]
  /** For traffic from outside, narrowed by externalTrafficPolicy. */
  readonly externalEndpoints: readonly Endpoint[]
  /** Client address sticks to an endpoint this long; absent: no affinity. */
  readonly affinitySeconds: number | undefined
  /** Only these networks may use load balancer addresses; empty: all. */
  readonly sourceRanges: readonly string[]
}

export type Protocol = 'tcp' | 'udp' | 'sctp'

export interface Endpoint {
  readonly ip: string
  readonly port: number
  /** On this node: the client's address can be kept. */
  readonly local: boolean
}

/** A container port published on the node's own addresses. */
export interface HostPort {
  readonly protocol: Protocol
  readonly port: number
  /** Empty: all addresses of the node. */
  readonly hostIp: string
  readonly podIp: string
  readonly podPort: number
}

/** Routes of one service. Headless and ExternalName services have none. Source: Kubernetes docs, virtual IPs and service proxies. */
export function routesOf(service: Service, slices: readonly EndpointSlice[], nodeName: string): readonly Route[] {
  const { spec } = service
  const clusterIps = (spec.clusterIPs ?? (spec.clusterIP === undefined ? [] : [spec.clusterIP])).filter(isIpv4)
  if (spec.type === 'ExternalName' || clusterIps.length === 0) return []
  const balancers = (service.status.loadBalancer.ingress ?? [])
    .filter((ingress) => ingress.ip !== undefined && ingress.ipMode !== 'Proxy')
    .map((ingress) => ingress.ip ?? '')
  const externalIps = [...new Set([...(spec.externalIPs ?? []), ...balancers])].filter(isIpv4)
  return (spec.ports ?? []).map((port) => {
    const all = endpointsOf(port, slices, nodeName)
    const label = `${service.metadata.namespace ?? ''}/${service.metadata.name}:${port.name ?? port.port}`
    return {
      label,
      id: createHash('sha256')
        .update(`${label}/${port.protocol ?? 'TCP'}`)
        .digest('hex')
        .slice(0, 16),
      protocol: protocolOf(port.protocol),
      clusterPort: port.port,
      clusterIps,
      externalIps,
      nodePort: port.nodePort === 0 ? undefined : port.nodePort,
      endpoints: spec.internalTrafficPolicy === 'Local' ? all.filter((endpoint) => endpoint.local) : all,
      externalEndpoints: spec.externalTrafficPolicy === 'Local' ? all.filter((endpoint) => endpoint.local) : all,
      affinitySeconds: spec.sessionAffinity === 'ClientIP' ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 10_800) : undefined,
      sourceRanges:
        spec.type === 'LoadBalancer' ? (spec.loadBalancerSourceRanges ?? []).filter((range) => isIpv4(range.split('/')[0] ?? '')) : [],
    }
  })
}

/** Ready endpoints; when there is none, those that still serve while they terminate. Sorted, so that equal input gives equal rules. */
function endpointsOf(port: ServicePort, slices: readonly EndpointSlice[], nodeName: string): readonly Endpoint[] {
  const ready = new Map<string, Endpoint>()
  const draining = new Map<string, Endpoint>()
  for (const slice of slices) {
    if (slice.addressType !== 'IPv4') continue
    const target = slice.ports.find(
      (candidate) => (candidate.name ?? '') === (port.name ?? '') && (candidate.protocol ?? 'TCP') === (port.protocol ?? 'TCP'),
    )?.port
    if (target === undefined) continue
    for (const { addresses, conditions, nodeName: home } of slice.endpoints) {
      const ip = addresses[0]
      if (ip === undefined) continue
      const entry = { ip, port: target, local: home === nodeName }
      if (conditions.ready !== false) ready.set(`${ip}:${target}`, entry)
      else if (conditions.serving === true && conditions.terminating === true) draining.set(`${ip}:${target}`, entry)
    }
  }
  const chosen = ready.size > 0 ? ready : draining
  return [...chosen].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, endpoint]) => endpoint)
}

/** Host ports of a pod that has an address of its own and has not ended. */
export function hostPortsOf(pod: Pod): readonly HostPort[] {
  const podIp = pod.status.podIP
  if (
    pod.spec.hostNetwork === true ||
    podIp === undefined ||
    !isIpv4(podIp) ||
    pod.status.phase === 'Succeeded' ||
    pod.status.phase === 'Failed'
  )
    return []
  return lastingContainers(pod.spec).flatMap((container) =>
    (container.ports ?? [])
      .filter((port) => (port.hostPort ?? 0) > 0)
      .map((port) => ({
        protocol: protocolOf(port.protocol),
        port: port.hostPort ?? 0,
        hostIp: port.hostIP === undefined || port.hostIP === '0.0.0.0' || !isIpv4(port.hostIP) ? '' : port.hostIP,
        podIp,
        podPort: port.containerPort,
      })),
  )
}

function protocolOf(text: string | undefined): Protocol {
  return text === 'UDP' ? 'udp' : text === 'SCTP' ? 'sctp' : 'tcp'
}

function isIpv4(text: string): boolean {
  return /^\d+\.\d+\.\d+\.\d+$/.test(text)
}
