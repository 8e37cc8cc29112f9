import type {
  Container,
  PersistentVolumeClaim,
  Pod,
  ResourceQuota,
  ScopedResourceSelectorRequirement,
  Service,
} from '../../../core/api/types/core-v1.ts'
import { parseQuantity } from '../../../core/meta/quantity.ts'

/** Amounts in units of 10^-9 by the name a quota limits them under. Source: Kubernetes documentation, "Resource Quotas". */
export type Usage = Map<string, bigint>

const ONE = 1_000_000_000n
const NAKED = new Set(['cpu', 'memory', 'ephemeral-storage'])
const CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class'

type Amounts = Map<string, bigint>

/** Empty for a pod that has ended, or that is past its grace and waits only for somebody to confirm it. */
export function podUsage(pod: Pod, nowMs: number): Usage {
  const usage: Usage = new Map()
  const { deletionTimestamp } = pod.metadata
  const over = pod.status.phase === 'Failed' || pod.status.phase === 'Succeeded'
  if (over || (deletionTimestamp !== undefined && Date.parse(deletionTimestamp) <= nowMs)) return usage
  usage.set('pods', ONE)
  for (const [name, amount] of podTotal(pod, 'requests')) {
    if (NAKED.has(name) || name.startsWith('hugepages-')) usage.set(name, amount)
    usage.set(`requests.${name}`, amount)
  }
  for (const [name, amount] of podTotal(pod, 'limits')) if (NAKED.has(name)) usage.set(`limits.${name}`, amount)
  return usage
}

export function serviceUsage({ spec }: Service): Usage {
  const usage: Usage = new Map([['services', ONE]])
  const ports = spec.ports ?? []
  if (spec.type === 'NodePort') usage.set('services.nodeports', ONE * BigInt(ports.length))
  if (spec.type !== 'LoadBalancer') return usage
  const counted = spec.allocateLoadBalancerNodePorts === false ? ports.filter(({ nodePort }) => (nodePort ?? 0) !== 0) : ports
  usage.set('services.loadbalancers', ONE)
  usage.set('services.nodeports', ONE * BigInt(counted.length))
  return usage
}

export function claimUsage({ metadata, spec }: PersistentVolumeClaim): Usage {
  const usage: Usage = new Map([['persistentvolumeclaims', ONE]])
  const storage = spec.resources.requests?.['storage']
  const amount = storage === undefined ? undefined : parseQuantity(storage).nano
  if (amount !== undefined) usage.set('requests.storage', amount)
  const className = metadata.annotations?.[CLASS_ANNOTATION] ?? spec.storageClassName ?? ''
  if (className === '') return usage
  usage.set(`${className}.storageclass.storage.k8s.io/persistentvolumeclaims`, ONE)
  if (amount !== undefined) usage.set(`${className}.storageclass.storage.k8s.io/requests.storage`, amount)
  return usage
}

/** What all running containers ask for together, or the most that any moment of initialisation needs; and the overhead. */
function podTotal({ spec }: Pod, kind: 'requests' | 'limits'): Amounts {
  const running: Amounts = new Map()
  for (const container of spec.containers) add(running, amountsOf(container, kind))
  const sidecars: Amounts = new Map()
  const peak: Amounts = new Map()
  for (const container of spec.initContainers ?? []) {
    const own = amountsOf(container, kind)
    if (container.restartPolicy === 'Always') {
      add(sidecars, own)
      raise(peak, sidecars)
    } else raise(peak, add(new Map(sidecars), own))
  }
  const total = raise(add(running, sidecars), peak)
  for (const [name, text] of Object.entries(spec.resources?.[kind] ?? {})) total.set(name, parseQuantity(text).nano)
  for (const [name, text] of Object.entries(spec.overhead ?? {})) {
    // Overhead raises a limit only where there is one.
    if (kind === 'requests' || total.has(name)) total.set(name, (total.get(name) ?? 0n) + parseQuantity(text).nano)
  }
  return total
}

function amountsOf({ resources }: Container, kind: 'requests' | 'limits'): Amounts {
  return new Map(Object.entries(resources[kind] ?? {}).map(([name, text]) => [name, parseQuantity(text).nano]))
}

export function add(into: Amounts, more: ReadonlyMap<string, bigint>): Amounts {
  for (const [name, amount] of more) into.set(name, (into.get(name) ?? 0n) + amount)
  return into
}

function raise(into: Amounts, floor: ReadonlyMap<string, bigint>): Amounts {
  for (const [name, amount] of floor) if (amount > (into.get(name) ?? 0n)) into.set(name, amount)
  return into
}

/** Whether a quota's scopes include a pod; a quota without scopes includes all. */
export function includesPod(quota: ResourceQuota, pod: Pod): boolean {
  return scopesOf(quota).every((scope) => {
    switch (scope.scopeName) {
      case 'Terminating':
        return pod.spec.activeDeadlineSeconds !== undefined
      case 'NotTerminating':
        return pod.spec.activeDeadlineSeconds === undefined
      case 'BestEffort':
        return isBestEffort(pod)
      case 'NotBestEffort':
        return !isBestEffort(pod)
      case 'PriorityClass':
        return matchesName(scope, pod.spec.priorityClassName ?? '')
      case 'CrossNamespacePodAffinity':
        return reachesOtherNamespaces(pod)
      case 'VolumeAttributesClass':
        return false
    }
  })
}

export function includesClaim(quota: ResourceQuota, { spec }: PersistentVolumeClaim): boolean {
  return scopesOf(quota).every(
    (scope) => scope.scopeName === 'VolumeAttributesClass' && matchesName(scope, spec.volumeAttributesClassName ?? ''),
  )
}

export function scopesOf({ spec }: ResourceQuota): readonly ScopedResourceSelectorRequirement[] {
  return [
    ...(spec.scopes ?? []).map((scopeName) => ({ scopeName, operator: 'Exists' as const })),
    ...(spec.scopeSelector?.matchExpressions ?? []),
  ]
}

function matchesName({ operator, values = [] }: ScopedResourceSelectorRequirement, name: string): boolean {
  switch (operator) {
    case 'Exists':
      return name !== ''
    case 'DoesNotExist':
      return name === ''
    case 'In':
      return values.includes(name)
    case 'NotIn':
      return !values.includes(name)
  }
}

function isBestEffort({ spec }: Pod): boolean {
  return [...spec.containers, ...(spec.initContainers ?? [])].every(({ resources }) =>
    [resources.requests, resources.limits].every((list) => list?.['cpu'] === undefined && list?.['memory'] === undefined),
  )
}

function reachesOtherNamespaces({ spec }: Pod): boolean {
  const { podAffinity, podAntiAffinity } = spec.affinity ?? {}
  const terms = [podAffinity, podAntiAffinity].flatMap((affinity) => [
    ...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ...(affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(({ podAffinityTerm }) => podAffinityTerm),
  ])
  return terms.some(({ namespaces = [], namespaceSelector }) => namespaces.length > 0 || namespaceSelector !== undefined)
}
