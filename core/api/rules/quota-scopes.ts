import type { KubeObject } from '../../meta/object.ts'
import type { PersistentVolumeClaim, Pod, ResourceQuota, ScopedResourceSelectorRequirement } from '../types/core-v1.ts'
import { qosClassOf } from './qos.ts'

interface GroupResource {
  readonly group: string
  readonly resource: string
}

/** What scopes ask about an object, small enough to keep for each. Undefined for kinds that scopes do not speak of. */
export type ScopeFacts = PodFacts | ClaimFacts | undefined

interface PodFacts {
  readonly kind: 'pod'
  readonly terminating: boolean
  readonly bestEffort: boolean
  readonly crossNamespace: boolean
  readonly priorityClass: string
}

interface ClaimFacts {
  readonly kind: 'claim'
  readonly attributesClass: string
}

/** The facts of one object, to be kept for as long as the object does not change. */
export function scopeFactsOf({ group, resource }: GroupResource, object: KubeObject): ScopeFacts {
  if (group !== '') return undefined
  if (resource === 'pods') return podFacts(object as Pod)
  if (resource !== 'persistentvolumeclaims') return undefined
  return { kind: 'claim', attributesClass: (object as PersistentVolumeClaim).spec.volumeAttributesClassName ?? '' }
}

/** Whether a quota is about an object at all: without scopes about all, with scopes about those that meet each of them. */
export function isInScope(quota: ResourceQuota, facts: ScopeFacts): boolean {
  const requirements = scopesOf(quota)
  if (requirements.length === 0) return true
  return facts !== undefined && requirements.every((requirement) => matches(requirement, facts))
}

/** All scopes of a quota in one form. */
export function scopesOf({ spec }: ResourceQuota): readonly ScopedResourceSelectorRequirement[] {
  return [
    ...(spec.scopes ?? []).map((scopeName) => ({ scopeName, operator: 'Exists' as const })),
    ...(spec.scopeSelector?.matchExpressions ?? []),
  ]
}

function matches(requirement: ScopedResourceSelectorRequirement, facts: NonNullable<ScopeFacts>): boolean {
  const { scopeName } = requirement
  if (facts.kind === 'claim') return scopeName === 'VolumeAttributesClass' && matchesName(requirement, facts.attributesClass)
  switch (scopeName) {
    case 'Terminating':
      return facts.terminating
    case 'NotTerminating':
      return !facts.terminating
    case 'BestEffort':
      return facts.bestEffort
    case 'NotBestEffort':
      return !facts.bestEffort
    case 'CrossNamespacePodAffinity':
      return facts.crossNamespace
    case 'PriorityClass':
      return matchesName(requirement, facts.priorityClass)
    case 'VolumeAttributesClass':
      return false
  }
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

function podFacts(pod: Pod): PodFacts {
  return {
    kind: 'pod',
    terminating: (pod.spec.activeDeadlineSeconds ?? -1) >= 0,
    bestEffort: (pod.status.qosClass ?? qosClassOf(pod.spec)) === 'BestEffort',
    crossNamespace: usesOtherNamespaces(pod),
    priorityClass: pod.spec.priorityClassName ?? '',
  }
}

function usesOtherNamespaces({ spec }: Pod): boolean {
  const { podAffinity, podAntiAffinity } = spec.affinity ?? {}
  const terms = [podAffinity, podAntiAffinity].flatMap((affinity) => [
    ...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ...(affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(({ podAffinityTerm }) => podAffinityTerm),
  ])
  return terms.some(({ namespaces, namespaceSelector }) => (namespaces ?? []).length > 0 || namespaceSelector !== undefined)
}
