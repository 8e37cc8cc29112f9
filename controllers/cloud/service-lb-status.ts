import type { LoadBalancerIngress, Node, Pod, Service } from '../../core/api/types/core-v1.ts'
import type { EndpointSlice } from '../../core/api/types/discovery-v1.ts'
import { deepEqual } from '../../core/meta/deep-equal.ts'
import { isReady } from '../runtime/pod.ts'
import { isLocal, type ServiceLbSettings } from './service-lb-names.ts'

const LOOPBACK = '127.0.0.1'

export interface StatusInput {
  readonly service: Service
  /** The load balancer's pods. */
  readonly pods: readonly Pod[]
  /** Of the Service itself. */
  readonly slices: readonly EndpointSlice[]
  readonly nodeOf: (name: string) => Node | undefined
  readonly settings: ServiceLbSettings
}

/**
 * The addresses that reach the Service now: external ones when any node has one, otherwise internal ones; by the order of
 * the Service's IP families, sorted in each.
 */
export function planIngress({ service, pods, slices, nodeOf, settings }: StatusInput): readonly LoadBalancerIngress[] {
  const serving = isLocal(service) ? nodesWithEndpoints(slices) : undefined
  const names = new Set(pods.filter((pod) => isReady(pod) && (pod.status.podIP ?? '') !== '').map(({ spec }) => spec.nodeName ?? ''))
  const addresses = [...names]
    .filter((name) => name !== '' && serving?.has(name) !== false)
    .flatMap((name) => nodeOf(name)?.status.addresses ?? [])
  const external = addresses.filter(({ type }) => type === 'ExternalIP')
  const chosen = external.length > 0 ? external : addresses.filter(({ type }) => type === 'InternalIP')
  const ips = byFamily(service, [...new Set(chosen.map(({ address }) => address))])
  const reachable = ips.length > 0 && settings.isRootless === true ? [LOOPBACK] : ips
  return reachable.map((ip) => ({ ip, ipMode: 'VIP' }))
}

function byFamily({ spec }: Service, ips: readonly string[]): readonly string[] {
  return (spec.ipFamilies ?? []).flatMap((family) => ips.filter((ip) => ip.includes(':') === (family === 'IPv6')).sort())
}

function nodesWithEndpoints(slices: readonly EndpointSlice[]): ReadonlySet<string> {
  const ready = slices
    .flatMap(({ endpoints }) => endpoints)
    .filter(({ conditions, targetRef }) => targetRef?.kind === 'Pod' && conditions.ready === true)
  return new Set(ready.map(({ nodeName }) => nodeName ?? ''))
}

export function sameIngress(a: readonly LoadBalancerIngress[], b: readonly LoadBalancerIngress[]): boolean {
  return deepEqual(a, b)
}

/** `[192.0.2.1 192.0.2.2]`, for events. */
export function ingressText(ingress: readonly LoadBalancerIngress[]): string {
  return `[${ingress.map(({ ip, hostname }) => ip ?? hostname ?? '').join(' ')}]`
}
