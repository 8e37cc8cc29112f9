import type { ObjectMeta } from '../../core/api/types/meta-v1.ts'
import { type ResourceType, resourceType } from '../../core/meta/resource-type.ts'

/** A file of the manifest folder. Source: K3s, Addon of k3s.cattle.io/v1. */
export interface Addon {
  readonly apiVersion?: string | undefined
  readonly kind?: string | undefined
  readonly metadata: ObjectMeta
  readonly spec?: { readonly source?: string | undefined; readonly checksum?: string | undefined } | undefined
}

export const addons: ResourceType<Addon> = resourceType('k3s.cattle.io/v1', 'addons', 'Addon', true)

export const ADDON_NAMESPACE = 'kube-system'
/** Kinds last applied from the file, `group/version, Kind=K` joined by semicolons: where pruning looks. */
export const GVKS_ANNOTATION = 'addon.k3s.cattle.io/gvks'
/** An object with this label set to false outlives its removal from the file. */
export const PRUNE_LABEL = 'objectset.rio.cattle.io/prune'
export const HASH_LABEL = 'objectset.rio.cattle.io/hash'
