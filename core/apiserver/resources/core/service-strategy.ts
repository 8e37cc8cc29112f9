import type { Service, ServiceSpec } from '../../../api/types/core-v1.ts'
import { deepEqual } from '../../../meta/deep-equal.ts'
import type { ApiSettings, Work } from '../resource-def.ts'
import {
  clusterFamilies,
  familyOf,
  HEADLESS,
  hasSelector,
  type IpFamily,
  isExternallyAccessible,
  isHeadless,
  needsClusterIp,
  needsHealthCheckPort,
  needsNodePorts,
} from './service-rules.ts'

type Spec = Work<ServiceSpec>

/** Brings `clusterIP` and `clusterIPs` together and decides the address families. Addresses and ports are allocated later. */
export function prepareServiceCreate(service: Work<Service>, settings: ApiSettings): void {
  const { spec } = service
  if ((spec.clusterIPs?.length ?? 0) === 0 && (spec.clusterIP ?? '') !== '') spec.clusterIPs = [spec.clusterIP ?? '']
  decideFamilies(service, undefined, settings)
}

/** Carries over what was allocated and drops what the new type has no use for. Source: shared facts on defaults, core_v1.Service. */
export function prepareServiceUpdate(next: Work<Service>, old: Service, settings: ApiSettings): void {
  followClusterIp(next.spec, old.spec)
  keepAllocated(next.spec, old.spec)
  dropUnused(next.spec, old.spec)
  decideFamilies(next, old, settings)
  if (next.spec.type !== 'LoadBalancer') next.status = { ...next.status, loadBalancer: {} }
}

/** A client that knows only one of the two fields changed it: the other follows. */
function followClusterIp(next: Spec, old: ServiceSpec): void {
  const sameList = deepEqual(next.clusterIPs ?? [], old.clusterIPs ?? [])
  if ((next.clusterIP ?? '') !== (old.clusterIP ?? '')) {
    if (sameList) next.clusterIPs = (next.clusterIP ?? '') === '' ? undefined : [next.clusterIP ?? '']
  } else if ((next.clusterIPs?.length ?? 0) === 0) next.clusterIPs = copyOf(old.clusterIPs)
}

function keepAllocated(next: Spec, old: ServiceSpec): void {
  if (needsClusterIp(old) && needsClusterIp(next)) {
    if ((next.clusterIP ?? '') === '') next.clusterIP = old.clusterIP
    if ((next.clusterIPs?.length ?? 0) === 0 && next.clusterIP === old.clusterIP) next.clusterIPs = copyOf(old.clusterIPs)
  }
  if (needsNodePorts(old) && needsNodePorts(next)) keepNodePorts(next, old)
  if (needsHealthCheckPort(old) && needsHealthCheckPort(next)) next.healthCheckNodePort ||= old.healthCheckNodePort
}

const copyOf = (list: readonly string[] | undefined): string[] | undefined => (list === undefined ? undefined : [...list])

/** A port without a node port gets that of the old port of its name, unless another port took it. */
function keepNodePorts(next: Spec, old: ServiceSpec): void {
  const taken = new Set(next.ports?.map((port) => port.nodePort ?? 0))
  const byName = new Map(old.ports?.map((port) => [port.name ?? '', port.nodePort]))
  for (const port of next.ports ?? []) {
    const before = byName.get(port.name ?? '')
    if ((port.nodePort ?? 0) === 0 && before !== undefined && !taken.has(before)) port.nodePort = before
  }
}

const nodePorts = (spec: ServiceSpec): readonly number[] => spec.ports?.map((port) => port.nodePort ?? 0) ?? []

/** Clears a field when the type no longer needs it and the client left it as it was. */
function dropUnused(next: Spec, old: ServiceSpec): void {
  if (needsClusterIp(old) && !needsClusterIp(next)) {
    if (deepEqual(next.clusterIPs, old.clusterIPs)) {
      next.clusterIP = undefined
      next.clusterIPs = undefined
    }
    if (deepEqual(next.ipFamilies, old.ipFamilies)) next.ipFamilies = undefined
    if (next.ipFamilyPolicy === old.ipFamilyPolicy) next.ipFamilyPolicy = undefined
  }
  if (needsNodePorts(old) && !needsNodePorts(next) && deepEqual(nodePorts(next), nodePorts(old)))
    for (const port of next.ports ?? []) port.nodePort = undefined
  if (needsHealthCheckPort(old) && !needsHealthCheckPort(next) && next.healthCheckNodePort === old.healthCheckNodePort)
    next.healthCheckNodePort = undefined
  dropBalancerFields(next, old)
  if (isExternallyAccessible(old) && !isExternallyAccessible(next) && next.externalTrafficPolicy === old.externalTrafficPolicy)
    next.externalTrafficPolicy = undefined
}

function dropBalancerFields(next: Spec, old: ServiceSpec): void {
  if (old.type !== 'LoadBalancer' || next.type === 'LoadBalancer') return
  if (next.allocateLoadBalancerNodePorts === old.allocateLoadBalancerNodePorts) next.allocateLoadBalancerNodePorts = undefined
  if (next.loadBalancerClass === old.loadBalancerClass) next.loadBalancerClass = undefined
}

/**
 * Fills ipFamilyPolicy and ipFamilies from what the client gave and what the cluster has. A wrong combination stays as it is:
 * validation names it.
 */
function decideFamilies(service: Work<Service>, old: Service | undefined, { serviceCidrs }: ApiSettings): void {
  const { spec } = service
  if (!needsClusterIp(spec)) return
  if (old !== undefined && isUntouchedPreference(spec, old.spec)) return
  if (old !== undefined) downgrade(spec, old.spec)
  const free = isHeadless(spec) && !hasSelector(service)
  spec.ipFamilyPolicy ??= free ? 'RequireDualStack' : 'SingleStack'
  const cluster = clusterFamilies(serviceCidrs)
  const families: IpFamily[] = [...((spec.ipFamilies ?? []) as IpFamily[])]
  for (const address of (spec.clusterIPs ?? []).slice(families.length)) if (address !== HEADLESS) families.push(familyOf(address))
  if (families.length === 0) families.push(cluster[0] ?? 'IPv4')
  if (families.length === 1 && spec.ipFamilyPolicy !== 'SingleStack' && (free || cluster.length > 1))
    families.push(families[0] === 'IPv4' ? 'IPv6' : 'IPv4')
  spec.ipFamilies = families
}

/** PreferDualStack services are not changed behind the user's back when the cluster gains or loses a family. */
function isUntouchedPreference(next: ServiceSpec, old: ServiceSpec): boolean {
  return (
    old.ipFamilyPolicy === 'PreferDualStack' &&
    next.ipFamilyPolicy === 'PreferDualStack' &&
    next.type === old.type &&
    (next.clusterIPs?.length ?? 0) > 0 &&
    (next.ipFamilies?.length ?? 0) > 0 &&
    deepEqual(next.clusterIPs, old.clusterIPs) &&
    deepEqual(next.ipFamilies, old.ipFamilies)
  )
}

/** Setting the policy to SingleStack and nothing else gives the second address back. */
function downgrade(next: Spec, old: ServiceSpec): void {
  if (next.ipFamilyPolicy !== 'SingleStack' || old.ipFamilyPolicy === 'SingleStack') return
  if (!deepEqual(next.clusterIPs, old.clusterIPs) || !deepEqual(next.ipFamilies, old.ipFamilies)) return
  next.clusterIPs = next.clusterIPs?.slice(0, 1)
  next.ipFamilies = next.ipFamilies?.slice(0, 1)
}
