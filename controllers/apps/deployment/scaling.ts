import type { Deployment, ReplicaSet } from '../../../core/api/types/apps-v1.ts'
import { resolveIntOrPercent } from '../../../core/meta/int-or-string.ts'
import { countIn, DESIRED_REPLICAS, MAX_REPLICAS, revisionOf } from './annotations.ts'

/**
 * Pure arithmetic of rollouts. Source: Kubernetes documentation, "Deployment": rolling update, max unavailable,
 * max surge, proportional scaling.
 */

/** One ReplicaSet and the size it should have. */
export interface Resize {
  readonly set: ReplicaSet
  readonly replicas: number
}

export interface Limits {
  readonly replicas: number
  readonly maxSurge: number
  readonly maxUnavailable: number
}

/** Both bounds as counts; when both come out as 0 a rollout could not move, so one pod may be missing. */
export function limitsOf({ spec }: Deployment): Limits {
  const replicas = spec.replicas ?? 1
  if (spec.strategy.type !== 'RollingUpdate') return { replicas, maxSurge: 0, maxUnavailable: 0 }
  const { maxSurge: surge = 0, maxUnavailable: unavailable = 0 } = spec.strategy.rollingUpdate ?? {}
  const maxSurge = resolveIntOrPercent(surge, replicas, 'up') ?? 0
  const resolved = resolveIntOrPercent(unavailable, replicas, 'down') ?? 0
  const maxUnavailable = maxSurge === 0 && resolved === 0 ? 1 : resolved
  return { replicas, maxSurge, maxUnavailable: Math.min(maxUnavailable, replicas) }
}

export const sizeOf = (set: ReplicaSet): number => set.spec.replicas ?? 1
export const totalSize = (sets: readonly ReplicaSet[]): number => sets.reduce((sum, set) => sum + sizeOf(set), 0)
export const totalAvailable = (sets: readonly ReplicaSet[]): number =>
  sets.reduce((sum, { status }) => sum + (status.availableReplicas ?? 0), 0)
export const activeSets = (sets: readonly ReplicaSet[]): readonly ReplicaSet[] => sets.filter((set) => sizeOf(set) > 0)

/** Size of the new set in the next step up; `newSize` is its size now, `allSize` that of all sets together. */
export function planNewSize(deployment: Deployment, newSize: number, allSize: number): number {
  const { replicas, maxSurge } = limitsOf(deployment)
  if (deployment.spec.strategy.type !== 'RollingUpdate' || newSize > replicas) return replicas
  const room = replicas + maxSurge - allSize
  return room <= 0 ? newSize : newSize + Math.min(room, replicas - newSize)
}

/**
 * How far old sets may shrink now without fewer than the allowed number of pods being available: first what does not
 * serve anyway, then the oldest sets.
 */
export function planOldSizes(deployment: Deployment, newSet: ReplicaSet, oldSets: readonly ReplicaSet[]): readonly Resize[] {
  const { replicas, maxUnavailable } = limitsOf(deployment)
  const minAvailable = replicas - maxUnavailable
  const newUnavailable = sizeOf(newSet) - (newSet.status.availableReplicas ?? 0)
  const maxDown = totalSize(oldSets) + sizeOf(newSet) - minAvailable - newUnavailable
  if (maxDown <= 0) return []
  const oldest = [...oldSets].sort(byCreation)
  const cleaned = shrink(oldest, maxDown, (set) => sizeOf(set) - (set.status.availableReplicas ?? 0))
  const surplus = totalAvailable([...oldSets, newSet]) - minAvailable
  const sizeNow = (set: ReplicaSet): number => cleaned.get(set) ?? sizeOf(set)
  const shrunk = shrink(oldest, surplus, sizeNow, sizeNow)
  return oldest.map((set) => ({ set, replicas: shrunk.get(set) ?? sizeNow(set) })).filter(({ set, replicas: size }) => size !== sizeOf(set))
}

/** Takes up to `budget` replicas away in order, from each set at most `removable`. */
function shrink(
  sets: readonly ReplicaSet[],
  budget: number,
  removable: (set: ReplicaSet) => number,
  from: (set: ReplicaSet) => number = sizeOf,
): ReadonlyMap<ReplicaSet, number> {
  const sizes = new Map<ReplicaSet, number>()
  let left = budget
  for (const set of sets) {
    const count = Math.min(left, removable(set))
    if (left <= 0) break
    if (count <= 0) continue
    sizes.set(set, from(set) - count)
    left -= count
  }
  return sizes
}

/** Sizes after `spec.replicas` changed, in or outside a rollout. */
export function planScale(deployment: Deployment, newSet: ReplicaSet | undefined, oldSets: readonly ReplicaSet[]): readonly Resize[] {
  const { replicas } = limitsOf(deployment)
  const active = activeSets(newSet === undefined ? oldSets : [newSet, ...oldSets])
  const only = active.length === 0 ? (newSet ?? newestOf(oldSets)) : active.length === 1 ? active[0] : undefined
  // A set that has the right size by chance stays in the plan: while its annotations tell an older size, the Deployment
  // counts as being scaled, and no rollout goes on.
  if (only !== undefined) return [{ set: only, replicas }]
  if (active.length === 0) return []
  if (newSet !== undefined && isSaturated(deployment, newSet)) return activeSets(oldSets).map((set) => ({ set, replicas: 0 }))
  if (deployment.spec.strategy.type === 'RollingUpdate') return planProportional(deployment, active)
  return active.map((set) => ({ set, replicas: sizeOf(set) }))
}

/** Spreads growth or shrinkage over all active sets by their share, the rest going to the largest. */
function planProportional(deployment: Deployment, active: readonly ReplicaSet[]): readonly Resize[] {
  const { replicas, maxSurge } = limitsOf(deployment)
  const allowed = replicas > 0 ? replicas + maxSurge : 0
  const toAdd = allowed - totalSize(active)
  const direction = toAdd > 0 ? -1 : 1
  const order = [...active].sort((a, b) => sizeOf(b) - sizeOf(a) || direction * byCreation(a, b))
  const sizes = new Map<ReplicaSet, number>()
  let added = 0
  for (const set of order) {
    const room = toAdd - added
    const share = toAdd === 0 || room === 0 ? 0 : shareOf(set, deployment, replicas + maxSurge)
    const change = toAdd > 0 ? Math.min(share, room) : Math.max(share, room)
    sizes.set(set, sizeOf(set) + change)
    added += change
  }
  const [first] = order
  if (first !== undefined && toAdd !== 0) sizes.set(first, Math.max(0, (sizes.get(first) ?? 0) + toAdd - added))
  // Unchanged sets stay in the plan: their annotations must learn the new bounds.
  return order.map((set) => ({ set, replicas: sizes.get(set) ?? sizeOf(set) }))
}

function shareOf(set: ReplicaSet, { spec, status }: Deployment, maxReplicas: number): number {
  if ((spec.replicas ?? 1) === 0) return -sizeOf(set)
  const before = countIn(set, MAX_REPLICAS)
  const base = before === undefined || before === 0 ? (status.replicas ?? 0) : before
  return base === 0 ? 0 : Math.round((sizeOf(set) * maxReplicas) / base) - sizeOf(set)
}

/** The new set has reached the size that was wanted, and serves. */
function isSaturated(deployment: Deployment, set: ReplicaSet): boolean {
  const { replicas } = limitsOf(deployment)
  return countIn(set, DESIRED_REPLICAS) === replicas && sizeOf(set) === replicas && set.status.availableReplicas === replicas
}

/** A user or an autoscaler changed `spec.replicas` since the sets were last sized. */
export function isScaling(deployment: Deployment, sets: readonly ReplicaSet[]): boolean {
  return activeSets(sets).some((set) => {
    const desired = countIn(set, DESIRED_REPLICAS)
    return desired !== undefined && desired !== limitsOf(deployment).replicas
  })
}

/** Old sets beyond the history limit that nothing uses any more, oldest revision first. */
export function planCleanup(deployment: Deployment, oldSets: readonly ReplicaSet[]): readonly ReplicaSet[] {
  const limit = deployment.spec.revisionHistoryLimit
  if (limit === undefined) return []
  const candidates = oldSets.filter(({ metadata }) => metadata.deletionTimestamp === undefined)
  return candidates
    .toSorted((a, b) => revisionOf(a) - revisionOf(b) || byCreation(a, b))
    .slice(0, Math.max(0, candidates.length - limit))
    .filter(({ metadata, spec, status }) => {
      const settled = (metadata.generation ?? 0) <= (status.observedGeneration ?? 0)
      return status.replicas === 0 && spec.replicas === 0 && settled
    })
}

/** Order of ReplicaSets: older first, names decide between those of one second. */
export function byCreation(a: ReplicaSet, b: ReplicaSet): number {
  const [left, right] = [a.metadata.creationTimestamp, b.metadata.creationTimestamp]
  if (left !== right) return left < right ? -1 : 1
  return a.metadata.name < b.metadata.name ? -1 : 1
}

function newestOf(sets: readonly ReplicaSet[]): ReplicaSet | undefined {
  return [...sets].sort(byCreation).at(-1)
}
