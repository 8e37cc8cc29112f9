import { nodes, pods } from '../../core/api/kinds.ts'
import type { Node, Pod } from '../../core/api/types/core-v1.ts'
import type { Client } from '../../core/client/client.ts'
import type { Informer, Lister } from '../../core/client/informer.ts'
import { isConditionTrue, setCondition } from '../../core/meta/conditions.ts'
import { keyOf, type ObjectKey } from '../../core/meta/object.ts'
import { ignoreNotFound } from '../../core/meta/status-error.ts'
import { type Clock, toTimestamp } from '../../core/runtime/clock.ts'
import { after, type Controller, done, type ReconcileContext, type Result, watch } from '../runtime/controller.ts'
import { indexByNode, isFinished, nodeNames, podsOn } from '../runtime/pod.ts'

/**
 * Removes pods that no kubelet will ever remove: of nodes that are gone or out of service, deleted before they had a
 * node, and the oldest finished ones when there are too many. Source: Kubernetes documentation, "Pod Lifecycle",
 * garbage collection of pods.
 */
export interface PodGcDeps {
  readonly client: Client
  readonly pods: Informer<Pod>
  readonly nodes: Lister<Node>
  readonly clock: Clock
  /** Finished pods kept; 0 keeps all. */
  readonly threshold: number
}

/** A node that is missing from the cache may be about to appear. */
const QUARANTINE_MS = 40_000
const OUT_OF_SERVICE = 'node.kubernetes.io/out-of-service'
const FINISHED = 'finishedPods'
/** Not a pod key, since it has no slash in front of a name. */
const SWEEP = '*' as ObjectKey

export function podGarbageCollector(deps: PodGcDeps): Controller {
  deps.pods.addIndex(FINISHED, finishedIndex)
  indexByNode(deps.pods)
  const missing = new Map<string, number>()
  return {
    name: 'pod-garbage-collector',
    concurrency: 2,
    watches: [
      watch(pods, (pod) => [...(isSuspect(pod, deps) ? [keyOf(pod)] : []), ...(isFinished(pod) ? [SWEEP] : [])]),
      watch(nodes, (node) => nodeChanged(node, deps, missing)),
    ],
    reconcile: (key, context) => (key === SWEEP ? sweep(deps, context) : reconcile(key, deps, missing, context)),
  }
}

function finishedIndex(pod: Pod): readonly string[] {
  return isFinished(pod) ? [FINISHED] : []
}

/** The few pods worth a look, so that the many others cost nothing. */
function isSuspect(pod: Pod, deps: PodGcDeps): boolean {
  const [node] = nodeNames(pod)
  if (node === undefined) return pod.metadata.deletionTimestamp !== undefined
  const known = deps.nodes.get(node)
  return known === undefined || (pod.metadata.deletionTimestamp !== undefined && isOutOfService(known))
}

function nodeChanged(node: Node, deps: PodGcDeps, missing: Map<string, number>): readonly ObjectKey[] {
  const { name } = node.metadata
  const current = deps.nodes.get(name)
  if (current !== undefined) missing.delete(name)
  return current === undefined || isOutOfService(current) ? podsOn(deps.pods, name).map(keyOf) : []
}

function isOutOfService({ spec, status }: Node): boolean {
  return !isConditionTrue(status.conditions, 'Ready') && (spec.taints ?? []).some(({ key }) => key === OUT_OF_SERVICE)
}

async function reconcile(key: ObjectKey, deps: PodGcDeps, missing: Map<string, number>, { signal }: ReconcileContext): Promise<Result> {
  const pod = deps.pods.get(key)
  if (pod === undefined) return done
  const [name] = nodeNames(pod)
  const deleting = pod.metadata.deletionTimestamp !== undefined
  if (name === undefined) {
    if (deleting) await remove(pod, undefined, deps, signal)
    return done
  }
  const node = deps.nodes.get(name)
  if (node !== undefined) {
    if (deleting && isOutOfService(node)) await remove(pod, undefined, deps, signal)
    return done
  }
  const nowMs = deps.clock.now()
  const sinceMs = missing.get(name) ?? nowMs
  missing.set(name, sinceMs)
  if (nowMs - sinceMs < QUARANTINE_MS) return after(sinceMs + QUARANTINE_MS - nowMs)
  // The cache has missed the node for a while; the server decides.
  if ((await ignoreNotFound(deps.client.get(nodes, { name }, signal))) !== undefined) return done
  await remove(pod, 'PodGC: node no longer exists', deps, signal)
  return done
}

/** Ends a pod whose containers cannot be asked: its phase is made final, so that its owner counts it right. */

async function remove(pod: Pod, why: string | undefined, { client, clock }: PodGcDeps, signal: AbortSignal): Promise<void> {
  if (!isFinished(pod) && pod.spec.nodeName !== undefined) {
    const disrupted = { type: 'DisruptionTarget', status: 'True', reason: 'DeletionByPodGC', message: why ?? '' }
    const conditions = why === undefined ? pod.status.conditions : setCondition(pod.status.conditions, disrupted, toTimestamp(clock.now()))
    // Conditional, since a patch of a list replaces it. The role allows a patch of the status and no update.
    const { uid, resourceVersion } = pod.metadata
    const body = { metadata: { uid, resourceVersion }, status: { phase: 'Failed', ...(conditions !== undefined && { conditions }) } }
    await ignoreNotFound(client.patch(pods, pod.metadata, { type: 'merge', body }, { signal, subresource: 'status' }))
  }
  await ignoreNotFound(client.delete(pods, pod.metadata, { signal, gracePeriodSeconds: 0, preconditions: { uid: pod.metadata.uid } }))
}

/** Deletes the oldest finished pods beyond the threshold. */
async function sweep(deps: PodGcDeps, { signal }: ReconcileContext): Promise<Result> {
  const finished = deps.pods.byIndex(FINISHED, FINISHED).filter(({ metadata }) => metadata.deletionTimestamp === undefined)
  if (deps.threshold <= 0 || finished.length <= deps.threshold) return done
  const oldest = finished.toSorted((a, b) => (order(a) < order(b) ? -1 : 1)).slice(0, finished.length - deps.threshold)
  for (const pod of oldest) await remove(pod, undefined, deps, signal)
  return done
}

/** Evicted pods first: nobody waits for what they left. */
function order({ metadata, status }: Pod): string {
  return `${status.reason === 'Evicted' ? 0 : 1}|${metadata.creationTimestamp}|${metadata.name}`
}
