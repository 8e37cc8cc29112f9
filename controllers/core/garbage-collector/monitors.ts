import type { CustomResourceDefinition } from '../../../core/api/types/apiextensions-v1.ts'
import type { DiscoveredResource, Discovery } from '../../../core/client/discovery.ts'
import type { Informer, InformerFactory } from '../../../core/client/informer.ts'
import type { KubeObject } from '../../../core/meta/object.ts'
import { apiVersionOf, groupResourceOf, type ResourceType } from '../../../core/meta/resource-type.ts'
import type { Logger } from '../../../core/observability/log.ts'
import { childController, isAborted } from '../../../core/runtime/abort.ts'
import { Backoff } from '../../../core/runtime/backoff.ts'
import type { Clock } from '../../../core/runtime/clock.ts'
import { isConditionTrue } from '../../../core/meta/conditions.ts'
import type { OwnerGraph } from './graph.ts'

export interface MonitorDeps {
  readonly informers: InformerFactory
  readonly discovery: Discovery
  readonly definitions: Informer<CustomResourceDefinition>
  readonly clock: Clock
  readonly log: Logger
}

interface Monitor {
  readonly type: ResourceType<KubeObject>
  stop(): void
}

/** Events are many, short-lived and never own anything. */
const IGNORED = new Set(['events', 'events.events.k8s.io'])
/** Definitions are established a moment after they are written; several come at once. */
const SETTLE_MS = 500
/** Aggregated APIs come and go without an event that tells. */
const RESYNC_MS = 300_000
const SYNC_LIMIT_MS = 30_000

/** Keeps one informer per resource that can own or be owned, and the graph fed from them all. */
export class Monitors {
  readonly #deps: MonitorDeps
  readonly #graph: OwnerGraph
  readonly #monitors = new Map<string, Monitor>()
  #types = new Map<string, ResourceType<KubeObject>>()
  #enqueue: (uids: readonly string[]) => void = () => {}
  /** What the first lists found worth a look, until the graph is whole; undefined from then on. */
  #held: Set<string> | undefined = new Set()

  constructor(deps: MonitorDeps, graph: OwnerGraph) {
    this.#deps = deps
    this.#graph = graph
  }

  enqueue(uids: readonly string[]): void {
    if (this.#held === undefined) this.#enqueue(uids)
    else for (const uid of uids) this.#held.add(uid)
  }

  /** Whether objects of this type reach the graph. */
  watches(type: ResourceType<KubeObject>): boolean {
    return this.#monitors.has(idOf(type))
  }

  /** The served resource of an owner reference: its exact version, or the one the server prefers. */
  typeOf({ apiVersion, kind }: { readonly apiVersion: string; readonly kind: string }): ResourceType<KubeObject> | undefined {
    const slash = apiVersion.indexOf('/')
    return this.#types.get(`${slash < 0 ? '' : apiVersion.slice(0, slash)}/${kind}`)
  }

  /** Runs until the signal aborts. */
  async run(enqueue: (uids: readonly string[]) => void, signal: AbortSignal): Promise<void> {
    this.#enqueue = enqueue
    let wake = (): void => {}
    // Only what changes the set of served resources counts; conditions other than Established do not.
    const off = this.#deps.definitions.onChange((next, old) => {
      if (servedBy(next) !== servedBy(old)) wake()
    })
    const backoff = new Backoff({ baseMs: 1_000, maxMs: 30_000 })
    try {
      while (!isAborted(signal)) {
        using pause = childController(signal)
        wake = () => {
          pause.abort()
        }
        const complete = await this.#sync(signal)
        if (complete) backoff.reset()
        await this.#pause(complete ? RESYNC_MS : backoff.nextMs(), pause.signal)
        await this.#pause(SETTLE_MS, signal)
      }
    } finally {
      off()
      for (const monitor of this.#monitors.values()) monitor.stop()
      this.#monitors.clear()
    }
  }

  /** False: something did not answer and wants another try soon. */
  async #sync(signal: AbortSignal): Promise<boolean> {
    let found: readonly DiscoveredResource[]
    let failed: readonly string[]
    try {
      ;({ resources: found, failed } = await this.#deps.discovery.resources(signal))
    } catch (err) {
      if (!isAborted(signal)) this.#deps.log.debug({ err }, 'Discovery failed, trying again')
      return false
    }
    const wanted = new Map(found.filter(isMonitored).map(({ type }) => [idOf(type), type]))
    this.#types = new Map(found.map(({ type }) => [`${type.group}/${type.kind}`, type]))
    for (const [id, monitor] of this.#monitors) {
      // A group that does not answer keeps its monitors: its objects are not gone.
      if (wanted.has(id) || failed.includes(apiVersionOf(monitor.type))) continue
      monitor.stop()
      this.#monitors.delete(id)
      this.#graph.dropType(monitor.type)
    }
    for (const [id, type] of wanted) if (!this.#monitors.has(id)) this.#monitors.set(id, this.#start(type))
    await this.#synced(signal)
    const held = this.#held
    this.#held = undefined
    if (held !== undefined) this.#enqueue([...held])
    return failed.length === 0
  }

  #start(type: ResourceType<KubeObject>): Monitor {
    const informer = this.#deps.informers.informer(type, { metadataOnly: true })
    const see = (next: KubeObject | undefined, old: KubeObject | undefined): void => {
      if (next !== undefined) this.enqueue(this.#graph.observe(type, next))
      else if (old !== undefined) this.enqueue(this.#graph.forget(old.metadata.uid))
    }
    const off = informer.onChange(see)
    for (const object of informer.list()) see(object, undefined)
    return {
      type,
      stop: () => {
        off()
        this.#deps.informers.release?.(type, { metadataOnly: true })
      },
    }
  }

  /** One resource that cannot be listed must not hold up the collection of all others for ever. */
  async #synced(signal: AbortSignal): Promise<void> {
    using limit = childController(signal)
    const synced = this.#deps.informers.waitForSync(limit.signal).catch(() => {
      // The limit was reached, or the collector stops.
    })
    await Promise.race([synced, this.#pause(SYNC_LIMIT_MS, limit.signal)])
    limit.abort()
  }

  #pause(ms: number, signal: AbortSignal): Promise<void> {
    return this.#deps.clock.sleep(ms, signal).catch(() => {
      // Only an abort ends the sleep early, and the loop sees it.
    })
  }
}

function isMonitored({ type, verbs }: DiscoveredResource): boolean {
  return ['list', 'watch', 'delete'].every((verb) => verbs.includes(verb)) && !IGNORED.has(groupResourceOf(type))
}

function servedBy(definition: CustomResourceDefinition | undefined): string {
  if (definition === undefined || !isConditionTrue(definition.status.conditions, 'Established')) return ''
  return definition.spec.versions.map(({ name, served }) => `${name}:${served}`).join()
}

function idOf(type: ResourceType<unknown>): string {
  return `${groupResourceOf(type)}/${type.version}`
}
