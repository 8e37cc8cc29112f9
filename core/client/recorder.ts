import { events } from '../api/kinds.ts'
import type { Event } from '../api/types/core-v1.ts'
import type { Draft, KubeObject } from '../meta/object.ts'
import { isNotFound, StatusError } from '../meta/status-error.ts'
import type { Logger } from '../observability/log.ts'
import { childController, isAborted } from '../runtime/abort.ts'
import { type Clock, toTimestamp } from '../runtime/clock.ts'
import type { Component } from '../runtime/component.ts'
import type { Client } from './client.ts'
import { type Correlation, EventCorrelator } from './event-correlator.ts'

/** Names the object of an event when it is not at hand, or a part of it (`spec.containers{web}`). */
export interface EventReference {
  readonly apiVersion: string
  readonly kind: string
  readonly namespace?: string | undefined
  readonly name: string
  readonly uid: string
  readonly resourceVersion?: string | undefined
  readonly fieldPath?: string | undefined
}

/** Writes events about objects. Returns at once; an event that cannot be written is dropped with a log line. */
export interface EventRecorder {
  event(about: KubeObject | EventReference, type: 'Normal' | 'Warning', reason: string, message: string): void
}

export interface RecorderOptions {
  readonly client: Client
  readonly clock: Clock
  readonly log: Logger
  /** `source.component` and `reportingComponent`, such as `deployment-controller`. */
  readonly component: string
  /** Node name, for agents. */
  readonly host?: string
}

/** A recorder that writes while it runs; events before the start wait. Its `forComponent` recorders share queue and limits. */
export interface RunningRecorder extends EventRecorder, Component {
  /** Its events are written through `client`, by whoever that acts as; absent: the recorder's own. */
  forComponent(component: string, client?: Client): EventRecorder
}

interface Item {
  readonly client: Client
  readonly component: string
  readonly about: EventReference
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly message: string
  readonly atMs: number
}

const MAX_QUEUED = 1000
const MAX_TRIES = 12
const RETRY_MS = 10_000
/** Kubernetes refuses longer messages. */
const MAX_MESSAGE = 1024

/** Sends events in the background: nothing waits for them, and when too many wait further ones are dropped. */
export function createRecorder(options: RecorderOptions): RunningRecorder {
  return new Recorder(options)
}

class Recorder implements RunningRecorder {
  readonly name = 'events'
  readonly #options: RecorderOptions
  readonly #correlator = new EventCorrelator()
  readonly #queue: Item[] = []
  #wake: (() => void) | undefined
  #serial = 0

  constructor(options: RecorderOptions) {
    this.#options = options
  }

  event(about: KubeObject | EventReference, type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.#add(this.#options, about, { type, reason, message })
  }

  forComponent(component: string, client = this.#options.client): EventRecorder {
    return { event: (about, type, reason, message) => this.#add({ component, client }, about, { type, reason, message }) }
  }

  start(parent: AbortSignal): Promise<{ readonly done: Promise<void> }> {
    const child = childController(parent)
    const onAbort = (): void => this.#wake?.()
    child.signal.addEventListener('abort', onAbort, { once: true })
    const done = this.#run(child.signal).finally(() => child[Symbol.dispose]())
    return Promise.resolve({ done })
  }

  #add(
    { component, client }: Pick<Item, 'component' | 'client'>,
    about: KubeObject | EventReference,
    what: Pick<Item, 'type' | 'reason' | 'message'>,
  ): void {
    if (this.#queue.length >= MAX_QUEUED) {
      this.#options.log.debug({ reason: what.reason }, 'Event dropped, too many are waiting')
      return
    }
    const message = what.message.slice(0, MAX_MESSAGE)
    this.#queue.push({ component, client, about: toReference(about), ...what, message, atMs: this.#options.clock.now() })
    this.#wake?.()
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!isAborted(signal)) {
      const item = this.#queue.shift()
      if (item !== undefined) await this.#write(item, signal)
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
    }
  }

  async #write(item: Item, signal: AbortSignal): Promise<void> {
    const { about, component, type, reason, message } = item
    const objectId = [about.kind, about.namespace, about.name, about.uid, about.apiVersion, about.fieldPath].join('/')
    const source = `${component}/${this.#options.host ?? ''}`
    const plan = this.#correlator.correlate({ source, type, reason, message, objectId }, item.atMs)
    if (plan.action === 'drop') return
    for (let attempt = 1; !isAborted(signal); attempt++) {
      try {
        await this.#send(item, plan, signal)
        return
      } catch (err) {
        if (isAborted(signal)) return
        // The server has looked at it and will say the same again; only a server in trouble is worth a retry.
        const refused = err instanceof StatusError && err.code < 500 && err.code !== 429
        if (refused || attempt >= MAX_TRIES) {
          this.#options.log.debug({ err, reason }, 'Event could not be written')
          return
        }
        await this.#options.clock.sleep(RETRY_MS, signal).catch(() => {
          // Stopping; the loop above sees it.
        })
      }
    }
  }

  async #send(item: Item, plan: Exclude<Correlation, { action: 'drop' }>, signal: AbortSignal): Promise<void> {
    const { client } = item
    const namespace = namespaceOf(item.about)
    if (plan.action === 'count') {
      const body = { count: plan.count, message: plan.message, lastTimestamp: toTimestamp(item.atMs) }
      try {
        await client.patch(events, { namespace, name: plan.name }, { type: 'merge', body }, { signal })
        this.#correlator.remember(plan.key, plan.name, plan.count)
        return
      } catch (err) {
        // Events expire; the next occurrence starts a new one.
        if (!isNotFound(err)) throw err
        this.#correlator.forget(plan.key)
      }
    }
    const written = await client.create(events, this.#toEvent(item, plan.message), { signal })
    this.#correlator.remember(plan.key, written.metadata.name, 1)
  }

  #toEvent(item: Item, message: string): Draft<Event> {
    const { about, component, type, reason, atMs } = item
    const { host } = this.#options
    const at = toTimestamp(atMs)
    // Unique per process and moment, as Kubernetes builds it from nanoseconds.
    this.#serial = (this.#serial + 1) % 1_000_000
    const suffix = (BigInt(atMs) * 1_000_000n + BigInt(this.#serial)).toString(16)
    return {
      metadata: { namespace: namespaceOf(about), name: `${about.name}.${suffix}` },
      involvedObject: about,
      type,
      reason,
      message,
      source: { component, host },
      reportingComponent: component,
      reportingInstance: host ?? '',
      firstTimestamp: at,
      lastTimestamp: at,
      count: 1,
    }
  }
}

/** Events about cluster-scoped objects live in `default`. */
function namespaceOf(about: EventReference): string {
  return about.namespace === undefined || about.namespace === '' ? 'default' : about.namespace
}

function toReference(about: KubeObject | EventReference): EventReference {
  if (!('metadata' in about)) return about
  const { name, namespace, uid, resourceVersion } = about.metadata
  return { apiVersion: about.apiVersion ?? '', kind: about.kind ?? '', namespace, name, uid, resourceVersion }
}
