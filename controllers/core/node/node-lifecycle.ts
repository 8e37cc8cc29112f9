import { leases, nodes, pods } from '../../../core/api/kinds.ts'
import type { Lease } from '../../../core/api/types/coordination-v1.ts'
import type { Node, NodeCondition, Pod } from '../../../core/api/types/core-v1.ts'
import type { Client } from '../../../core/client/client.ts'
import type { Informer, InformerOptions, Lister } from '../../../core/client/informer.ts'
import type { EventRecorder, EventReference } from '../../../core/client/recorder.ts'
import { findCondition } from '../../../core/meta/conditions.ts'
import { deepEqual } from '../../../core/meta/deep-equal.ts'
import { keyOf, type ObjectKey, objectKey } from '../../../core/meta/object.ts'
import { ignoreNotFound } from '../../../core/meta/status-error.ts'
import { type Clock, toTimestamp } from '../../../core/runtime/clock.ts'
import { after, type Controller, done, type ReconcileContext, type Result, watch } from '../../runtime/controller.ts'
import { indexByNode, isReady, podsOn } from '../../runtime/pod.ts'
import { Heartbeats } from './heartbeats.ts'
import { evictionTaint, planTaints } from './taints.ts'

/**
 * Calls a node unknown when it has been silent for too long, taints nodes by their conditions, and keeps their pods
 * from counting as ready. Source: Kubernetes documentation, "Nodes", node controller.
 */
export interface NodeLifecycleDeps {
  readonly client: Client
  readonly nodes: Lister<Node>
  /** Of the namespace of node leases. */
  readonly leases: Lister<Lease>
  readonly pods: Informer<Pod>
  readonly recorder: EventRecorder
  readonly clock: Clock
}

export const NODE_LEASES: InformerOptions = { namespace: 'kube-node-lease' }

/** Silence after which a node counts as unknown: longer than a dead HTTP/2 connection goes unnoticed. Source: Kubernetes 1.32 on. */
const GRACE_MS = 50_000
/** A node that never reported gets this long to start. */
const STARTUP_GRACE_MS = 60_000
/** One node in ten seconds is given the taint that drives its pods out, so that a network fault empties no cluster. */
const EVICTION_INTERVAL_MS = 10_000
const REPORTED = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'] as const

export function nodeLifecycleController(deps: NodeLifecycleDeps): Controller {
  indexByNode(deps.pods)
  const state: State = { heartbeats: new Heartbeats(deps.clock), known: new Map(), lastEvictionMs: Number.NEGATIVE_INFINITY }
  return {
    name: 'node-lifecycle',
    concurrency: 1,
    watches: [
      watch(nodes, (node) => [keyOf(node)]),
      { ...watch(leases, ({ metadata }) => [objectKey(undefined, metadata.name)]), options: NODE_LEASES },
    ],
    reconcile: (key, context) => new Sync(deps, state, context).reconcile(key),
  }
}

interface State {
  readonly heartbeats: Heartbeats
  /** Nodes that have been seen. */
  readonly known: Map<ObjectKey, EventReference>
  lastEvictionMs: number
}

class Sync {
  readonly #deps: NodeLifecycleDeps
  readonly #state: State
  readonly #signal: AbortSignal

  constructor(deps: NodeLifecycleDeps, state: State, { signal }: ReconcileContext) {
    this.#deps = deps
    this.#state = state
    this.#signal = signal
  }

  async reconcile(key: ObjectKey): Promise<Result> {
    const cached = this.#deps.nodes.get(key)
    this.#greet(key, cached)
    if (cached === undefined) {
      this.#state.heartbeats.forget(key)
      return done
    }
    const lease = this.#deps.leases.get(objectKey(NODE_LEASES.namespace, cached.metadata.name))
    const graceMs = findCondition(cached.status.conditions, 'Ready') === undefined ? STARTUP_GRACE_MS : GRACE_MS
    const silentMs = this.#state.heartbeats.silentMs(cached, lease)
    const node = silentMs > graceMs ? await this.#markUnknown(cached) : cached
    if (findCondition(node.status.conditions, 'Ready')?.status !== 'True') await this.#markPodsNotReady(node)
    const waitMs = await this.#taint(node)
    // While a node is unknown its next sign of life brings it back; nothing need be awaited.
    const untilSilentMs = silentMs > graceMs ? undefined : graceMs - silentMs + 1
    const waits = [waitMs, untilSilentMs].filter((ms) => ms !== undefined)
    return waits.length === 0 ? done : after(Math.min(...waits))
  }

  /** Tells when a node comes and when it goes. Source: Kubernetes 1.35, node-lifecycle-controller. */
  #greet(key: ObjectKey, node: Node | undefined): void {
    const { known } = this.#state
    const { recorder } = this.#deps
    const before = known.get(key)
    if (node !== undefined && before === undefined) {
      const { name, uid } = node.metadata
      known.set(key, { apiVersion: 'v1', kind: 'Node', name, uid })
      recorder.event(node, 'Normal', 'RegisteredNode', `Node ${name} event: Registered Node ${name} in Controller`)
    } else if (node === undefined && before !== undefined) {
      known.delete(key)
      const { name } = before
      recorder.event(before, 'Normal', 'RemovingNode', `Node ${name} event: Removing Node ${name} from Controller`)
    }
  }

  async #markUnknown(node: Node): Promise<Node> {
    const conditions = planUnknown(node, toTimestamp(this.#deps.clock.now()))
    if (deepEqual(conditions, node.status.conditions)) return node
    const wasReady = findCondition(node.status.conditions, 'Ready')?.status === 'True'
    const written = await this.#deps.client.updateStatus(
      nodes,
      { ...node, status: { ...node.status, conditions } },
      { signal: this.#signal },
    )
    const { name } = node.metadata
    if (wasReady) this.#deps.recorder.event(node, 'Normal', 'NodeNotReady', `Node ${name} status is now: NodeNotReady`)
    return written
  }

  /** Services must not send traffic to a node that does not answer, whatever its pods said last. */
  async #markPodsNotReady(node: Node): Promise<void> {
    const now = toTimestamp(this.#deps.clock.now())
    for (const pod of podsOn(this.#deps.pods, node.metadata.name)) {
      if (!isReady(pod)) continue
      const conditions = (pod.status.conditions ?? []).map((condition) =>
        condition.type === 'Ready' ? { ...condition, status: 'False', reason: 'NodeNotReady', lastTransitionTime: now } : condition,
      )
      await ignoreNotFound(
        this.#deps.client.updateStatus(pods, { ...pod, status: { ...pod.status, conditions } }, { signal: this.#signal }),
      )
      this.#deps.recorder.event(pod, 'Warning', 'NodeNotReady', 'Node is not ready')
    }
  }

  /** Answers how long an eviction has to wait for its turn. */
  async #taint(node: Node): Promise<number | undefined> {
    const nowMs = this.#deps.clock.now()
    const wanted = this.#isDisrupted() ? undefined : evictionTaint(node)
    const known = (node.spec.taints ?? []).some(({ key, effect }) => key === wanted && effect === 'NoExecute')
    const waitMs = wanted === undefined || known ? 0 : this.#state.lastEvictionMs + EVICTION_INTERVAL_MS - nowMs
    const evicting = waitMs > 0 ? undefined : wanted
    const taints = planTaints(node, evicting, toTimestamp(nowMs))
    if (taints !== undefined) {
      const { uid, resourceVersion } = node.metadata
      const body = { metadata: { uid, resourceVersion }, spec: { taints: taints.length === 0 ? null : taints } }
      await ignoreNotFound(this.#deps.client.patch(nodes, node.metadata, { type: 'merge', body }, { signal: this.#signal }))
      if (evicting !== undefined && !known) this.#state.lastEvictionMs = nowMs
    }
    return waitMs > 0 ? waitMs : undefined
  }

  /** No node is ready: the fault is most likely on this side, and nowhere is better for a pod. */
  #isDisrupted(): boolean {
    return this.#deps.nodes.list().every(({ status }) => findCondition(status.conditions, 'Ready')?.status !== 'True')
  }
}

/** The conditions a kubelet reports, none of which is known any more. */
export function planUnknown({ metadata, status }: Node, now: string): readonly NodeCondition[] {
  const old = status.conditions ?? []
  const changed = new Map<string, NodeCondition>()
  for (const type of REPORTED) {
    const condition = findCondition(old, type)
    if (condition === undefined) {
      const message = 'Kubelet never posted node status.'
      const times = { lastHeartbeatTime: metadata.creationTimestamp, lastTransitionTime: now }
      changed.set(type, { type, status: 'Unknown', reason: 'NodeStatusNeverUpdated', message, ...times })
    } else if (condition.status !== 'Unknown') {
      const message = 'Kubelet stopped posting node status.'
      changed.set(type, { ...condition, status: 'Unknown', reason: 'NodeStatusUnknown', message, lastTransitionTime: now })
    }
  }
  const kept = old.map((condition) => changed.get(condition.type) ?? condition)
  return [...kept, ...[...changed.values()].filter(({ type }) => findCondition(old, type) === undefined)]
}
