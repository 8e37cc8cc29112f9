/** The part of every API object that machinery reads. Generated kinds are structurally assignable to it. */
export interface KubeObject {
  readonly apiVersion?: string | undefined
  readonly kind?: string | undefined
  readonly metadata: ObjectMetaLike
}

/** Structural twin of meta/v1 ObjectMeta, kept here because `core/meta` imports nothing generated. */
export interface ObjectMetaLike {
  readonly name: string
  readonly generateName?: string | undefined
  readonly namespace?: string | undefined
  readonly uid: string
  readonly resourceVersion: string
  readonly generation?: number | undefined
  readonly creationTimestamp: string
  readonly deletionTimestamp?: string | undefined
  readonly deletionGracePeriodSeconds?: number | undefined
  readonly labels?: Readonly<Record<string, string>> | undefined
  readonly annotations?: Readonly<Record<string, string>> | undefined
  readonly ownerReferences?: readonly OwnerReferenceLike[] | undefined
  readonly finalizers?: readonly string[] | undefined
}

export interface OwnerReferenceLike {
  readonly apiVersion: string
  readonly kind: string
  readonly name: string
  readonly uid: string
  readonly controller?: boolean | undefined
  readonly blockOwnerDeletion?: boolean | undefined
}

/** What a writer hands in: the server fills the rest and rejects what is missing with a field path. */
export type Draft<T> = T extends readonly (infer U)[]
  ? readonly Draft<U>[]
  : T extends object
    ? { readonly [K in keyof T]?: Draft<T[K]> | undefined }
    : T

/** An object under construction inside the write pipeline: same shape, free to change. */
export type Mutable<T> = T extends readonly (infer U)[] ? Mutable<U>[] : T extends object ? { -readonly [K in keyof T]: Mutable<T[K]> } : T

/** `namespace/name`, or `name` for cluster-scoped objects. Key of caches and work queues. */
export type ObjectKey = string & { readonly __brand: 'ObjectKey' }

export interface ObjectName {
  readonly namespace?: string | undefined
  readonly name: string
}

/** Cluster-wide objects have no or an empty namespace. */
export function objectKey(namespace: string | undefined, name: string): ObjectKey {
  return (namespace === undefined || namespace === '' ? name : `${namespace}/${name}`) as ObjectKey
}

export function keyOf(object: { readonly metadata: ObjectName }): ObjectKey {
  return objectKey(object.metadata.namespace, object.metadata.name)
}

/** Reverse of `objectKey`. */
export function splitKey(key: ObjectKey | string): ObjectName {
  const slash = key.indexOf('/')
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) }
}
