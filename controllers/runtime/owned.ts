import type { Client } from '../../core/client/client.ts'
import type { Informer, Lister } from '../../core/client/informer.ts'
import { type KubeObject, keyOf, type ObjectKey, objectKey } from '../../core/meta/object.ts'
import { controllerOf, controllerReference } from '../../core/meta/owner.ts'
import type { ResourceType } from '../../core/meta/resource-type.ts'
import { matchesLabels, type Selector } from '../../core/meta/selector.ts'
import { ignoreNotFound, isReason } from '../../core/meta/status-error.ts'

const BY_CONTROLLER = 'controllerUid'
const ORPHANS = 'orphanNamespace'

/** Lets `claim` find what an owner controls and what nobody does, without looking at the rest of the namespace. */
export function indexByController<T extends KubeObject>(informer: Informer<T>): Informer<T> {
  informer.addIndex(BY_CONTROLLER, controllerUids)
  informer.addIndex(ORPHANS, orphanNamespaces)
  return informer
}

function controllerUids(object: KubeObject): readonly string[] {
  const owner = controllerOf(object)
  return owner === undefined ? [] : [owner.uid]
}

function orphanNamespaces(object: KubeObject): readonly string[] {
  return controllerOf(object) === undefined ? [object.metadata.namespace ?? ''] : []
}

/** What the owner controls, whether its selector still matches or not. */
export function controlledBy<T extends KubeObject>(lister: Lister<T>, ownerUid: string): readonly T[] {
  return lister.byIndex(BY_CONTROLLER, ownerUid)
}

/** The key of the controlling object when it is of this type. */
export function controllerKeys(type: ResourceType<KubeObject>): (object: KubeObject) => readonly ObjectKey[] {
  return (object) => {
    const owner = controllerOf(object)
    if (owner?.kind !== type.kind || !owner.apiVersion.startsWith(type.group === '' ? type.version : `${type.group}/`)) return []
    return [objectKey(type.namespaced ? object.metadata.namespace : undefined, owner.name)]
  }
}

/**
 * Keys to reconcile for a dependant: its controller, or for an orphan all owners whose selector matches it, since
 * any of them may adopt it.
 */
export function ownerKeys<O extends KubeObject>(
  type: ResourceType<O>,
  owners: Lister<O>,
  selectorOf: (owner: O) => Selector,
): (object: KubeObject) => readonly ObjectKey[] {
  const byReference = controllerKeys(type)
  return (object) => {
    if (controllerOf(object) !== undefined) return byReference(object)
    return owners
      .list(object.metadata.namespace ?? '')
      .filter((owner) => matchesLabels(selectorOf(owner), object.metadata.labels))
      .map(keyOf)
  }
}

export interface Claim<O extends KubeObject, T extends KubeObject> {
  readonly client: Client
  readonly ownerType: ResourceType<O>
  readonly owner: O
  readonly selector: Selector
  readonly type: ResourceType<T>
  readonly lister: Lister<T>
  readonly signal: AbortSignal
  /** Further condition for adoption, besides the selector. */
  readonly adoptable?: (object: T) => boolean
}

/**
 * Settles who controls the objects an owner's selector is about, and answers those that are the owner's: takes in
 * matching orphans, lets go of controlled objects whose labels no longer match. An owner that is being deleted does
 * neither. Source: Kubernetes documentation, "ReplicaSet", acquisition of pods by label and controllerRef.
 */
export async function claim<O extends KubeObject, T extends KubeObject>(request: Claim<O, T>): Promise<readonly T[]> {
  const { owner, selector, lister } = request
  const deleting = owner.metadata.deletionTimestamp !== undefined
  const claimed: T[] = []
  for (const object of controlledBy(lister, owner.metadata.uid)) {
    if (object.metadata.namespace !== owner.metadata.namespace) continue
    if (matchesLabels(selector, object.metadata.labels)) claimed.push(object)
    else if (!deleting) await release(request, object)
  }
  if (deleting) return claimed
  const orphans = lister
    .byIndex(ORPHANS, owner.metadata.namespace ?? '')
    .filter((object) => object.metadata.deletionTimestamp === undefined && matchesLabels(selector, object.metadata.labels))
    .filter((object) => request.adoptable?.(object) ?? true)
  if (orphans.length > 0 && (await canAdopt(request))) {
    for (const orphan of orphans) {
      const adopted = await adopt(request, orphan)
      if (adopted !== undefined) claimed.push(adopted)
    }
  }
  return claimed
}

/** Asks the server, since a cached owner may have been deleted and created anew. */
async function canAdopt<O extends KubeObject, T extends KubeObject>({ client, ownerType, owner, signal }: Claim<O, T>): Promise<boolean> {
  const fresh = await ignoreNotFound(client.get(ownerType, owner.metadata, signal))
  return fresh?.metadata.uid === owner.metadata.uid && fresh.metadata.deletionTimestamp === undefined
}

async function adopt<O extends KubeObject, T extends KubeObject>(request: Claim<O, T>, object: T): Promise<T | undefined> {
  const references = [...(object.metadata.ownerReferences ?? []), controllerReference(request.ownerType, request.owner)]
  return writeReferences(request, object, references)
}

async function release<O extends KubeObject, T extends KubeObject>(request: Claim<O, T>, object: T): Promise<void> {
  const references = (object.metadata.ownerReferences ?? []).filter(({ uid }) => uid !== request.owner.metadata.uid)
  try {
    await writeReferences(request, object, references)
  } catch (err) {
    // Invalid: the object has changed its identity meanwhile; there is nothing left to let go of.
    if (!isReason(err, 'Invalid')) throw err
  }
}

function writeReferences<O extends KubeObject, T extends KubeObject>(
  { client, type, signal }: Claim<O, T>,
  object: T,
  ownerReferences: readonly unknown[],
): Promise<T | undefined> {
  const { uid, resourceVersion } = object.metadata
  const body = { metadata: { uid, resourceVersion, ownerReferences: ownerReferences.length === 0 ? null : ownerReferences } }
  return ignoreNotFound(client.patch(type, object.metadata, { type: 'merge', body }, { signal }))
}
