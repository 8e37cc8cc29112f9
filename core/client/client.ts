import type { Draft, KubeObject, ObjectName } from '../meta/object.ts'
import type { ResourceType } from '../meta/resource-type.ts'

/**
 * What every other part of the product uses to see and change the cluster. All methods throw StatusError.
 * Objects returned are deeply frozen in tests; treat them as read-only.
 */
export interface Client {
  /** `name.subresource` reads a subresource that looks like an object, such as `scale`. */
  get<T extends KubeObject>(type: ResourceType<T>, name: ReadName, signal: AbortSignal): Promise<T>
  list<T extends KubeObject>(type: ResourceType<T>, options: ListQuery, signal: AbortSignal): Promise<ObjectList<T>>
  /** One batch per received chunk; ends when the server ends it. An ERROR event is thrown as StatusError (410: list again). */
  watch<T extends KubeObject>(type: ResourceType<T>, options: WatchQuery, signal: AbortSignal): AsyncIterable<readonly WatchEvent<T>[]>
  create<T extends KubeObject>(type: ResourceType<T>, object: Draft<T>, options: WriteOptions): Promise<T>
  /** Replaces; `metadata.resourceVersion` of the object read makes it conditional. */
  update<T extends KubeObject>(type: ResourceType<T>, object: Draft<T>, options: WriteOptions): Promise<T>
  updateStatus<T extends KubeObject>(type: ResourceType<T>, object: Draft<T>, options: WriteOptions): Promise<T>
  patch<T extends KubeObject>(type: ResourceType<T>, name: ObjectName, patch: Patch, options: WriteOptions): Promise<T>
  delete(type: ResourceType<KubeObject>, name: ObjectName, options: DeleteOptions): Promise<void>
  deleteCollection(type: ResourceType<KubeObject>, options: ListQuery & DeleteOptions): Promise<void>
  /** POST to a subresource such as `binding`, `eviction`, `token`. */
  createSubresource<R>(
    type: ResourceType<KubeObject>,
    name: ObjectName,
    subresource: string,
    body: unknown,
    options: WriteOptions,
  ): Promise<R>
}

export interface ReadName extends ObjectName {
  readonly subresource?: string | undefined
}

export interface ListQuery {
  readonly namespace?: string | undefined
  readonly labelSelector?: string | undefined
  readonly fieldSelector?: string | undefined
  readonly limit?: number | undefined
  readonly continue?: string | undefined
  readonly resourceVersion?: string | undefined
  /** Asks for PartialObjectMetadata: objects have kind, apiVersion and metadata alone. */
  readonly metadataOnly?: boolean | undefined
  /** Drops `metadata.managedFields`, often a third of an object, right after parsing. Writes without them keep the server's. */
  readonly withoutManagedFields?: boolean | undefined
}

export interface WatchQuery {
  readonly namespace?: string | undefined
  readonly labelSelector?: string | undefined
  readonly fieldSelector?: string | undefined
  readonly resourceVersion?: string | undefined
  readonly allowWatchBookmarks?: boolean | undefined
  readonly sendInitialEvents?: boolean | undefined
  readonly timeoutSeconds?: number | undefined
  readonly metadataOnly?: boolean | undefined
  readonly withoutManagedFields?: boolean | undefined
}

export interface WriteOptions {
  readonly signal: AbortSignal
  /** Defaults to the transport's user agent up to the first `/`. */
  readonly fieldManager?: string | undefined
  readonly dryRun?: boolean | undefined
  /** Subresource of update and patch, such as `status` or `scale`. */
  readonly subresource?: string | undefined
}

export interface DeleteOptions {
  readonly signal: AbortSignal
  readonly gracePeriodSeconds?: number | undefined
  readonly propagationPolicy?: 'Foreground' | 'Background' | 'Orphan' | undefined
  readonly preconditions?: { readonly uid?: string | undefined; readonly resourceVersion?: string | undefined } | undefined
}

export type Patch =
  | { readonly type: 'json'; readonly body: readonly unknown[] }
  | { readonly type: 'merge' | 'strategic'; readonly body: unknown }
  | { readonly type: 'apply'; readonly body: unknown; readonly force?: boolean }

export interface ObjectList<T> {
  readonly resourceVersion: string
  readonly continue?: string | undefined
  readonly items: readonly T[]
}

export type WatchEvent<T> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  | { readonly type: 'BOOKMARK'; readonly object: T }
