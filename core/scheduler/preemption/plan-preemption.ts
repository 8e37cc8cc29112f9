import type { PodDisruptionBudget } from '../../api/types/policy-v1.ts'
import { findCondition } from '../../meta/conditions.ts'
import type { ActiveRun } from '../cycle.ts'
import { type Diagnosis, explain } from '../diagnosis.ts'
import type { ClusterView, Rejection } from '../framework.ts'
import type { NodeInfo } from '../node-info.ts'
import type { Nominator } from '../nominator.ts'
import type { PodInfo } from '../pod-info.ts'
import { pickCandidate } from './pick-candidate.ts'
import { type Candidate, victimsOn } from './victims.ts'

export interface PreemptionInput {
  readonly pod: PodInfo
  /** Why the ordinary cycle found no node, and the plugins as they stood then. */
  readonly diagnosis: Diagnosis
  readonly runs: readonly ActiveRun[]
  readonly cluster: ClusterView
  readonly nominator: Nominator
  readonly budgets: readonly PodDisruptionBudget[]
  readonly random: () => number
}

export type PreemptionPlan =
  | { readonly kind: 'candidate'; readonly candidate: Candidate }
  /** `keepsNomination`: victims of an earlier round are still going away. */
  | { readonly kind: 'hopeless'; readonly message: string; readonly keepsNomination: boolean }

/** Candidates looked at: a tenth of the nodes, but at least this many. Source: defaults of DefaultPreemption. */
const MIN_CANDIDATES = 100
const NOT_HELPFUL = 'Preemption is not helpful for scheduling'

/** Whether taking less important pods off a node makes room, and which. Decides only; changes nothing. */
export function planPreemption(input: PreemptionInput): PreemptionPlan {
  const obstacle = ineligibility(input)
  if (obstacle !== undefined) return { kind: 'hopeless', message: obstacle, keepsNomination: true }
  const rejected = new Map<string, Rejection>()
  const candidates: Candidate[] = []
  const limit = Math.max(MIN_CANDIDATES, Math.ceil(input.cluster.nodes.length / 10))
  for (const node of rotated(input.cluster.nodes, input.random)) {
    const found = attempt(node, input)
    if (!('victims' in found)) rejected.set(node.name, found)
    else if (candidates.push(found) >= limit) break
  }
  const candidate = pickCandidate(candidates)
  if (candidate !== undefined) return { kind: 'candidate', candidate }
  return { kind: 'hopeless', message: explain({ nodes: rejected, nodeCount: input.cluster.nodes.length }), keepsNomination: false }
}

function attempt(node: NodeInfo, { pod, diagnosis, runs, nominator, budgets }: PreemptionInput): Candidate | Rejection {
  if (diagnosis.nodes.get(node.name)?.isFinal !== false) return { plugin: 'DefaultPreemption', reasons: [NOT_HELPFUL], isFinal: true }
  return victimsOn(node, { pod, runs, nominator, budgets })
}

/** Starting anywhere spreads the harm when several nodes would do. */
function rotated(nodes: readonly NodeInfo[], random: () => number): readonly NodeInfo[] {
  const start = Math.floor(random() * nodes.length)
  return [...nodes.slice(start), ...nodes.slice(0, start)]
}

function ineligibility({ pod, diagnosis, cluster }: PreemptionInput): string | undefined {
  if (pod.pod.spec.preemptionPolicy === 'Never') return 'not eligible due to preemptionPolicy=Never.'
  const nominated = pod.pod.status.nominatedNodeName ?? ''
  if (nominated === '' || diagnosis.nodes.get(nominated)?.isFinal === true) return undefined
  const node = cluster.nodes.find(({ name }) => name === nominated)
  const isLeaving = [...(node?.pods.values() ?? [])].some((other) => other.priority < pod.priority && isPreempted(other))
  return isLeaving ? 'not eligible due to a terminating pod on the nominated node.' : undefined
}

function isPreempted({ pod }: PodInfo): boolean {
  if (pod.metadata.deletionTimestamp === undefined) return false
  const condition = findCondition(pod.status.conditions, 'DisruptionTarget')
  return condition?.status === 'True' && condition.reason === 'PreemptionByScheduler'
}
