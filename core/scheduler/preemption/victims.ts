import type { PodDisruptionBudget } from '../../api/types/policy-v1.ts'
import { type ActiveRun, addPod, filterWithNominated, forkRuns, removePod } from '../cycle.ts'
import type { Rejection } from '../framework.ts'
import type { NodeInfo } from '../node-info.ts'
import type { Nominator } from '../nominator.ts'
import type { PodInfo } from '../pod-info.ts'
import { splitByBudget } from './budgets.ts'

/** The pods to take off one node so that another fits. */
export interface Candidate {
  readonly node: NodeInfo
  /** Most important first; never empty. */
  readonly victims: readonly PodInfo[]
  readonly violations: number
}

export interface Preemptor {
  readonly pod: PodInfo
  readonly runs: readonly ActiveRun[]
  readonly nominator: Nominator
  readonly budgets: readonly PodDisruptionBudget[]
}

const NO_VICTIMS: Rejection = { plugin: 'DefaultPreemption', reasons: ['No preemption victims found for incoming pod'], isFinal: true }

/**
 * The smallest set found by taking all less important pods away and putting them back one by one, the most important first and
 * those under a disruption budget before the others. A rejection when even the empty node does not fit.
 */
export function victimsOn(original: NodeInfo, { pod, runs: originals, nominator, budgets }: Preemptor): Candidate | Rejection {
  const node = original.clone()
  const runs = forkRuns(originals)
  const weaker = [...node.pods.values()].filter(({ priority }) => priority < pod.priority)
  if (weaker.length === 0) return NO_VICTIMS
  for (const other of weaker) removePod(other, node, runs)
  const rejection = filterWithNominated(pod, node, runs, nominator)
  if (rejection !== undefined) return rejection
  const victims: PodInfo[] = []
  const reprieve = (other: PodInfo): boolean => {
    addPod(other, node, runs)
    if (filterWithNominated(pod, node, runs, nominator) === undefined) return true
    removePod(other, node, runs)
    victims.push(other)
    return false
  }
  const { violating, harmless } = splitByBudget(weaker.sort(byImportance), budgets)
  const violations = violating.filter((other) => !reprieve(other)).length
  for (const other of harmless) reprieve(other)
  return { node: original, victims: victims.sort(byImportance), violations }
}

/** Higher priority first, then the one that runs longer. */
export function byImportance(a: PodInfo, b: PodInfo): number {
  return b.priority - a.priority || compareText(startOf(a), startOf(b))
}

/** A pod that has not started counts as started now, after all others. */
export function startOf({ pod }: PodInfo): string {
  return pod.status.startTime ?? '9999'
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
