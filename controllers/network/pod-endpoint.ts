import { lastingContainers } from '../../core/api/rules/pod-containers.ts'
import type { ContainerPort, Pod, Service, ServicePort } from '../../core/api/types/core-v1.ts'
import type { EndpointPort } from '../../core/api/types/discovery-v1.ts'
import type { Lister } from '../../core/client/informer.ts'
import { type KubeObject, keyOf, type ObjectKey } from '../../core/meta/object.ts'
import { matchesLabels, type Selector, selectorOfMap } from '../../core/meta/selector.ts'
import { isFinished } from '../runtime/pod.ts'

/** What Services and pods have to do with each other. Source: Kubernetes documentation, "Service". */

export type IpFamily = 'IPv4' | 'IPv6'

/** Undefined: a Service whose endpoints somebody else writes. */
export function serviceSelector({ spec }: Service): Selector | undefined {
  if (spec.type === 'ExternalName' || spec.selector === undefined) return undefined
  return selectorOfMap(spec.selector, false)
}

/** Keys of the Services that a pod belongs to by its labels. */
export function servicesOf(services: Lister<Service>): (pod: KubeObject) => readonly ObjectKey[] {
  return (pod) =>
    services
      .list(pod.metadata.namespace ?? '')
      .filter((service) => {
        const selector = serviceSelector(service)
        return selector !== undefined && matchesLabels(selector, pod.metadata.labels)
      })
      .map(keyOf)
}

/** Running or on its way out, with an address: finished pods have given theirs back. */
export function hasEndpoint(pod: Pod): boolean {
  return !isFinished(pod) && addressesOf(pod).length > 0
}

/** All addresses of a pod; none before it has a network. */
export function addressesOf({ status }: Pod): readonly string[] {
  if (status.podIPs !== undefined && status.podIPs.length > 0) return status.podIPs.map(({ ip }) => ip)
  return status.podIP === undefined || status.podIP === '' ? [] : [status.podIP]
}

export function familyOf(address: string): IpFamily {
  return address.includes(':') ? 'IPv6' : 'IPv4'
}

/** Families to publish; a Service made before the field existed has what its cluster IP says. */
export function familiesOf({ spec }: Service): readonly IpFamily[] {
  const families = (spec.ipFamilies ?? []).filter((family) => family !== '')
  if (families.length > 0) return families
  return [spec.clusterIP !== undefined && spec.clusterIP.includes(':') ? 'IPv6' : 'IPv4']
}

/** Whether clients get the pods' addresses instead of one for the Service. */
export function isHeadless({ spec }: Service): boolean {
  return spec.clusterIP === 'None'
}

/** The number behind a Service port in this pod; undefined when the pod has no port of that name. */
export function targetPort(pod: Pod, { targetPort: target, port, protocol = 'TCP' }: ServicePort): number | undefined {
  if (target === undefined || target === 0 || target === '') return port
  if (typeof target === 'number') return target
  for (const { ports = [] } of lastingContainers(pod.spec)) {
    const found = ports.find((candidate: ContainerPort) => candidate.name === target && (candidate.protocol ?? 'TCP') === protocol)
    if (found !== undefined) return found.containerPort
  }
  return undefined
}

/** The name a pod has below a headless Service, when its subdomain says it wants one. */
export function hostnameIn(pod: Pod, service: Service): string | undefined {
  const { hostname, subdomain } = pod.spec
  return hostname !== undefined && hostname !== '' && subdomain === service.metadata.name ? hostname : undefined
}

/** What endpoints say of the pod behind them. */
export function podReference({ metadata }: Pod): {
  readonly kind: string
  readonly namespace: string
  readonly name: string
  readonly uid: string
} {
  return { kind: 'Pod', namespace: metadata.namespace ?? '', name: metadata.name, uid: metadata.uid }
}

/** The same for the same port: name, number, protocol and application protocol. */
export function portText({ name = '', port, protocol = 'TCP', appProtocol = '' }: EndpointPort): string {
  return [name, port, protocol, appProtocol].join('|')
}
