import { customResourceDefinitions } from '../../../core/api/kinds.ts'
import type { CustomResourceDefinition } from '../../../core/api/types/apiextensions-v1.ts'
import type { Client } from '../../../core/client/client.ts'
import type { Discovery } from '../../../core/client/discovery.ts'
import type { Informer, InformerFactory } from '../../../core/client/informer.ts'
import type { KubeObject, ObjectKey, OwnerReferenceLike } from '../../../core/meta/object.ts'
import type { ResourceType } from '../../../core/meta/resource-type.ts'
import { ignoreNotFound } from '../../../core/meta/status-error.ts'
import type { Logger } from '../../../core/observability/log.ts'
import type { Clock } from '../../../core/runtime/clock.ts'
import { after, type Controller, done, type ReconcileContext, type Result } from '../../runtime/controller.ts'
import { FOREGROUND, type GraphNode, ORPHAN, OwnerGraph } from './graph.ts'
import { Monitors } from './monitors.ts'

/**
 * Deletes what nobody owns any more, in the background or in the foreground, and lets dependents go where an owner is
 * deleted as an orphaner. Knows every resource that discovery shows. Keys of its queue are uids.
 * Source: Kubernetes documentation, "Garbage Collection" and "Owners and Dependents".
 */
export interface GarbageCollectorDeps {
  readonly client: Client
  readonly informers: InformerFactory
  readonly discovery: Discovery
  readonly definitions: Informer<CustomResourceDefinition>
  readonly clock: Clock
  readonly log: Logger
}

/** An owner that exists but that no informer has shown yet is asked for again after this. */
const UNSEEN_MS = 5_000

export function garbageCollector(deps: GarbageCollectorDeps): Controller {
  const graph = new OwnerGraph()
  const monitors = new Monitors(deps, graph)
  return {
    name: 'garbage-collector',
    concurrency: 20,
    watches: [{ type: customResourceDefinitions, map: () => [] }],
    source: (enqueue, signal) => monitors.run((uids) => uids.forEach((uid) => enqueue(uid as ObjectKey)), signal),
    reconcile: (key, context) => new Collection(deps, graph, monitors, context).collect(key),
  }
}

/** What the server says about one owner reference. */
type OwnerState = 'solid' | 'dangling' | 'waiting'

class Collection {
  readonly #deps: GarbageCollectorDeps
  readonly #graph: OwnerGraph
  readonly #monitors: Monitors
  readonly #context: ReconcileContext

  constructor(deps: GarbageCollectorDeps, graph: OwnerGraph, monitors: Monitors, context: ReconcileContext) {
    this.#deps = deps
    this.#graph = graph
    this.#monitors = monitors
    this.#context = context
  }

  async collect(uid: string): Promise<Result> {
    const node = this.#graph.get(uid)
    if (node === undefined) return done
    if (node.orphaning) await this.#orphan(node)
    if (node.deleting && !node.deletingDependents) return done
    const type = node.type ?? this.#monitors.typeOf(node.identity)
    // The kind is not served (yet): nobody can say whether the owner exists.
    if (type === undefined) return done
    // Only a cluster-scoped dependent names this owner, which its kind forbids: it resolves to nothing, not to absence.
    if (type.namespaced && node.identity.namespace === undefined) return done
    const latest = await this.#read(type, node)
    if (latest?.metadata.uid !== uid) {
      this.#monitors.enqueue(this.#graph.forget(uid))
      return done
    }
    if (!node.observed) return this.#monitors.watches(type) ? after(UNSEEN_MS) : done
    if (node.deletingDependents) return this.#finishForeground(type, node, latest)
    return this.#collectDependent(type, node, latest)
  }

  async #read(type: ResourceType<KubeObject>, node: GraphNode): Promise<KubeObject | undefined> {
    const { namespace, name } = node.identity
    return ignoreNotFound(this.#deps.client.get(type, { namespace: type.namespaced ? namespace : undefined, name }, this.#context.signal))
  }

  /** Deletes the blocking dependents of an owner in foreground deletion, and the owner's finalizer after the last. */
  async #finishForeground(type: ResourceType<KubeObject>, node: GraphNode, latest: KubeObject): Promise<Result> {
    const blocking = [...node.dependents].filter((dependent) => blocks(dependent, node.uid))
    if (blocking.length === 0) await this.#removeFinalizer(type, latest, FOREGROUND)
    else this.#monitors.enqueue(blocking.filter((dependent) => !dependent.deletingDependents).map(({ uid }) => uid))
    return done
  }

  async #collectDependent(type: ResourceType<KubeObject>, node: GraphNode, latest: KubeObject): Promise<Result> {
    const references = latest.metadata.ownerReferences ?? []
    if (references.length === 0) return done
    const states = new Map<OwnerReferenceLike, OwnerState>()
    for (const reference of references) states.set(reference, await this.#stateOf(reference, type, latest))
    const of = (state: OwnerState): readonly OwnerReferenceLike[] => references.filter((reference) => states.get(reference) === state)
    if (of('solid').length > 0) {
      this.#graph.relink(node)
      if (of('solid').length < references.length) await this.#setOwners(type, latest, of('solid'))
      return done
    }
    if (of('waiting').length > 0 && node.dependents.size > 0) {
      // A circle of owners that block each other would never end: whoever is reached twice stops blocking.
      if ([...node.dependents].some((dependent) => dependent.deletingDependents)) {
        await this.#setOwners(
          type,
          latest,
          references.map((reference) => ({ ...reference, blockOwnerDeletion: false })),
        )
      }
      return this.#delete(type, latest, 'Foreground')
    }
    return this.#delete(type, latest, policyOf(latest))
  }

  async #stateOf(reference: OwnerReferenceLike, type: ResourceType<KubeObject>, dependent: KubeObject): Promise<OwnerState> {
    const { namespace } = dependent.metadata
    if (this.#graph.isAbsent(reference.uid, namespace)) return 'dangling'
    const ownerType = this.#monitors.typeOf(reference)
    if (ownerType === undefined) throw new Error(`no resource is served for owner kind ${reference.apiVersion}, ${reference.kind}`)
    if (ownerType.namespaced && !type.namespaced) {
      // Such a reference cannot be resolved; collecting on it would delete cluster-scoped objects by mistake.
      this.#context.log.warn(
        { kind: type.kind, name: dependent.metadata.name, owner: reference.kind },
        'Cluster-scoped object refers to a namespaced owner',
      )
      return 'solid'
    }
    const name = { namespace: ownerType.namespaced ? namespace : undefined, name: reference.name }
    const owner = await ignoreNotFound(this.#deps.client.get(ownerType, name, this.#context.signal))
    if (owner?.metadata.uid !== reference.uid) {
      this.#graph.rememberAbsent(reference.uid, name.namespace)
      return 'dangling'
    }
    const { deletionTimestamp, finalizers = [] } = owner.metadata
    return deletionTimestamp !== undefined && finalizers.includes(FOREGROUND) ? 'waiting' : 'solid'
  }

  async #delete(
    type: ResourceType<KubeObject>,
    latest: KubeObject,
    propagationPolicy: 'Foreground' | 'Background' | 'Orphan',
  ): Promise<Result> {
    const { uid, resourceVersion } = latest.metadata
    const preconditions = { uid, resourceVersion }
    await ignoreNotFound(
      this.#deps.client.delete(type, latest.metadata, { signal: this.#context.signal, propagationPolicy, preconditions }),
    )
    this.#context.log.debug(
      { kind: type.kind, namespace: latest.metadata.namespace, name: latest.metadata.name },
      'Deleted an object without owner',
    )
    return done
  }

  /** Takes the owner out of all its dependents and then its own finalizer. */
  async #orphan(node: GraphNode): Promise<void> {
    const { type } = node
    if (type === undefined) return
    await Promise.all([...node.dependents].map((dependent) => this.#abandon(dependent, node.uid)))
    const latest = await this.#read(type, node)
    if (latest?.metadata.uid === node.uid) await this.#removeFinalizer(type, latest, ORPHAN)
  }

  async #abandon(dependent: GraphNode, ownerUid: string): Promise<void> {
    if (dependent.type === undefined) return
    const latest = await this.#read(dependent.type, dependent)
    if (latest?.metadata.uid !== dependent.uid) return
    const rest = (latest.metadata.ownerReferences ?? []).filter(({ uid }) => uid !== ownerUid)
    if (rest.length !== latest.metadata.ownerReferences?.length) await this.#setOwners(dependent.type, latest, rest)
  }

  async #setOwners(type: ResourceType<KubeObject>, object: KubeObject, owners: readonly OwnerReferenceLike[]): Promise<void> {
    await this.#patch(type, object, { ownerReferences: owners.length === 0 ? null : owners })
  }

  async #removeFinalizer(type: ResourceType<KubeObject>, object: KubeObject, finalizer: string): Promise<void> {
    const { finalizers = [] } = object.metadata
    if (!finalizers.includes(finalizer)) return
    await this.#patch(type, object, { finalizers: finalizers.filter((name) => name !== finalizer) })
  }

  async #patch(type: ResourceType<KubeObject>, { metadata }: KubeObject, change: Readonly<Record<string, unknown>>): Promise<void> {
    const { uid, resourceVersion } = metadata
    const body = { metadata: { uid, resourceVersion, ...change } }
    await ignoreNotFound(this.#deps.client.patch(type, metadata, { type: 'merge', body }, { signal: this.#context.signal }))
  }
}

function blocks(dependent: GraphNode, ownerUid: string): boolean {
  return dependent.owners.some(({ uid, blockOwnerDeletion }) => uid === ownerUid && blockOwnerDeletion === true)
}

/** A deletion that has begun goes on as it was asked for. */
function policyOf({ metadata }: KubeObject): 'Foreground' | 'Background' | 'Orphan' {
  if (metadata.finalizers?.includes(ORPHAN) === true) return 'Orphan'
  return metadata.finalizers?.includes(FOREGROUND) === true ? 'Foreground' : 'Background'
}
