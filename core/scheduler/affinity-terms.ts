import type { Pod, PodAffinityTerm, WeightedPodAffinityTerm } from '../api/types/core-v1.ts'
import type { Requirement } from '../meta/requirement.ts'
import { matchesLabels, type Selector, selectorOf } from '../meta/selector.ts'

/** One pod affinity or anti-affinity term, ready to be matched. */
export interface Term {
  readonly topologyKey: string
  readonly selector: Selector
  readonly namespaces: ReadonlySet<string>
  readonly namespaceSelector: Selector
  /** 0 for required terms. */
  readonly weight: number
}

export interface AffinityTerms {
  readonly required: readonly Term[]
  readonly preferred: readonly Term[]
}

/** Labels of a namespace; undefined when it is not known. */
export type NamespaceLabels = (namespace: string) => Readonly<Record<string, string>> | undefined

const NONE: AffinityTerms = { required: [], preferred: [] }

export function affinityTerms(pod: Pod): AffinityTerms {
  const affinity = pod.spec.affinity?.podAffinity
  return affinity === undefined ? NONE : termsOf(pod, affinity)
}

export function antiAffinityTerms(pod: Pod): AffinityTerms {
  const affinity = pod.spec.affinity?.podAntiAffinity
  return affinity === undefined ? NONE : termsOf(pod, affinity)
}

interface Affinity {
  readonly requiredDuringSchedulingIgnoredDuringExecution?: readonly PodAffinityTerm[] | undefined
  readonly preferredDuringSchedulingIgnoredDuringExecution?: readonly WeightedPodAffinityTerm[] | undefined
}

function termsOf(pod: Pod, affinity: Affinity): AffinityTerms {
  return {
    required: (affinity.requiredDuringSchedulingIgnoredDuringExecution ?? []).map((term) => termOf(pod, term, 0)),
    preferred: (affinity.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(({ weight, podAffinityTerm }) =>
      termOf(pod, podAffinityTerm, weight),
    ),
  }
}

function termOf(pod: Pod, term: PodAffinityTerm, weight: number): Term {
  const named = term.namespaces ?? []
  const ownOnly = named.length === 0 && term.namespaceSelector === undefined
  const selector = withLabelKeys(selectorOf(term.labelSelector), pod, term.matchLabelKeys, 'in')
  return {
    topologyKey: term.topologyKey,
    selector: withLabelKeys(selector, pod, term.mismatchLabelKeys, 'notin'),
    namespaces: new Set(ownOnly ? [pod.metadata.namespace ?? ''] : named),
    namespaceSelector: selectorOf(term.namespaceSelector),
    weight,
  }
}

/** Narrows a selector to pods with the same (or, with `notin`, another) value of the keys that `pod` carries. */
export function withLabelKeys(selector: Selector, pod: Pod, keys: readonly string[] | undefined, operator: 'in' | 'notin'): Selector {
  if (keys === undefined || keys.length === 0) return selector
  const labels = pod.metadata.labels ?? {}
  const more: Requirement[] = keys.flatMap((key) => (labels[key] === undefined ? [] : [{ key, operator, values: [labels[key]] }]))
  return more.length === 0 ? selector : { ...selector, requirements: [...selector.requirements, ...more] }
}

/** Whether `pod` is one that the term speaks of. */
export function matchesTerm(term: Term, pod: Pod, namespaceLabels: NamespaceLabels): boolean {
  const namespace = pod.metadata.namespace ?? ''
  const inNamespace = term.namespaces.has(namespace) || matchesLabels(term.namespaceSelector, namespaceLabels(namespace))
  return inNamespace && matchesLabels(term.selector, pod.metadata.labels)
}
