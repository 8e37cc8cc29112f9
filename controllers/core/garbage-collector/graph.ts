import type { KubeObject, OwnerReferenceLike } from '../../../core/meta/object.ts'
import type { ResourceType } from '../../../core/meta/resource-type.ts'

/** An object as the graph of owners knows it. */
export interface GraphNode {
  readonly uid: string
  /** Absent for an owner that references name but no informer has shown. */
  type: ResourceType<KubeObject> | undefined
  /** Where the object is; for an unseen owner where the reference says it should be. */
  identity: Identity
  observed: boolean
  owners: readonly OwnerReferenceLike[]
  readonly dependents: Set<GraphNode>
  deleting: boolean
  /** Waits for its dependents to go first (foreground deletion). */
  deletingDependents: boolean
  /** Lets its dependents stay when it goes. */
  orphaning: boolean
}

export interface Identity {
  readonly apiVersion: string
  readonly kind: string
  readonly namespace: string | undefined
  readonly name: string
}

export const FOREGROUND = 'foregroundDeletion'
export const ORPHAN = 'orphan'
const MAX_ABSENT = 5_000

/**
 * Who owns whom, by uid, kept up to date from informer events. Answers the uids that an event makes worth a look; what
 * to do with them is decided against the server, never against this graph alone.
 */
export class OwnerGraph {
  readonly #nodes = new Map<string, GraphNode>()
  /** Owners known to be gone, with the namespace they were looked for in; least recently learnt first. */
  readonly #absent = new Set<string>()

  get(uid: string): GraphNode | undefined {
    return this.#nodes.get(uid)
  }

  get size(): number {
    return this.#nodes.size
  }

  isAbsent(uid: string, namespace: string | undefined): boolean {
    // A cluster-scoped owner is absent for dependents of every namespace.
    return this.#absent.has(absentKey(uid, namespace)) || this.#absent.has(absentKey(uid, undefined))
  }

  rememberAbsent(uid: string, namespace: string | undefined): void {
    const key = absentKey(uid, namespace)
    this.#absent.delete(key)
    this.#absent.add(key)
    if (this.#absent.size <= MAX_ABSENT) return
    const [oldest] = this.#absent
    if (oldest !== undefined) this.#absent.delete(oldest)
  }

  /** An object was added or changed. */
  observe(type: ResourceType<KubeObject>, object: KubeObject): readonly string[] {
    const { uid, namespace, name, ownerReferences = [], finalizers = [], deletionTimestamp } = object.metadata
    const look = new Set<string>()
    const node = this.#ensure(uid, { apiVersion: object.apiVersion ?? '', kind: object.kind ?? type.kind, namespace, name })
    node.type = type
    node.identity = { ...node.identity, apiVersion: object.apiVersion ?? node.identity.apiVersion, namespace, name }
    node.observed = true
    this.#setOwners(node, ownerReferences, look)
    const deleting = deletionTimestamp !== undefined
    const foreground = deleting && finalizers.includes(FOREGROUND)
    const orphaning = deleting && finalizers.includes(ORPHAN)
    if (foreground && !node.deletingDependents) {
      look.add(uid)
      for (const dependent of node.dependents) look.add(dependent.uid)
    }
    if (orphaning && !node.orphaning) look.add(uid)
    node.deleting = deleting
    node.deletingDependents = foreground
    node.orphaning = orphaning
    return [...look]
  }

  /** An object is gone; also for owners that the server says do not exist. */
  forget(uid: string): readonly string[] {
    const node = this.#nodes.get(uid)
    if (node === undefined) return []
    this.#nodes.delete(uid)
    const look = new Set<string>()
    for (const { uid: ownerUid } of node.owners) {
      const owner = this.#nodes.get(ownerUid)
      owner?.dependents.delete(node)
      if (owner?.deletingDependents === true) look.add(ownerUid)
    }
    if (node.dependents.size > 0) this.rememberAbsent(uid, node.identity.namespace)
    for (const dependent of node.dependents) look.add(dependent.uid)
    return [...look]
  }

  /** Ties a dependent to its owners again; an owner looked for in the wrong place may have been forgotten meanwhile. */
  relink(node: GraphNode): void {
    for (const reference of node.owners)
      this.#ensure(reference.uid, { ...reference, namespace: node.identity.namespace }).dependents.add(node)
  }

  /** Nodes of a resource that is no longer served vanish without consequences for their dependents. */
  dropType(type: ResourceType<KubeObject>): void {
    for (const node of [...this.#nodes.values()]) {
      if (node.type?.group !== type.group || node.type.resource !== type.resource) continue
      for (const { uid } of node.owners) this.#nodes.get(uid)?.dependents.delete(node)
      if (node.dependents.size === 0) this.#nodes.delete(node.uid)
      else node.observed = false
    }
  }

  #setOwners(node: GraphNode, owners: readonly OwnerReferenceLike[], look: Set<string>): void {
    const next = new Map(owners.map((reference) => [reference.uid, reference]))
    for (const { uid, blockOwnerDeletion } of node.owners) {
      const owner = this.#nodes.get(uid)
      if (!next.has(uid)) owner?.dependents.delete(node)
      // It no longer holds the owner up.
      const unblocked = blockOwnerDeletion === true && next.get(uid)?.blockOwnerDeletion !== true
      if (unblocked && owner?.deletingDependents === true) look.add(uid)
    }
    for (const reference of owners) {
      const known = this.#nodes.get(reference.uid)
      const owner = known ?? this.#ensure(reference.uid, { ...reference, namespace: node.identity.namespace })
      owner.dependents.add(node)
      // An owner never seen may be gone already: look at it once, and at what refers to one that is known to be gone.
      if (known === undefined) look.add(reference.uid)
      if (owner.deletingDependents || this.isAbsent(reference.uid, node.identity.namespace) || disagrees(owner, reference, node))
        look.add(node.uid)
    }
    node.owners = owners
  }

  #ensure(uid: string, identity: Identity): GraphNode {
    let node = this.#nodes.get(uid)
    if (node === undefined) {
      const { apiVersion, kind, namespace, name } = identity
      node = {
        uid,
        type: undefined,
        identity: { apiVersion, kind, namespace, name },
        observed: false,
        owners: [],
        dependents: new Set(),
        deleting: false,
        deletingDependents: false,
        orphaning: false,
      }
      this.#nodes.set(uid, node)
    }
    return node
  }
}

/** The uid exists, but as another kind, under another name or in another namespace than the reference says. */
function disagrees(owner: GraphNode, reference: OwnerReferenceLike, dependent: GraphNode): boolean {
  if (!owner.observed) return false
  const { kind, name, namespace } = owner.identity
  const elsewhere = namespace !== undefined && namespace !== dependent.identity.namespace
  return kind !== reference.kind || name !== reference.name || elsewhere
}

function absentKey(uid: string, namespace: string | undefined): string {
  return `${uid}|${namespace ?? ''}`
}
