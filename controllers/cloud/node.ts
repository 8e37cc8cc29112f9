import { nodes } from '../../core/api/kinds.ts'
import type { Node } from '../../core/api/types/core-v1.ts'
import type { Client } from '../../core/client/client.ts'
import type { Lister } from '../../core/client/informer.ts'
import type { EventRecorder } from '../../core/client/recorder.ts'
import { keyOf, type ObjectKey } from '../../core/meta/object.ts'
import { ignoreNotFound } from '../../core/meta/status-error.ts'
import { type Controller, done, type ReconcileContext, type Result, watch } from '../runtime/controller.ts'
import { type Initialization, planNode } from './node-plan.ts'

/**
 * Describes nodes as a cloud provider would, from what their agents say about themselves: provider id, instance type,
 * addresses; then opens them for pods. Source: Kubernetes docs, Cloud Controller Manager, node controller; K3s docs.
 */
export interface CloudNodeDeps {
  readonly client: Client
  readonly nodes: Lister<Node>
  readonly recorder: EventRecorder
}

const NAME = 'cloud-node-controller'

export function cloudNodeController(deps: CloudNodeDeps): Controller {
  return {
    name: 'cloud-node',
    concurrency: 1,
    watches: [watch(nodes, (node) => [keyOf(node)])],
    reconcile: (key, context) => reconcile(key, deps, context),
  }
}

async function reconcile(key: ObjectKey, deps: CloudNodeDeps, { signal, log }: ReconcileContext): Promise<Result> {
  const node = deps.nodes.get(key)
  if (node === undefined || node.metadata.deletionTimestamp !== undefined) return done
  const { addresses, initialize } = planNode(node)
  if (addresses !== undefined) {
    // A merge patch replaces the list; the strategic one would keep addresses that are no longer true.
    const body = { metadata: { uid: node.metadata.uid }, status: { addresses } }
    const options = { signal, fieldManager: NAME, subresource: 'status' }
    await ignoreNotFound(deps.client.patch(nodes, node.metadata, { type: 'merge', body }, options))
    log.debug({ addresses }, 'Node addresses written')
  }
  if (initialize !== undefined) await open(node, initialize, deps, signal)
  return done
}

async function open(node: Node, plan: Initialization, deps: CloudNodeDeps, signal: AbortSignal): Promise<void> {
  const { uid } = node.metadata
  // The list of taints is replaced as a whole: the test makes a taint that came in between a conflict and not a loss.
  const fresh = await ignoreNotFound(deps.client.get(nodes, node.metadata, signal))
  if (fresh?.metadata.uid !== uid) return
  const initialize = planNode(fresh).initialize
  if (initialize === undefined) return
  const body = {
    metadata: { uid, resourceVersion: fresh.metadata.resourceVersion, labels: initialize.labels },
    spec: { providerID: plan.providerID, taints: initialize.taints.length === 0 ? null : initialize.taints },
  }
  const written = await ignoreNotFound(deps.client.patch(nodes, node.metadata, { type: 'merge', body }, { signal, fieldManager: NAME }))
  if (written !== undefined) deps.recorder.event(written, 'Normal', 'Synced', 'Node synced successfully')
}
