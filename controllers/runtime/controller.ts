import type { InformerOptions } from '../../core/client/informer.ts'
import type { KubeObject, ObjectKey } from '../../core/meta/object.ts'
import type { ResourceType } from '../../core/meta/resource-type.ts'
import type { Logger } from '../../core/observability/log.ts'

/**
 * A controller is data plus one function. The runtime shares informers, waits for all of them to sync, runs at most
 * `concurrency` reconciles at a time and never two of one key, and alone owns retries.
 */
export interface Controller {
  readonly name: string
  readonly concurrency: number
  readonly watches: readonly Watch[]
  /** Keys to reconcile once at the start besides those of cached objects; for controllers with one fixed duty. */
  readonly initialKeys?: readonly string[]
  /**
   * Further sources of keys, for what is known at run time only (all resources served, a timer). Runs beside the
   * workers until the signal aborts; a failure is logged and it is started again.
   */
  readonly source?: (enqueue: (key: ObjectKey) => void, signal: AbortSignal) => Promise<void>
  /** Level-triggered: gets a key and reads the world from listers. A throw means retry with backoff. */
  reconcile(key: ObjectKey, context: ReconcileContext): Promise<Result>
}

export interface Watch {
  readonly type: ResourceType<KubeObject>
  /** Narrows the informer; only for parts of a resource that nobody else watches in full. */
  readonly options?: InformerOptions
  /** Keys to reconcile when `object` was added, changed (called for old and new) or deleted. */
  readonly map: (object: KubeObject) => readonly ObjectKey[]
}

/** Types a watch's mapping function by its resource. */
export function watch<T extends KubeObject>(type: ResourceType<T>, map: (object: T) => readonly ObjectKey[]): Watch {
  return { type: type, map: map as (object: KubeObject) => readonly ObjectKey[] }
}

export interface ReconcileContext {
  readonly signal: AbortSignal
  readonly log: Logger
  /** 0 for the first try after a success. */
  readonly attempt: number
}

export type Result = { readonly kind: 'done' } | { readonly kind: 'after'; readonly delayMs: number }

export const done: Result = { kind: 'done' }

/** Look again after `delayMs`, or at the next change, whichever comes first. */
export function after(delayMs: number): Result {
  return { kind: 'after', delayMs }
}

/** No retry helps until something changes; logged once as a warning. */
export class TerminalError extends Error {
  override readonly name = 'TerminalError'
}
