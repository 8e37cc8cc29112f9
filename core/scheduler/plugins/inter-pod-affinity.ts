import { type AffinityTerms, matchesTerm, type NamespaceLabels, type Term } from '../affinity-terms.ts'
import { type ClusterEvent, type ClusterView, isNodeEvent, MAX_SCORE, type Plugin, type PluginRun, type Rejection } from '../framework.ts'
import type { NodeInfo } from '../node-info.ts'
import { hasAffinity, type PodInfo, podInfoOf } from '../pod-info.ts'

const NAME = 'InterPodAffinity'
/** How much a required affinity of a running pod towards the new one draws it. */
const HARD_AFFINITY_WEIGHT = 1

/** Pods near or apart from other pods, by any label of the nodes. */
export function interPodAffinity(namespaceLabels: NamespaceLabels): Plugin {
  return {
    name: NAME,
    weight: 2,
    begin: (pod, cluster) => Run.begin(pod, cluster),
    wakes: (event, pod) => wakes(event, pod, namespaceLabels),
  }
}

/** Counts by `topologyKey=value`. */
type Counts = Map<string, number>

const pairOf = (key: string, value: string): string => `${key}\0${value}`

class Run implements PluginRun {
  readonly #pod: PodInfo
  readonly #cluster: ClusterView
  /** Pods whose required anti-affinity excludes the new pod. */
  readonly #excluding: Counts
  /** Pods that match all required affinity terms of the new pod, by each term's topology. */
  readonly #wanted: Counts
  readonly #unwanted: Counts

  private constructor(pod: PodInfo, cluster: ClusterView, counts: readonly [Counts, Counts, Counts]) {
    this.#pod = pod
    this.#cluster = cluster
    this.#excluding = counts[0]
    this.#wanted = counts[1]
    this.#unwanted = counts[2]
  }

  static begin(pod: PodInfo, cluster: ClusterView): PluginRun {
    const run = new Run(pod, cluster, [new Map(), new Map(), new Map()])
    const looksAtAll = pod.affinity.required.length + pod.antiAffinity.required.length > 0
    for (const node of cluster.nodes) {
      if (!looksAtAll && !node.hasPodsWithAffinity) continue
      for (const other of node.pods.values()) run.#count(other, node, 1)
    }
    return run
  }

  fork(): PluginRun {
    return new Run(this.#pod, this.#cluster, [new Map(this.#excluding), new Map(this.#wanted), new Map(this.#unwanted)])
  }

  addPod(pod: PodInfo, node: NodeInfo): void {
    this.#count(pod, node, 1)
  }

  removePod(pod: PodInfo, node: NodeInfo): void {
    this.#count(pod, node, -1)
  }

  #count(other: PodInfo, node: NodeInfo, delta: 1 | -1): void {
    const { namespaceLabels } = this.#cluster
    const matches = (term: Term, pod: PodInfo): boolean => matchesTerm(term, pod.pod, namespaceLabels)
    for (const term of other.antiAffinity.required) if (matches(term, this.#pod)) bump(this.#excluding, term, node, delta)
    const { affinity, antiAffinity } = this.#pod
    if (affinity.required.length > 0 && affinity.required.every((term) => matches(term, other)))
      for (const term of affinity.required) bump(this.#wanted, term, node, delta)
    for (const term of antiAffinity.required) if (matches(term, other)) bump(this.#unwanted, term, node, delta)
  }

  filter(node: NodeInfo): Rejection | undefined {
    if (!this.#satisfiesAffinity(node)) return reject("node(s) didn't match pod affinity rules", true)
    for (const { topologyKey } of this.#pod.antiAffinity.required)
      if (countAt(this.#unwanted, topologyKey, node) > 0) return reject("node(s) didn't match pod anti-affinity rules", false)
    if (this.#isExcluded(node)) return reject("node(s) didn't satisfy existing pods anti-affinity rules", false)
    return undefined
  }

  #isExcluded(node: NodeInfo): boolean {
    if (this.#excluding.size === 0) return false
    for (const [key, value] of Object.entries(node.labels)) if ((this.#excluding.get(pairOf(key, value)) ?? 0) > 0) return true
    return false
  }

  /** The first pod of a group that wants to be near its own kind may go anywhere. */
  #satisfiesAffinity(node: NodeInfo): boolean {
    const { required } = this.#pod.affinity
    if (required.some(({ topologyKey }) => node.labels[topologyKey] === undefined)) return false
    if (required.every(({ topologyKey }) => countAt(this.#wanted, topologyKey, node) > 0)) return true
    const noneYet = ![...this.#wanted.values()].some((count) => count > 0)
    return noneYet && required.every((term) => matchesTerm(term, this.#pod.pod, this.#cluster.namespaceLabels))
  }

  score(nodes: readonly NodeInfo[]): readonly number[] {
    const sums: Counts = new Map()
    const looksAtAll = this.#pod.affinity.preferred.length + this.#pod.antiAffinity.preferred.length > 0
    for (const node of this.#cluster.nodes) {
      if (!looksAtAll && !node.hasPodsWithAffinity) continue
      for (const other of node.pods.values()) if (looksAtAll || hasAffinity(other)) this.#weigh(sums, other, node)
    }
    if (sums.size === 0) return nodes.map(() => 0)
    const raw = nodes.map((node) => Object.entries(node.labels).reduce((sum, [key, value]) => sum + (sums.get(pairOf(key, value)) ?? 0), 0))
    const [min, max] = [Math.min(...raw), Math.max(...raw)]
    return raw.map((score) => (max === min ? 0 : Math.trunc((MAX_SCORE * (score - min)) / (max - min))))
  }

  #weigh(sums: Counts, other: PodInfo, node: NodeInfo): void {
    const add = (terms: readonly Term[], about: PodInfo, factor: number): void => {
      for (const term of terms)
        if (matchesTerm(term, about.pod, this.#cluster.namespaceLabels))
          bump(sums, term, node, factor * (term.weight === 0 ? HARD_AFFINITY_WEIGHT : term.weight))
    }
    add(this.#pod.affinity.preferred, other, 1)
    add(this.#pod.antiAffinity.preferred, other, -1)
    add(other.affinity.required, this.#pod, 1)
    add(other.affinity.preferred, this.#pod, 1)
    add(other.antiAffinity.preferred, this.#pod, -1)
  }
}

function bump(counts: Counts, { topologyKey }: Term, node: NodeInfo, delta: number): void {
  const value = node.labels[topologyKey]
  if (value === undefined) return
  const pair = pairOf(topologyKey, value)
  counts.set(pair, (counts.get(pair) ?? 0) + delta)
}

function countAt(counts: Counts, topologyKey: string, node: NodeInfo): number {
  const value = node.labels[topologyKey]
  return value === undefined ? 0 : (counts.get(pairOf(topologyKey, value)) ?? 0)
}

function reject(reason: string, isFinal: boolean): Rejection {
  return { plugin: NAME, reasons: [reason], isFinal }
}

function wakes(event: ClusterEvent, pod: PodInfo, labels: NamespaceLabels): boolean {
  const speaksOf = (terms: AffinityTerms, other: PodInfo): boolean => terms.required.some((term) => matchesTerm(term, other.pod, labels))
  if (isNodeEvent(event) || event.type === 'namespace-changed') return true
  if (event.type === 'pod-assigned' || event.type === 'pod-changed')
    return (
      speaksOf(pod.affinity, podInfoOf(event.pod)) || (event.old !== undefined && event.old.metadata.labels !== event.pod.metadata.labels)
    )
  return event.type === 'pod-gone' && (speaksOf(pod.antiAffinity, podInfoOf(event.pod)) || speaksOf(podInfoOf(event.pod).antiAffinity, pod))
}
