import type { KubeObject } from '../../meta/object.ts'
import { addQuantity, parseQuantity, type Quantity, quantityOf, ZERO_QUANTITY } from '../../meta/quantity.ts'
import type { PersistentVolumeClaim, Pod, Service } from '../types/core-v1.ts'
import { isHugePages, podTotalWithOverhead } from './pod-resources.ts'

/** Amounts by the name that a quota limits them under. */
export type Usage = ReadonlyMap<string, Quantity>

interface GroupResource {
  readonly group: string
  readonly resource: string
}

const ONE = quantityOf(1)
/** Counted under their plain name as well as under `count/`. */
export const PLAIN_COUNTS: ReadonlySet<string> = new Set([
  'configmaps',
  'secrets',
  'replicationcontrollers',
  'resourcequotas',
  'services',
  'persistentvolumeclaims',
])
const CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class'

/** `count/pods`, `count/deployments.apps` */
export function countName({ group, resource }: GroupResource): string {
  return `count/${resource}${group === '' ? '' : `.${group}`}`
}

/** What one object takes of every quota resource it can take of. Source: kubernetes, pkg/quota/v1/evaluator/core. */
export function usageOf(type: GroupResource, object: KubeObject, nowMs: number): Usage {
  const usage = new Map<string, Quantity>([[countName(type), ONE]])
  if (type.group !== '') return usage
  if (PLAIN_COUNTS.has(type.resource)) usage.set(type.resource, ONE)
  if (type.resource === 'pods') addPod(usage, object as Pod, nowMs)
  else if (type.resource === 'services') addService(usage, object as Service)
  else if (type.resource === 'persistentvolumeclaims') addClaim(usage, object as PersistentVolumeClaim)
  return usage
}

/** Requests and limits of a pod under all names a quota may use for them. */
export function podAmounts(requests: Usage, limits: Usage): Map<string, Quantity> {
  const amounts = new Map<string, Quantity>()
  for (const [name, quantity] of requests) {
    if (name === 'cpu' || name === 'memory' || name === 'ephemeral-storage' || isHugePages(name)) amounts.set(name, quantity)
    amounts.set(`requests.${name}`, quantity)
  }
  for (const [name, quantity] of limits) {
    if (name === 'cpu' || name === 'memory' || name === 'ephemeral-storage') amounts.set(`limits.${name}`, quantity)
  }
  return amounts
}

/** Pods that are over, or past their grace, keep their entry but take no resources. */
function isCharged({ metadata, status }: Pod, nowMs: number): boolean {
  if (status.phase === 'Failed' || status.phase === 'Succeeded') return false
  if (metadata.deletionTimestamp === undefined) return true
  // NOTE: the deletion timestamp already includes the grace period.
  return Date.parse(metadata.deletionTimestamp) > nowMs
}

function addPod(usage: Map<string, Quantity>, pod: Pod, nowMs: number): void {
  if (!isCharged(pod, nowMs)) return
  usage.set('pods', ONE)
  for (const [name, quantity] of podAmounts(podTotalWithOverhead(pod.spec, 'requests'), podTotalWithOverhead(pod.spec, 'limits')))
    usage.set(name, quantity)
}

function addService(usage: Map<string, Quantity>, { spec }: Service): void {
  const ports = spec.ports ?? []
  if (spec.type === 'NodePort') usage.set('services.nodeports', quantityOf(ports.length))
  if (spec.type !== 'LoadBalancer') return
  usage.set('services.loadbalancers', ONE)
  const isAllocating = spec.allocateLoadBalancerNodePorts !== false
  usage.set('services.nodeports', quantityOf(isAllocating ? ports.length : ports.filter(({ nodePort }) => (nodePort ?? 0) !== 0).length))
}

function addClaim(usage: Map<string, Quantity>, { metadata, spec }: PersistentVolumeClaim): void {
  const className = metadata.annotations?.[CLASS_ANNOTATION] ?? spec.storageClassName ?? ''
  const prefix = `${className}.storageclass.storage.k8s.io/`
  if (className !== '') usage.set(`${prefix}persistentvolumeclaims`, ONE)
  const storage = spec.resources.requests?.['storage']
  if (storage === undefined) return
  usage.set('requests.storage', parseQuantity(storage))
  if (className !== '') usage.set(`${prefix}requests.storage`, parseQuantity(storage))
}

/** Adds `more` into `total`. */
export function addUsage(total: Map<string, Quantity>, more: Usage): void {
  for (const [name, quantity] of more) total.set(name, addQuantity(total.get(name) ?? ZERO_QUANTITY, quantity))
}
