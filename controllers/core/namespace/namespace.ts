import { namespaces, pods } from '../../../core/api/kinds.ts'
import type { Namespace, Pod } from '../../../core/api/types/core-v1.ts'
import type { Client } from '../../../core/client/client.ts'
import type { Discovered, DiscoveredResource, Discovery } from '../../../core/client/discovery.ts'
import type { Lister } from '../../../core/client/informer.ts'
import { deepEqual } from '../../../core/meta/deep-equal.ts'
import { type KubeObject, keyOf, type ObjectKey, objectKey } from '../../../core/meta/object.ts'
import { isNotFound, isReason } from '../../../core/meta/status-error.ts'
import { type Clock, toTimestamp } from '../../../core/runtime/clock.ts'
import { after, type Controller, done, type ReconcileContext, type Result, watch } from '../../runtime/controller.ts'
import { messageOf } from '../../runtime/failure.ts'
import { type Findings, planConditions } from './conditions.ts'

/**
 * Empties a namespace that is being deleted: everything namespaced that discovery knows, custom resources included,
 * pods before all else. Then lets go of it by removing the `kubernetes` finalizer.
 * Source: Kubernetes documentation, "Namespaces", automatic deletion.
 */
export interface NamespaceDeps {
  readonly client: Client
  readonly namespaces: Lister<Namespace>
  readonly pods: Lister<Pod>
  readonly discovery: Discovery
  readonly clock: Clock
}

const FINALIZER = 'kubernetes'
/** How long to leave what is on its way out before looking again, besides the events of pods. */
const RECHECK_MS = 5_000

export function namespaceController(deps: NamespaceDeps): Controller {
  return {
    name: 'namespace',
    concurrency: 10,
    watches: [
      watch(namespaces, (namespace) => (isTerminating(namespace) ? [keyOf(namespace)] : [])),
      watch(pods, (pod) => keysOfPod(pod, deps)),
    ],
    reconcile: (key, context) => reconcile(key, deps, context),
  }
}

function isTerminating({ metadata }: Namespace): boolean {
  return metadata.deletionTimestamp !== undefined
}

/** The last pod that goes lets the rest of its namespace go. */
function keysOfPod(pod: Pod, deps: NamespaceDeps): readonly ObjectKey[] {
  const namespace = deps.namespaces.get(pod.metadata.namespace ?? '')
  return namespace !== undefined && isTerminating(namespace) ? [objectKey(undefined, namespace.metadata.name)] : []
}

async function reconcile(key: ObjectKey, deps: NamespaceDeps, context: ReconcileContext): Promise<Result> {
  const cached = deps.namespaces.get(key)
  if (cached === undefined || !isTerminating(cached)) return done
  const namespace = await markTerminating(cached, deps, context.signal)
  if (!(namespace.spec.finalizers ?? []).includes(FINALIZER)) return done
  const findings = await empty(namespace.metadata.name, deps, context.signal)
  const reported = await report(namespace, findings, deps, context.signal)
  if (findings.remaining.size > 0 || findings.deletionErrors.length > 0 || findings.failedDiscovery.length > 0) return after(RECHECK_MS)
  const spec = { ...reported.spec, finalizers: (reported.spec.finalizers ?? []).filter((name) => name !== FINALIZER) }
  try {
    await deps.client.update(namespaces, { ...reported, spec }, { signal: context.signal, subresource: 'finalize' })
  } catch (err) {
    if (!isNotFound(err)) throw err
  }
  return done
}

async function markTerminating(namespace: Namespace, { client }: NamespaceDeps, signal: AbortSignal): Promise<Namespace> {
  if (namespace.status.phase === 'Terminating') return namespace
  return client.updateStatus(namespaces, { ...namespace, status: { ...namespace.status, phase: 'Terminating' } }, { signal })
}

async function report(namespace: Namespace, findings: Findings, { client, clock }: NamespaceDeps, signal: AbortSignal): Promise<Namespace> {
  const conditions = planConditions(namespace.status.conditions, findings, toTimestamp(clock.now()))
  if (deepEqual(conditions, namespace.status.conditions)) return namespace
  return client.updateStatus(namespaces, { ...namespace, status: { ...namespace.status, conditions } }, { signal })
}

/** One pass of deletions and a count of what is left. */
async function empty(namespace: string, deps: NamespaceDeps, signal: AbortSignal): Promise<Findings> {
  const discovered = await discover(deps, signal)
  const tally = new Tally(discovered.failed)
  const resources = planDeletion(discovered)
  const [first, rest] = [resources.filter(isPods), resources.filter((resource) => !isPods(resource))]
  for (const resource of first) await emptyOf(resource, namespace, tally, { deps, signal })
  // Pods may need their secrets, claims and services until they have ended.
  if (tally.remaining.size > 0 || tally.deletionErrors.length > 0) return tally
  for (const resource of rest) await emptyOf(resource, namespace, tally, { deps, signal })
  return tally
}

async function discover(deps: NamespaceDeps, signal: AbortSignal): Promise<Discovered> {
  return deps.discovery.resources(signal)
}

/** What can be deleted and belongs to a namespace. */
export function planDeletion({ resources }: Discovered): readonly DiscoveredResource[] {
  return resources.filter(
    ({ type, verbs }) => type.namespaced && verbs.includes('delete') && (verbs.includes('list') || verbs.includes('deletecollection')),
  )
}

function isPods({ type }: DiscoveredResource): boolean {
  return type.group === '' && type.resource === 'pods'
}

class Tally implements Findings {
  readonly failedDiscovery: readonly string[]
  readonly deletionErrors: string[] = []
  readonly remaining = new Map<string, number>()
  readonly finalizers = new Map<string, number>()

  constructor(failedDiscovery: readonly string[]) {
    this.failedDiscovery = failedDiscovery
  }

  count(resource: DiscoveredResource, objects: readonly KubeObject[]): void {
    if (objects.length === 0) return
    const { type } = resource
    this.remaining.set(`${type.resource}.${type.group}`, objects.length)
    for (const { metadata } of objects) {
      for (const name of metadata.finalizers ?? []) this.finalizers.set(name, (this.finalizers.get(name) ?? 0) + 1)
    }
  }
}

async function emptyOf(
  resource: DiscoveredResource,
  namespace: string,
  tally: Tally,
  { deps, signal }: { readonly deps: NamespaceDeps; readonly signal: AbortSignal },
): Promise<void> {
  const { type, verbs } = resource
  try {
    const before = verbs.includes('list') ? await deps.client.list(type, { namespace, metadataOnly: true }, signal) : undefined
    if (before?.items.length === 0) return
    if (verbs.includes('deletecollection')) {
      await deps.client.deleteCollection(type, { namespace, signal, propagationPolicy: 'Background' })
    } else {
      for (const { metadata } of before?.items ?? []) await deps.client.delete(type, metadata, { signal, propagationPolicy: 'Background' })
    }
    if (before === undefined) return
    const left = await deps.client.list(type, { namespace, metadataOnly: true }, signal)
    tally.count(resource, left.items)
  } catch (err) {
    signal.throwIfAborted()
    // The resource is not served any more, or one object went by itself.
    if (isReason(err, 'NotFound', 'MethodNotAllowed')) return
    tally.deletionErrors.push(messageOf(err))
  }
}
