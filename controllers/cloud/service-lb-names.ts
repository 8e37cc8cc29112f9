import type { Service } from '../../core/api/types/core-v1.ts'
import { type ObjectKey, objectKey } from '../../core/meta/object.ts'

/** Names that users and tools select by. Source: K3s docs, Service Load Balancer. */
const PREFIX = 'svccontroller.k3s.cattle.io'

export const SERVICE_NAME_LABEL = `${PREFIX}/svcname`
export const SERVICE_NAMESPACE_LABEL = `${PREFIX}/svcnamespace`
/** On DaemonSets: whether only nodes with `ENABLE_LABEL` are used. */
export const NODE_SELECTOR_LABEL = `${PREFIX}/nodeselector`
/** On nodes: when any has it, only those with the value `true` are used. */
export const ENABLE_LABEL = `${PREFIX}/enablelb`
/** On nodes and Services: the Service uses the nodes of its pool. */
export const POOL_LABEL = `${PREFIX}/lbpool`
/** On nodes, value `true`: the node belongs to this pool among others, whether it has `ENABLE_LABEL` or not. */
export const poolMemberLabel = (pool: string): string => `lbpool.${PREFIX}/${pool}`
export const PRIORITY_ANNOTATION = `${PREFIX}/priorityclassname`
export const TOLERATIONS_ANNOTATION = `${PREFIX}/tolerations`

/** Kubernetes' own for Services whose load balancer must be taken down before they go. */
export const CLEANUP_FINALIZER = 'service.kubernetes.io/load-balancer-cleanup'
/** Of early K3s versions; nothing waits for it any more. */
export const LEGACY_FINALIZER = `${PREFIX}/daemonset`

export const SERVICE_ACCOUNT = 'svclb'
export const FIELD_MANAGER = 'service-lb-controller'

export interface ServiceLbSettings {
  /** Where the DaemonSets live; `kube-system` unless `--servicelb-namespace` says otherwise. */
  readonly namespace: string
  readonly image: string
  /** Unless the Service names another. Default `system-node-critical`. */
  readonly priorityClassName?: string | undefined
  /** The host's ports are reached through the loopback address only. */
  readonly isRootless?: boolean | undefined
}

const MAX_NAME = 48

/** `svclb-SERVICE-UID8`; a long name is cut, never behind a hyphen. */
export function daemonSetName({ metadata }: Service): string {
  const name = metadata.name.slice(0, MAX_NAME).replace(/-+$/, '')
  return `svclb-${name}-${metadata.uid.slice(0, 8)}`
}

/** The Service that a DaemonSet or pod of a load balancer serves. */
export function serviceKeys({
  metadata,
}: {
  readonly metadata: { readonly labels?: Readonly<Record<string, string>> | undefined }
}): readonly ObjectKey[] {
  const name = metadata.labels?.[SERVICE_NAME_LABEL] ?? ''
  const namespace = metadata.labels?.[SERVICE_NAMESPACE_LABEL] ?? ''
  return name === '' || namespace === '' ? [] : [objectKey(namespace, name)]
}

export function isLoadBalancer({ spec }: Service): boolean {
  return spec.type === 'LoadBalancer'
}

/** Services with a class belong to another implementation. */
export function isOurs(service: Service): boolean {
  return isLoadBalancer(service) && (service.spec.loadBalancerClass ?? '') === ''
}

/** Whether only nodes with a pod of the Service may answer for it. */
export function isLocal({ spec }: Service): boolean {
  return spec.externalTrafficPolicy === 'Local'
}
