import { matchesRequiredAffinity, toleratesNode } from '../../api/rules/node-match.ts'
import type { Node, Pod, TopologySpreadConstraint } from '../../api/types/core-v1.ts'
import { matchesLabels, type Selector, selectorOf } from '../../meta/selector.ts'
import { withLabelKeys } from '../affinity-terms.ts'
import { type ClusterEvent, type ClusterView, isNodeEvent, MAX_SCORE, type Plugin, type PluginRun, type Rejection } from '../framework.ts'
import type { NodeInfo } from '../node-info.ts'
import type { PodInfo } from '../pod-info.ts'
import type { DefaultSelector } from './default-spread.ts'

const NAME = 'PodTopologySpread'
const HOSTNAME = 'kubernetes.io/hostname'
/** Soft spreading of pods that ask for none. Source: system default constraints of the scheduler. */
const DEFAULTS = [
  { topologyKey: HOSTNAME, maxSkew: 3 },
  { topologyKey: 'topology.kubernetes.io/zone', maxSkew: 5 },
] as const

interface Constraint {
  readonly topologyKey: string
  readonly maxSkew: number
  readonly minDomains: number
  readonly selector: Selector
  readonly honoursAffinity: boolean
  readonly honoursTaints: boolean
}

/** Spreads matching pods over the values of node labels: a limit of the skew for hard constraints, a preference for soft ones. */
export function podTopologySpread(defaultSelector: DefaultSelector): Plugin {
  return {
    name: NAME,
    weight: 2,
    begin: (pod, cluster) => {
      const hard = constraintsOf(pod.pod, 'DoNotSchedule')
      const isDefault = (pod.pod.spec.topologySpreadConstraints ?? []).length === 0
      const soft = isDefault ? defaultConstraints(pod.pod, defaultSelector) : constraintsOf(pod.pod, 'ScheduleAnyway')
      if (hard.length + soft.length === 0) return undefined
      const filtering = hard.length === 0 ? {} : new FilterRun(pod, hard, countAll(pod.pod, hard, cluster))
      if (soft.length === 0) return filtering
      return withScore(filtering, (nodes) => score({ pod: pod.pod, constraints: soft, cluster, needsAllKeys: !isDefault }, nodes))
    },
    wakes,
  }
}

function withScore(run: PluginRun, scoring: NonNullable<PluginRun['score']>): PluginRun {
  return Object.assign(run, { score: scoring })
}

function constraintsOf(pod: Pod, when: TopologySpreadConstraint['whenUnsatisfiable']): readonly Constraint[] {
  return (pod.spec.topologySpreadConstraints ?? [])
    .filter(({ whenUnsatisfiable }) => whenUnsatisfiable === when)
    .map((constraint) => ({
      topologyKey: constraint.topologyKey,
      maxSkew: constraint.maxSkew,
      minDomains: constraint.minDomains ?? 1,
      selector: withLabelKeys(selectorOf(constraint.labelSelector), pod, constraint.matchLabelKeys, 'in'),
      honoursAffinity: constraint.nodeAffinityPolicy !== 'Ignore',
      honoursTaints: constraint.nodeTaintsPolicy === 'Honor',
    }))
}

function defaultConstraints(pod: Pod, defaultSelector: DefaultSelector): readonly Constraint[] {
  const selector = defaultSelector(pod)
  if (selector === undefined) return []
  return DEFAULTS.map((constraint) => ({ ...constraint, minDomains: 1, selector, honoursAffinity: true, honoursTaints: false }))
}

function includesNode(constraint: Constraint, pod: Pod, node: Node): boolean {
  if (constraint.honoursAffinity && !matchesRequiredAffinity(pod, node)) return false
  return !constraint.honoursTaints || toleratesNode(node, pod.spec.tolerations)
}

function hasAllKeys(node: NodeInfo, constraints: readonly Constraint[]): boolean {
  return constraints.every(({ topologyKey }) => node.labels[topologyKey] !== undefined)
}

/** Pods on their way out do not count. */
function matches(selector: Selector, candidate: Pod, pod: Pod): boolean {
  return (
    candidate.metadata.deletionTimestamp === undefined &&
    candidate.metadata.namespace === pod.metadata.namespace &&
    matchesLabels(selector, candidate.metadata.labels)
  )
}

function countOn(node: NodeInfo, selector: Selector, pod: Pod): number {
  let count = 0
  for (const other of node.pods.values()) if (matches(selector, other.pod, pod)) count += 1
  return count
}

/** Matching pods by topology value, one map a constraint; a value of an eligible node without pods counts 0. */
function countAll(pod: Pod, constraints: readonly Constraint[], cluster: ClusterView): Map<string, number>[] {
  const counts = constraints.map(() => new Map<string, number>())
  for (const info of cluster.nodes) {
    const { node } = info
    if (node === undefined || !hasAllKeys(info, constraints)) continue
    constraints.forEach((constraint, i) => {
      if (includesNode(constraint, pod, node))
        addTo(counts[i], info.labels[constraint.topologyKey] ?? '', countOn(info, constraint.selector, pod))
    })
  }
  return counts
}

function addTo(counts: Map<string, number> | undefined, value: string, delta: number): void {
  counts?.set(value, (counts.get(value) ?? 0) + delta)
}

class FilterRun implements PluginRun {
  readonly #pod: PodInfo
  readonly #constraints: readonly Constraint[]
  readonly #counts: readonly Map<string, number>[]

  constructor(pod: PodInfo, constraints: readonly Constraint[], counts: readonly Map<string, number>[]) {
    this.#pod = pod
    this.#constraints = constraints
    this.#counts = counts
  }

  fork(): PluginRun {
    return new FilterRun(
      this.#pod,
      this.#constraints,
      this.#counts.map((counts) => new Map(counts)),
    )
  }

  addPod(pod: PodInfo, node: NodeInfo): void {
    this.#change(pod, node, 1)
  }

  removePod(pod: PodInfo, node: NodeInfo): void {
    this.#change(pod, node, -1)
  }

  #change(other: PodInfo, info: NodeInfo, delta: 1 | -1): void {
    const { node } = info
    if (node === undefined || !hasAllKeys(info, this.#constraints)) return
    this.#constraints.forEach((constraint, i) => {
      if (matches(constraint.selector, other.pod, this.#pod.pod) && includesNode(constraint, this.#pod.pod, node))
        addTo(this.#counts[i], info.labels[constraint.topologyKey] ?? '', delta)
    })
  }

  filter(node: NodeInfo): Rejection | undefined {
    for (const [i, constraint] of this.#constraints.entries()) {
      const value = node.labels[constraint.topologyKey]
      if (value === undefined) return MISSING_LABEL
      const counts = this.#counts[i] ?? new Map<string, number>()
      const min = counts.size < constraint.minDomains ? 0 : Math.min(...counts.values())
      const self = matchesLabels(constraint.selector, this.#pod.pod.metadata.labels) ? 1 : 0
      if ((counts.get(value) ?? 0) + self - min > constraint.maxSkew) return SKEWED
    }
    return undefined
  }
}

const MISSING_LABEL: Rejection = {
  plugin: NAME,
  reasons: ["node(s) didn't match pod topology spread constraints (missing required label)"],
  isFinal: true,
}
const SKEWED: Rejection = { plugin: NAME, reasons: ["node(s) didn't match pod topology spread constraints"], isFinal: false }

interface Scoring {
  readonly pod: Pod
  readonly constraints: readonly Constraint[]
  readonly cluster: ClusterView
  /** Nodes that lack one of the labels get no score; the default constraints do without a zone. */
  readonly needsAllKeys: boolean
}

function score(scoring: Scoring, nodes: readonly NodeInfo[]): readonly number[] {
  const { constraints, needsAllKeys } = scoring
  const scored = nodes.map((node) => !needsAllKeys || hasAllKeys(node, constraints))
  const counts = candidateCounts(
    scoring,
    nodes.filter((_, i) => scored[i]),
  )
  const sizes = constraints.map(({ topologyKey }, i) => (topologyKey === HOSTNAME ? scored.filter(Boolean).length : (counts[i]?.size ?? 0)))
  const raw = nodes.map((node, i) => (scored[i] === true ? Math.round(rawScore(scoring, node, { counts, sizes })) : undefined))
  const known = raw.filter((value) => value !== undefined)
  const [min, max] = [Math.min(...known), Math.max(0, ...known)]
  return raw.map((value) => {
    if (value === undefined) return 0
    return max === 0 ? MAX_SCORE : Math.trunc((MAX_SCORE * (max + min - value)) / max)
  })
}

/** Counts for the topology values of the candidates; host names are counted node by node when scored. */
function candidateCounts({ pod, constraints, cluster, needsAllKeys }: Scoring, candidates: readonly NodeInfo[]): Map<string, number>[] {
  const counts = constraints.map(({ topologyKey }) =>
    topologyKey === HOSTNAME ? new Map<string, number>() : new Map(candidates.map((node) => [node.labels[topologyKey] ?? '', 0])),
  )
  for (const info of cluster.nodes) {
    const { node } = info
    if (node === undefined || (needsAllKeys && !hasAllKeys(info, constraints))) continue
    constraints.forEach((constraint, i) => {
      const value = info.labels[constraint.topologyKey] ?? ''
      if (counts[i]?.has(value) === true && includesNode(constraint, pod, node))
        addTo(counts[i], value, countOn(info, constraint.selector, pod))
    })
  }
  return counts
}

interface Tally {
  readonly counts: readonly ReadonlyMap<string, number>[]
  readonly sizes: readonly number[]
}

/** Larger domains weigh more, so that few zones are not drowned by many nodes. */
function rawScore({ pod, constraints }: Scoring, node: NodeInfo, { counts, sizes }: Tally): number {
  return constraints.reduce((sum, { topologyKey, selector, maxSkew }, i) => {
    const value = node.labels[topologyKey]
    if (value === undefined) return sum
    const count = topologyKey === HOSTNAME ? countOn(node, selector, pod) : (counts[i]?.get(value) ?? 0)
    return sum + count * Math.log((sizes[i] ?? 0) + 2) + (maxSkew - 1)
  }, 0)
}

function wakes(event: ClusterEvent, pod: PodInfo): boolean {
  if (isNodeEvent(event)) return true
  const isPodEvent = event.type === 'pod-assigned' || event.type === 'pod-changed' || event.type === 'pod-gone'
  return isPodEvent && event.pod.metadata.namespace === pod.pod.metadata.namespace
}
