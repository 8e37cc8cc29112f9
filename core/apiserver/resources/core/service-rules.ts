import type { Service, ServiceSpec } from '../../../api/types/core-v1.ts'

/** What a service of this shape needs to have allocated. Shared by defaults, strategy, validation and the allocator. */

/** Value of `clusterIP` that asks for none. */
export const HEADLESS = 'None'

export const isHeadless = (spec: ServiceSpec): boolean => spec.clusterIP === HEADLESS || spec.clusterIPs?.[0] === HEADLESS

export const needsClusterIp = (spec: ServiceSpec): boolean => spec.type !== 'ExternalName'

/** Ports of the service are open on every node. */
export const needsNodePorts = (spec: ServiceSpec): boolean => spec.type === 'NodePort' || spec.type === 'LoadBalancer'

/** A node port is allocated where none was given. */
export const allocatesNodePorts = (spec: ServiceSpec): boolean =>
  spec.type === 'NodePort' || (spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false)

export const needsHealthCheckPort = (spec: ServiceSpec): boolean => spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local'

/** Reached from outside the cluster, so that externalTrafficPolicy means something. */
export const isExternallyAccessible = (spec: ServiceSpec): boolean =>
  needsNodePorts(spec) || (spec.type === 'ClusterIP' && (spec.externalIPs?.length ?? 0) > 0)

export const hasSelector = ({ spec }: Pick<Service, 'spec'>): boolean => Object.keys(spec.selector ?? {}).length > 0

export const isIpv6 = (address: string): boolean => address.includes(':')

export type IpFamily = 'IPv4' | 'IPv6'

export const familyOf = (address: string): IpFamily => (isIpv6(address) ? 'IPv6' : 'IPv4')

/** Families of the service ranges, the default one first. */
export function clusterFamilies(serviceCidrs: readonly string[]): readonly IpFamily[] {
  return [...new Set(serviceCidrs.map(familyOf))]
}
