import type { ObjectMetaLike, OwnerReferenceLike } from './object.ts'
import { apiVersionOf } from './resource-type.ts'

interface Owned {
  readonly metadata: Pick<ObjectMetaLike, 'ownerReferences'>
}

interface OwnerType {
  readonly group: string
  readonly version: string
  readonly kind: string
}

/** The one reference that says `controller: true`. */
export function controllerOf(object: Owned): OwnerReferenceLike | undefined {
  return object.metadata.ownerReferences?.find((reference) => reference.controller === true)
}

/** By uid: an owner that was deleted and created anew under its name owns nothing. */
export function isOwnedBy(object: Owned, owner: { readonly metadata: { readonly uid: string } }): boolean {
  return object.metadata.ownerReferences?.some((reference) => reference.uid === owner.metadata.uid) ?? false
}

export function isControlledBy(object: Owned, owner: { readonly metadata: { readonly uid: string } }): boolean {
  return controllerOf(object)?.uid === owner.metadata.uid
}

/** A plain reference: the dependant goes when its last owner goes. */
export function ownerReference(
  type: OwnerType,
  owner: { readonly metadata: { readonly name: string; readonly uid: string } },
): OwnerReferenceLike {
  return { apiVersion: apiVersionOf(type), kind: type.kind, name: owner.metadata.name, uid: owner.metadata.uid }
}

/** The reference of the managing controller, which also holds up the owner's foreground deletion. */
export function controllerReference(
  type: OwnerType,
  owner: { readonly metadata: { readonly name: string; readonly uid: string } },
): OwnerReferenceLike {
  return { ...ownerReference(type, owner), controller: true, blockOwnerDeletion: true }
}
