import type { Diagnosis } from './diagnosis.ts'
import { type ClusterView, isRejection, type Plugin, type PluginRun, type Rejection, type Reservation } from './framework.ts'
import type { NodeInfo } from './node-info.ts'
import type { Nominator } from './nominator.ts'
import type { PodInfo } from './pod-info.ts'

/** The plugins at work on one pod. */
export interface ActiveRun {
  readonly plugin: Plugin
  readonly run: PluginRun
}

export interface CycleDeps {
  readonly plugins: readonly Plugin[]
  readonly cluster: ClusterView
  readonly nominator: Nominator
  /** 0 to 1; chooses among equally good nodes. */
  readonly random: () => number
}

export type CycleResult =
  | { readonly kind: 'node'; readonly node: NodeInfo; readonly reservations: readonly Reservation[] }
  /** `runs` is empty when the pod was rejected before any node was looked at. */
  | { readonly kind: 'unschedulable'; readonly diagnosis: Diagnosis; readonly runs: readonly ActiveRun[] }

/** Decides where a pod goes. Pure but for `random`: looks at the cluster, changes nothing but what plugins reserve for the winner. */
export function findNode(pod: PodInfo, deps: CycleDeps): CycleResult {
  const { cluster, nominator } = deps
  const nodeCount = cluster.nodes.length
  const runs = beginAll(pod, deps)
  if (isRejection(runs)) return { kind: 'unschedulable', diagnosis: { nodes: new Map(), pod: runs, nodeCount }, runs: [] }
  const rejected = new Map<string, Rejection>()
  const feasible = cluster.nodes.filter((node) => {
    const rejection = outsideSet(runs, node) ?? filterWithNominated(pod, node, runs, nominator)
    if (rejection !== undefined) rejected.set(node.name, rejection)
    return rejection === undefined
  })
  const node = pick(feasible, runs, deps.random)
  if (node === undefined) return { kind: 'unschedulable', diagnosis: { nodes: rejected, nodeCount }, runs }
  return { kind: 'node', node, reservations: runs.flatMap(({ run }) => run.reserve?.(node) ?? []) }
}

function beginAll(pod: PodInfo, { plugins, cluster }: CycleDeps): readonly ActiveRun[] | Rejection {
  const runs: ActiveRun[] = []
  for (const plugin of plugins) {
    const run = plugin.begin(pod, cluster)
    if (run === undefined) continue
    if (isRejection(run)) return run
    runs.push({ plugin, run })
  }
  return runs
}

function outsideSet(runs: readonly ActiveRun[], node: NodeInfo): Rejection | undefined {
  for (const { plugin, run } of runs)
    if (run.nodes !== undefined && !run.nodes.has(node.name))
      return { plugin: plugin.name, reasons: [`node(s) didn't satisfy plugin(s) [${plugin.name}]`], isFinal: true }
  return undefined
}

/** The first rejection of a node. */
export function filterNode(node: NodeInfo, runs: readonly ActiveRun[]): Rejection | undefined {
  for (const { run } of runs) {
    const rejection = run.filter?.(node)
    if (rejection !== undefined) return rejection
  }
  return undefined
}

/**
 * Pods of at least the same priority that are nominated to the node count as if they were there; but as they may end elsewhere, the
 * node must fit without them too.
 */
export function filterWithNominated(pod: PodInfo, node: NodeInfo, runs: readonly ActiveRun[], nominator: Nominator): Rejection | undefined {
  const nominated = nominator
    .podsOn(node.name)
    .filter((other) => other.priority >= pod.priority && other.key !== pod.key && !node.pods.has(other.key))
  if (nominated.length > 0) {
    const trial = node.clone()
    const trialRuns = forkRuns(runs)
    for (const other of nominated) addPod(other, trial, trialRuns)
    const rejection = filterNode(trial, trialRuns)
    if (rejection !== undefined) return rejection
  }
  return filterNode(node, runs)
}

/** Runs that can be tried out without changing the first. */
export function forkRuns(runs: readonly ActiveRun[]): readonly ActiveRun[] {
  return runs.map(({ plugin, run }) => ({ plugin, run: run.fork?.() ?? run }))
}

/** On a copy of a node and forked runs. */
export function addPod(pod: PodInfo, node: NodeInfo, runs: readonly ActiveRun[]): void {
  node.addPod(pod)
  for (const { run } of runs) run.addPod?.(pod, node)
}

/** Takes a pod out of a node on trial, for all plugins of the cycle. */
export function removePod(pod: PodInfo, node: NodeInfo, runs: readonly ActiveRun[]): void {
  node.removePod(pod.key)
  for (const { run } of runs) run.removePod?.(pod, node)
}

/** The node with the highest weighted sum, any of them when several have it. */
function pick(nodes: readonly NodeInfo[], runs: readonly ActiveRun[], random: () => number): NodeInfo | undefined {
  if (nodes.length <= 1) return nodes[0]
  const totals = nodes.map(() => 0)
  for (const { plugin, run } of runs) {
    const scores = run.score?.(nodes) ?? []
    scores.forEach((score, i) => {
      totals[i] = (totals[i] ?? 0) + score * (plugin.weight ?? 1)
    })
  }
  const best = Math.max(...totals)
  const winners = nodes.filter((_, i) => totals[i] === best)
  return winners[Math.floor(random() * winners.length)]
}
