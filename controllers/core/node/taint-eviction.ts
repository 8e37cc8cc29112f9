import { nodes, pods } from '../../../core/api/kinds.ts'
import { tolerates } from '../../../core/api/rules/node-match.ts'
import type { Node, Pod, Taint } from '../../../core/api/types/core-v1.ts'
import type { Client } from '../../../core/client/client.ts'
import type { Informer, Lister } from '../../../core/client/informer.ts'
import type { EventRecorder } from '../../../core/client/recorder.ts'
import { setCondition } from '../../../core/meta/conditions.ts'
import { keyOf, type ObjectKey } from '../../../core/meta/object.ts'
import { ignoreNotFound } from '../../../core/meta/status-error.ts'
import { type Clock, toTimestamp } from '../../../core/runtime/clock.ts'
import { after, type Controller, done, type ReconcileContext, type Result, watch } from '../../runtime/controller.ts'
import { indexByNode, podsOn } from '../../runtime/pod.ts'

/**
 * Deletes pods that do not tolerate a NoExecute taint of their node, after the time they tolerate it for.
 * Source: Kubernetes documentation, "Taints and Tolerations", taint based evictions.
 */
export interface TaintEvictionDeps {
  readonly client: Client
  readonly nodes: Lister<Node>
  readonly pods: Informer<Pod>
  readonly recorder: EventRecorder
  readonly clock: Clock
}

export function taintEvictionController(deps: TaintEvictionDeps): Controller {
  indexByNode(deps.pods)
  const state: State = { waiting: new Map() }
  return {
    name: 'taint-eviction',
    concurrency: 8,
    watches: [
      watch(pods, (pod) =>
        deps.nodes.get(pod.spec.nodeName ?? '')?.spec.taints === undefined && !state.waiting.has(keyOf(pod)) ? [] : [keyOf(pod)],
      ),
      watch(nodes, (node) => affectedPods(node, deps, state)),
    ],
    reconcile: (key, context) => reconcile(key, deps, state, context),
  }
}

interface State {
  /** Since when pods have been waiting for their eviction, in milliseconds since the epoch. */
  readonly waiting: Map<ObjectKey, number>
}

function affectedPods(node: Node, { pods: lister }: TaintEvictionDeps, { waiting }: State): readonly ObjectKey[] {
  const tainted = noExecute(node).length > 0
  const keys = podsOn(lister, node.metadata.name).map(keyOf)
  return tainted ? keys : keys.filter((key) => waiting.has(key))
}

function noExecute(node: Node | undefined): readonly Taint[] {
  return node?.spec.taints?.filter(({ effect }) => effect === 'NoExecute') ?? []
}

async function reconcile(key: ObjectKey, deps: TaintEvictionDeps, state: State, { signal }: ReconcileContext): Promise<Result> {
  const pod = deps.pods.get(key)
  const node = deps.nodes.get(pod?.spec.nodeName ?? '')
  const nowMs = deps.clock.now()
  const sinceMs = state.waiting.get(key) ?? nowMs
  const dueMs =
    pod === undefined || pod.metadata.deletionTimestamp !== undefined ? undefined : planEviction(pod, noExecute(node), { nowMs, sinceMs })
  if (pod === undefined || dueMs === undefined) {
    const cancelled = state.waiting.delete(key)
    if (cancelled && pod !== undefined && pod.metadata.deletionTimestamp === undefined) {
      deps.recorder.event(pod, 'Normal', 'TaintManagerEviction', `Cancelling deletion of Pod ${key}`)
    }
    return done
  }
  const leftMs = dueMs - nowMs
  if (leftMs > 0) {
    state.waiting.set(key, sinceMs)
    return after(leftMs)
  }
  deps.recorder.event(pod, 'Normal', 'TaintManagerEviction', `Marking for deletion Pod ${key}`)
  await markDisrupted(pod, deps, signal)
  await ignoreNotFound(deps.client.delete(pods, pod.metadata, { signal, preconditions: { uid: pod.metadata.uid } }))
  state.waiting.delete(key)
  return done
}

/** All in milliseconds since the epoch. */
export interface EvictionTimes {
  readonly nowMs: number
  /** When the pod was first seen under a taint. */
  readonly sinceMs: number
}

/** When the pod must go, in milliseconds since the epoch; undefined: it tolerates all taints for as long as they last. */
export function planEviction(pod: Pod, taints: readonly Taint[], { nowMs, sinceMs }: EvictionTimes): number | undefined {
  let dueMs: number | undefined
  for (const taint of taints) {
    const fitting = (pod.spec.tolerations ?? []).filter((toleration) => tolerates(toleration, taint))
    // The taint tells when it came, so a restart of this process does not give the pod its time again; one that a person set does not.
    const addedMs = Date.parse(taint.timeAdded ?? '')
    const start = Number.isNaN(addedMs) ? sinceMs : addedMs
    const limits = fitting.map(({ tolerationSeconds }) => tolerationSeconds).filter((seconds) => seconds !== undefined)
    if (fitting.length > 0 && limits.length === 0) continue
    const at = fitting.length === 0 ? nowMs : start + Math.max(0, Math.min(...limits)) * 1000
    dueMs = Math.min(dueMs ?? at, at)
  }
  return dueMs
}

async function markDisrupted(pod: Pod, { client, clock }: TaintEvictionDeps, signal: AbortSignal): Promise<void> {
  const condition = {
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'DeletionByTaintManager',
    message: 'Taint manager: deleting due to NoExecute taint',
  }
  const conditions = setCondition(pod.status.conditions, condition, toTimestamp(clock.now()))
  if (conditions === pod.status.conditions) return
  await ignoreNotFound(client.updateStatus(pods, { ...pod, status: { ...pod.status, conditions } }, { signal }))
}
