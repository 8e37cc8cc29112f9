import { setMaxListeners } from 'node:events'
import type { InformerFactory } from '../../core/client/informer.ts'
import type { KubeObject, ObjectKey } from '../../core/meta/object.ts'
import { isConflict } from '../../core/meta/status-error.ts'
import type { Logger } from '../../core/observability/log.ts'
import { childController, isAborted } from '../../core/runtime/abort.ts'
import type { Clock } from '../../core/runtime/clock.ts'
import type { Component } from '../../core/runtime/component.ts'
import { supervise } from '../../core/runtime/supervise.ts'
import { WorkQueue } from '../../core/runtime/work-queue.ts'
import { type Controller, TerminalError, type Watch } from './controller.ts'

export interface RunDeps {
  readonly informers: InformerFactory
  readonly clock: Clock
  readonly log: Logger
  readonly metrics?: ControllerMetrics
}

/** What a run loop reports; a registry turns it into `workqueue_*` series. */
export interface ControllerMetrics {
  reconciled(controller: string, outcome: 'success' | 'error' | 'terminal', durationMs: number): void
  depth(controller: string, keys: number): void
}

/** A retry becomes worth a warning once the failure has lasted about a minute (14 doublings of 5 ms). */
const WARN_AFTER_FAILURES = 14

/**
 * Runs controllers over shared informers. `start` resolves once all their informers have synced and the workers
 * run; `done` settles after the last reconcile has ended.
 */
export function controllerRunner(controllers: readonly Controller[], deps: RunDeps): Component {
  return {
    name: 'controllers',
    start: async (parent) => {
      const child = childController(parent)
      // Each reconcile waits on this signal in several places at a time.
      setMaxListeners(0, child.signal)
      const loops = controllers.map((controller) => new ControllerLoop(controller, deps))
      try {
        await deps.informers.waitForSync(child.signal)
      } catch (err) {
        for (const loop of loops) loop.stop()
        child[Symbol.dispose]()
        throw err
      }
      const runs = loops.map((loop) => loop.run(child.signal))
      const done = Promise.all(runs).then(() => {
        child[Symbol.dispose]()
      })
      return { done }
    },
  }
}

/** One controller's queue and workers. Listens from construction on, so that no change before the start is lost. */
class ControllerLoop {
  readonly #controller: Controller
  readonly #deps: RunDeps
  readonly #log: Logger
  readonly #queue: WorkQueue<ObjectKey>
  readonly #removers: (() => void)[]

  constructor(controller: Controller, deps: RunDeps) {
    this.#controller = controller
    this.#deps = deps
    this.#log = deps.log.child({ controller: controller.name })
    this.#queue = new WorkQueue<ObjectKey>({ clock: deps.clock })
    this.#removers = controller.watches.map((each) =>
      deps.informers.informer(each.type, each.options).onChange((next, old) => {
        this.#enqueue(each, old, next)
      }),
    )
  }

  async run(signal: AbortSignal): Promise<void> {
    const stop = (): void => this.stop()
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
    this.#enqueueAll()
    const workers = Array.from({ length: this.#controller.concurrency }, () => this.#work(signal))
    await Promise.all([...workers, this.#source(signal)])
    signal.removeEventListener('abort', stop)
  }

  stop(): void {
    for (const remove of this.#removers) remove()
    this.#queue.shutDown()
  }

  /** Whatever was cached before this loop listened. */
  #enqueueAll(): void {
    for (const each of this.#controller.watches) {
      for (const object of this.#deps.informers.informer(each.type, each.options).list()) this.#enqueue(each, object)
    }
    for (const key of this.#controller.initialKeys ?? []) this.#queue.add(key as ObjectKey)
  }

  /** One object that a mapping cannot take must not stop the others, nor other controllers. */
  #enqueue({ map, type }: Watch, ...objects: readonly (KubeObject | undefined)[]): void {
    // Old and new mostly yield the same key, and a worker may take the first before the second is added.
    const keys = new Set<ObjectKey>()
    for (const object of objects) {
      try {
        if (object !== undefined) for (const key of map(object)) keys.add(key)
      } catch (err) {
        this.#log.error({ err, resource: type.resource, name: object?.metadata.name }, 'Object could not be mapped to keys')
      }
    }
    for (const key of keys) this.#queue.add(key)
  }

  async #source(signal: AbortSignal): Promise<void> {
    const { source, name } = this.#controller
    if (source === undefined) return
    const { clock } = this.#deps
    await supervise((inner) => source((key) => this.#queue.add(key), inner), { name, log: this.#log, clock, signal })
  }

  async #work(signal: AbortSignal): Promise<void> {
    for (;;) {
      const key = await this.#queue.take()
      if (key === undefined) return
      this.#deps.metrics?.depth(this.#controller.name, this.#queue.depth)
      try {
        await this.#reconcile(key, signal)
      } finally {
        this.#queue.done(key)
      }
    }
  }

  async #reconcile(key: ObjectKey, signal: AbortSignal): Promise<void> {
    const startedMs = this.#deps.clock.now()
    const report = (outcome: 'success' | 'error' | 'terminal'): void =>
      this.#deps.metrics?.reconciled(this.#controller.name, outcome, this.#deps.clock.now() - startedMs)
    try {
      const log = this.#log.child({ key })
      const result = await this.#controller.reconcile(key, { signal, log, attempt: this.#queue.failures(key) })
      this.#queue.forget(key)
      if (result.kind === 'after') this.#queue.addAfter(key, result.delayMs)
      report('success')
    } catch (err) {
      if (isAborted(signal)) return
      report(this.#settleFailure(key, err))
    }
  }

  #settleFailure(key: ObjectKey, err: unknown): 'error' | 'terminal' {
    if (err instanceof TerminalError) {
      this.#queue.forget(key)
      this.#log.warn({ err, key }, 'Reconcile gave up until something changes')
      return 'terminal'
    }
    const delayMs = this.#queue.addRateLimited(key)
    const failures = this.#queue.failures(key)
    // A conflict is the normal way to learn that the cache was behind.
    const level = failures >= WARN_AFTER_FAILURES && !isConflict(err) ? 'warn' : 'debug'
    this.#log[level]({ err, key, failures, delayMs }, 'Reconcile failed, retrying')
    return 'error'
  }
}
