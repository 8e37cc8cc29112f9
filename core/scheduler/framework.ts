import type { Node, PersistentVolume, PersistentVolumeClaim, Pod } from '../api/types/core-v1.ts'
import type { StorageClass } from '../api/types/storage-v1.ts'
import type { NamespaceLabels } from './affinity-terms.ts'
import type { NodeInfo } from './node-info.ts'
import type { PodInfo } from './pod-info.ts'

/** Scores are between 0 and this. */
export const MAX_SCORE = 100

/** Why a node, or every node, cannot take a pod. */
export interface Rejection {
  readonly plugin: string
  /** Texts of the event, such as `Insufficient cpu`. */
  readonly reasons: readonly string[]
  /** True when taking pods off the node cannot help, so that preemption need not try. */
  readonly isFinal: boolean
}

/** The cluster at the moment of one cycle. Cycles are synchronous, so nothing moves meanwhile. */
export interface ClusterView {
  /** Those whose Node object exists. */
  readonly nodes: readonly NodeInfo[]
  readonly namespaceLabels: NamespaceLabels
}

/** One concern of scheduling. Holds no state about pods: what it learns about one lives in the run. */
export interface Plugin {
  readonly name: string
  /** Factor of its scores. Default 1. */
  readonly weight?: number
  /** Looks at the pod once per cycle; undefined when there is nothing to check or score for it. */
  begin(pod: PodInfo, cluster: ClusterView): PluginRun | Rejection | undefined
  /** Whether a pod that this plugin rejected may fit after the event. */
  wakes(event: ClusterEvent, pod: PodInfo): boolean
}

/** A plugin's view of one pod during one cycle. */
export interface PluginRun {
  /** Only these nodes come into question. */
  readonly nodes?: ReadonlySet<string> | undefined
  filter?(node: NodeInfo): Rejection | undefined
  /** Scores from 0 to `MAX_SCORE` for the nodes that passed, in their order. */
  score?(nodes: readonly NodeInfo[]): readonly number[]
  /** Preemption tries nodes without some pods and with nominated ones; runs that count pods elsewhere follow in a copy. */
  fork?(): PluginRun
  addPod?(pod: PodInfo, node: NodeInfo): void
  removePod?(pod: PodInfo, node: NodeInfo): void
  /** Called when the pod will go to `node`; what it answers runs before the binding. */
  reserve?(node: NodeInfo): Reservation | undefined
}

/** Work that must succeed before the pod is bound; `release` undoes what was reserved, after success and failure alike. */
export interface Reservation {
  readonly plugin: string
  prepare(signal: AbortSignal): Promise<void>
  release(): void
}

export type ClusterEvent =
  | { readonly type: 'node-added'; readonly node: Node }
  | { readonly type: 'node-updated'; readonly node: Node; readonly old: Node }
  /** A pod came to a node, or one there changed. */
  | { readonly type: 'pod-assigned' | 'pod-changed'; readonly pod: Pod; readonly old?: Pod | undefined }
  /** A pod left its node: deleted, or ended. */
  | { readonly type: 'pod-gone'; readonly pod: Pod }
  | { readonly type: 'claim-changed'; readonly claim: PersistentVolumeClaim }
  | { readonly type: 'volume-changed'; readonly volume: PersistentVolume }
  | { readonly type: 'class-changed'; readonly storageClass: StorageClass }
  | { readonly type: 'namespace-changed'; readonly namespace: string }

export function isRejection(value: object): value is Rejection {
  return 'reasons' in value
}

/** Scales so that the largest becomes `MAX_SCORE`; `reverse` turns the smallest into the best. Whole numbers, as Kubernetes has them. */
export function normalize(scores: readonly number[], reverse = false): readonly number[] {
  const max = Math.max(0, ...scores)
  if (max === 0) return reverse ? scores.map(() => MAX_SCORE) : scores
  return scores.map((score) => {
    const scaled = Math.trunc((MAX_SCORE * score) / max)
    return reverse ? MAX_SCORE - scaled : scaled
  })
}

/** Taints, labels, allocatable, conditions and the unschedulable mark are what a node's update can change for a pod. */
export function isNodeEvent(event: ClusterEvent): event is Extract<ClusterEvent, { readonly type: 'node-added' | 'node-updated' }> {
  return event.type === 'node-added' || event.type === 'node-updated'
}
