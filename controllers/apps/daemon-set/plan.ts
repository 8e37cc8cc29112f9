import type { DaemonSet, DaemonSetStatus } from '../../../core/api/types/apps-v1.ts'
import type { Node, Pod } from '../../../core/api/types/core-v1.ts'
import { resolveIntOrPercent } from '../../../core/meta/int-or-string.ts'
import { isAvailable, isReady } from '../../runtime/pod.ts'
import { REVISION_HASH } from '../revisions.ts'
import { placementOn } from './placement.ts'

/** Everything the decisions below look at. */
export interface World {
  readonly daemonSet: DaemonSet
  readonly nodes: readonly Node[]
  readonly pods: ReadonlyMap<string, readonly Pod[]>
  /** Hash of the current template's revision. */
  readonly hash: string
  readonly nowMs: number
}

export interface DaemonPlan {
  /** Names of nodes that need a pod. */
  readonly create: readonly string[]
  readonly remove: readonly Pod[]
}

const minReady = ({ spec }: DaemonSet): number => spec.minReadySeconds ?? 0
const isUpdated = (pod: Pod, hash: string): boolean => pod.metadata.labels?.[REVISION_HASH] === hash
const isGoing = (pod: Pod): boolean => pod.metadata.deletionTimestamp !== undefined

/** One pod on each node that should have one, none elsewhere; finished pods make way for new ones. */
export function planDaemonPods(world: World): DaemonPlan {
  const create: string[] = []
  const remove: Pod[] = []
  for (const node of world.nodes) {
    const { shouldRun, mayStay } = placementOn(world.daemonSet, node)
    const pods = world.pods.get(node.metadata.name) ?? []
    // A pod on its way out still holds its place: two daemons of a kind never share a node.
    if (shouldRun && pods.length === 0) create.push(node.metadata.name)
    else if (mayStay) remove.push(...surplus(world, pods))
    else remove.push(...pods.filter((pod) => !isGoing(pod)))
  }
  return { create, remove }
}

function surplus(world: World, pods: readonly Pod[]): readonly Pod[] {
  const present = pods.filter((pod) => !isGoing(pod))
  const finished = present.filter(({ status }) => status.phase === 'Failed' || status.phase === 'Succeeded')
  const running = present.filter((pod) => !finished.includes(pod)).sort(oldestFirst)
  if (limitsOf(world).maxSurge === 0) return [...finished, ...running.slice(1)]
  const [oldest] = running.filter((pod) => !isUpdated(pod, world.hash))
  const [updated] = running.filter((pod) => isUpdated(pod, world.hash))
  // During a surge the old pod stays until the new one serves.
  const replaced = updated !== undefined && isAvailable(updated, minReady(world.daemonSet), world.nowMs)
  return [...finished, ...running.filter((pod) => pod !== updated && (pod !== oldest || replaced))]
}

/** Bounds of a rolling update as counts of nodes; when both come out as 0 one pod may be missing. */
function limitsOf({ daemonSet, nodes }: World): { readonly maxSurge: number; readonly maxUnavailable: number } {
  const { type, rollingUpdate } = daemonSet.spec.updateStrategy
  if (type === 'OnDelete') return { maxSurge: 0, maxUnavailable: 0 }
  const desired = nodes.filter((node) => placementOn(daemonSet, node).shouldRun).length
  const maxSurge = resolveIntOrPercent(rollingUpdate?.maxSurge ?? 0, desired, 'up') ?? 0
  const maxUnavailable = resolveIntOrPercent(rollingUpdate?.maxUnavailable ?? 1, desired, 'up') ?? 0
  return { maxSurge, maxUnavailable: maxSurge === 0 && maxUnavailable === 0 ? 1 : maxUnavailable }
}

/** The next step of a rolling update: old pods to delete, and with surge the nodes that get a second pod. */
export function planRollingUpdate(world: World): DaemonPlan {
  if (world.daemonSet.spec.updateStrategy.type === 'OnDelete') return { create: [], remove: [] }
  const { maxSurge, maxUnavailable } = limitsOf(world)
  return maxSurge === 0 ? planReplacement(world, maxUnavailable) : planSurge(world, maxSurge)
}

interface NodePods {
  readonly node: string
  readonly updated: Pod | undefined
  readonly old: Pod | undefined
}

/** Nodes with more than one pod of a kind are skipped: the surplus goes first. */
function* pairs(world: World): Generator<NodePods> {
  for (const { metadata } of world.nodes) {
    const pods = world.pods.get(metadata.name) ?? []
    const updated = pods.filter((pod) => isUpdated(pod, world.hash))
    const old = pods.filter((pod) => !isUpdated(pod, world.hash))
    if (updated.length <= 1 && old.length <= 1) yield { node: metadata.name, updated: updated[0], old: old[0] }
  }
}

function planReplacement(world: World, maxUnavailable: number): DaemonPlan {
  const serves = (pod: Pod): boolean => !isGoing(pod) && isAvailable(pod, minReady(world.daemonSet), world.nowMs)
  const broken: Pod[] = []
  const candidates: Pod[] = []
  let unavailable = 0
  for (const { node, updated, old } of pairs(world)) {
    if (updated !== undefined) {
      if (old !== undefined || !serves(updated)) unavailable += 1
    } else if (old === undefined) {
      if (isWanted(world, node)) unavailable += 1
    } else if (serves(old)) candidates.push(old)
    else {
      unavailable += 1
      // Nothing is lost by replacing what does not serve.
      if (!isGoing(old)) broken.push(old)
    }
  }
  return { create: [], remove: [...broken, ...candidates.slice(0, Math.max(0, maxUnavailable - unavailable))] }
}

function planSurge(world: World, maxSurge: number): DaemonPlan {
  const serves = (pod: Pod): boolean => isAvailable(pod, minReady(world.daemonSet), world.nowMs)
  const remove: Pod[] = []
  const broken: string[] = []
  const candidates: string[] = []
  let surging = 0
  for (const { node, updated, old } of pairs(world)) {
    if (old === undefined) continue
    if (updated === undefined) {
      if (!isWanted(world, node) || isGoing(old)) continue
      ;(serves(old) ? candidates : broken).push(node)
    } else if (serves(updated)) {
      if (!isGoing(old)) remove.push(old)
    } else surging += 1
  }
  return { create: [...broken, ...candidates.slice(0, Math.max(0, maxSurge - surging))], remove }
}

function isWanted(world: World, name: string): boolean {
  const node = world.nodes.find(({ metadata }) => metadata.name === name)
  return node !== undefined && placementOn(world.daemonSet, node).shouldRun
}

/** The counters over all nodes. A pod is available `minReadySeconds` after it became ready. */
export function planStatus(world: World, observedGeneration: number | undefined): DaemonSetStatus {
  const { daemonSet, nodes, pods, hash, nowMs } = world
  const counts = { desired: 0, current: 0, misscheduled: 0, ready: 0, available: 0, updated: 0 }
  for (const node of nodes) {
    const [oldest] = (pods.get(node.metadata.name) ?? []).toSorted(oldestFirst)
    const { shouldRun } = placementOn(daemonSet, node)
    if (shouldRun) counts.desired += 1
    if (oldest === undefined) continue
    if (!shouldRun) {
      counts.misscheduled += 1
      continue
    }
    counts.current += 1
    if (isReady(oldest)) counts.ready += 1
    if (isAvailable(oldest, minReady(daemonSet), nowMs)) counts.available += 1
    if (isUpdated(oldest, hash)) counts.updated += 1
  }
  const unavailable = counts.desired - counts.available
  const { conditions, collisionCount } = daemonSet.status
  return {
    currentNumberScheduled: counts.current,
    numberMisscheduled: counts.misscheduled,
    desiredNumberScheduled: counts.desired,
    numberReady: counts.ready,
    ...(observedGeneration !== undefined && { observedGeneration }),
    ...(counts.updated > 0 && { updatedNumberScheduled: counts.updated }),
    ...(counts.available > 0 && { numberAvailable: counts.available }),
    ...(unavailable > 0 && { numberUnavailable: unavailable }),
    ...(collisionCount !== undefined && { collisionCount }),
    ...(conditions !== undefined && { conditions }),
  }
}

function oldestFirst(a: Pod, b: Pod): number {
  // Bound pods before unbound ones, so that a pod that runs is kept before one that waits.
  const bound = Number((b.spec.nodeName ?? '') !== '') - Number((a.spec.nodeName ?? '') !== '')
  if (bound !== 0) return bound
  if (a.metadata.creationTimestamp !== b.metadata.creationTimestamp)
    return a.metadata.creationTimestamp < b.metadata.creationTimestamp ? -1 : 1
  return a.metadata.name < b.metadata.name ? -1 : 1
}
