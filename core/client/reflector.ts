import type { KubeObject } from '../meta/object.ts'
import type { ResourceType } from '../meta/resource-type.ts'
import { isReason } from '../meta/status-error.ts'
import type { Logger } from '../observability/log.ts'
import { childController, isAborted } from '../runtime/abort.ts'
import { Backoff } from '../runtime/backoff.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Client, ObjectList, WatchEvent } from './client.ts'
import type { InformerOptions } from './informer.ts'

/** Receives what a reflector learns, in order. */
export interface ReflectorSink<T> {
  /** The whole state at one revision: whatever is not in it is gone. */
  replace(items: readonly T[]): void
  apply(events: readonly WatchEvent<T>[]): void
}

export interface ReflectorDeps {
  readonly client: Client
  readonly clock: Clock
  readonly log: Logger
  readonly random: () => number
}

/** Pages keep a large list from blocking this thread for long. */
const PAGE_SIZE = 500
/** The server ends a watch after this long, at random up to twice as long, so that reconnects spread. */
const WATCH_SECONDS = 300
const BACKOFF = { baseMs: 800, maxMs: 30_000, jitter: 1 }
/** A watch that lived this long was healthy: its end starts the backoff afresh. */
const HEALTHY_MS = 10_000
/** A watch that ends sooner than this without an event counts as a failure, or the loop would spin. */
const SHORT_WATCH_MS = 1_000
/** A retry is worth a warning once it has lasted this long. */
const WARN_AFTER_FAILURES = 5

/**
 * Keeps a sink equal to one collection of the server: list, then watch from the list's resourceVersion; a dropped
 * watch resumes where it stopped, an expired one lists again. Runs until the signal aborts; never rejects before.
 */
export class Reflector<T extends KubeObject> {
  readonly #type: ResourceType<T>
  readonly #query: InformerOptions & { readonly withoutManagedFields: true }
  readonly #sink: ReflectorSink<T>
  readonly #deps: ReflectorDeps
  readonly #backoff: Backoff
  #failures = 0
  /** Where the watch resumes; undefined: list first. */
  #resourceVersion: string | undefined

  constructor(target: { readonly type: ResourceType<T>; readonly scope: InformerOptions }, sink: ReflectorSink<T>, deps: ReflectorDeps) {
    this.#type = target.type
    // Caches are read by controllers, none of which asks who wrote a field.
    this.#query = { ...target.scope, withoutManagedFields: true }
    this.#sink = sink
    this.#deps = deps
    this.#backoff = new Backoff({ ...BACKOFF, random: deps.random })
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!isAborted(signal)) {
      const startedMs = this.#deps.clock.now()
      try {
        this.#resourceVersion ??= await this.#list(signal)
        const seen = await this.#watch(this.#resourceVersion, signal)
        if (seen === 0 && this.#deps.clock.now() - startedMs < SHORT_WATCH_MS) throw new Error('the watch ended without an event')
        this.#recovered()
      } catch (err) {
        if (isAborted(signal)) return
        if (this.#deps.clock.now() - startedMs > HEALTHY_MS) this.#recovered()
        await this.#onFailure(err, signal)
      }
    }
  }

  #recovered(): void {
    this.#backoff.reset()
    this.#failures = 0
  }

  async #onFailure(err: unknown, signal: AbortSignal): Promise<void> {
    const expired = isReason(err, 'Expired', 'Gone')
    if (expired) this.#resourceVersion = undefined
    this.#failures += 1
    const level = !expired && this.#failures === WARN_AFTER_FAILURES ? 'warn' : 'debug'
    this.#deps.log[level]({ err, resource: this.#type.resource, failures: this.#failures }, 'List and watch failed, retrying')
    await this.#deps.clock.sleep(this.#backoff.nextMs(), signal).catch(() => {
      // Only an abort ends the sleep early, and the loop above sees it.
    })
  }

  async #list(signal: AbortSignal): Promise<string> {
    const items: T[] = []
    let page: ObjectList<T> | undefined
    do {
      page = await this.#deps.client.list(this.#type, { ...this.#query, limit: PAGE_SIZE, continue: page?.continue }, signal)
      items.push(...page.items)
    } while (page.continue !== undefined && page.continue !== '')
    this.#sink.replace(items)
    return page.resourceVersion
  }

  /** Resolves with the number of events when the server ends the watch. */
  async #watch(resourceVersion: string, parent: AbortSignal): Promise<number> {
    // Own controller: leaving the loop for whatever reason must end the request below.
    using child = childController(parent)
    const timeoutSeconds = Math.floor(WATCH_SECONDS * (1 + this.#deps.random()))
    const query = { ...this.#query, resourceVersion, allowWatchBookmarks: true, timeoutSeconds }
    let seen = 0
    try {
      for await (const events of this.#deps.client.watch(this.#type, query, child.signal)) {
        const last = events.at(-1)
        seen += events.length
        this.#sink.apply(events)
        if (last !== undefined) this.#resourceVersion = last.object.metadata.resourceVersion
      }
    } finally {
      child.abort()
    }
    return seen
  }
}
