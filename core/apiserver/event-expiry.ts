import type { Logger } from '../observability/log.ts'
import { isAborted } from '../runtime/abort.ts'
import type { Clock } from '../runtime/clock.ts'
import { StoreError } from '../store/store.ts'
import type { Entry, ResourceCache } from './cache/cache.ts'

export interface EventExpiryDeps {
  /** The cache of core/v1 Events. */
  readonly events: ResourceCache
  readonly clock: Clock
  readonly log: Logger
  /** How long an event lives after it was last written. Default one hour. Source: --event-ttl. */
  readonly ttlMs?: number
}

interface Due {
  readonly namespace: string
  readonly name: string
  readonly revision: number
  readonly atMs: number
}

const HOUR_MS = 3_600_000
/** Expired events are collected for this long, so that a burst goes in few commits. */
const STEP_MS = 10_000

/**
 * Deletes events that nobody has written for an hour. Every write joins the end of one queue with its revision; only its
 * head is looked at, and an entry that was written again meanwhile is passed over. Resolves when the signal aborts.
 */
export async function expireEvents({ events, clock, log, ttlMs = HOUR_MS }: EventExpiryDeps, signal: AbortSignal): Promise<void> {
  const queue = new Queue()
  const nowMs = clock.now()
  for (const entry of [...events.list({}).entries].sort((a, b) => a.modRevision - b.modRevision))
    queue.push(dueOf(entry, Math.min(writtenMs(entry), nowMs) + ttlMs))
  const following = follow(events, (entry) => queue.push(dueOf(entry, clock.now() + ttlMs)), signal)
  try {
    for (;;) {
      await clock.sleep(Math.max(STEP_MS, (queue.nextMs ?? clock.now() + ttlMs) - clock.now()), signal)
      const due = queue.takeUntil(clock.now())
      const gone = await Promise.all(due.map((item) => remove(events, item)))
      const count = gone.filter(Boolean).length
      if (count > 0) log.debug({ count }, 'Old events deleted')
    }
  } catch (err) {
    if (!isAborted(signal)) throw err
  } finally {
    await following
  }
}

class Queue {
  #items: Due[] = []
  #head = 0

  push(item: Due): void {
    this.#items.push(item)
  }

  /** When the first is due. What joins an empty queue is due a whole lifetime later. */
  get nextMs(): number | undefined {
    return this.#items[this.#head]?.atMs
  }

  takeUntil(nowMs: number): Due[] {
    const start = this.#head
    while ((this.#items[this.#head]?.atMs ?? Infinity) <= nowMs) this.#head += 1
    const due = this.#items.slice(start, this.#head)
    if (this.#head > this.#items.length / 2) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return due
  }
}

function dueOf({ namespace, name, modRevision }: Entry, atMs: number): Due {
  return { namespace, name, revision: modRevision, atMs }
}

/** When an event that was there at the start was last written, as far as it says so itself. */
function writtenMs(entry: Entry): number {
  const { lastTimestamp, metadata } = entry.object() as ReturnType<Entry['object']> & { readonly lastTimestamp?: string | null }
  const ms = Date.parse(lastTimestamp ?? metadata.creationTimestamp)
  return Number.isNaN(ms) ? Infinity : ms
}

async function follow(events: ResourceCache, onWrite: (entry: Entry) => void, signal: AbortSignal): Promise<void> {
  while (!isAborted(signal)) {
    const watch = events.watch({ afterRevision: events.revision })
    try {
      for (let batch = await watch.pull(signal); batch !== undefined; batch = await watch.pull(signal))
        batch.events.filter(({ type }) => type !== 'DELETED').forEach(({ entry }) => onWrite(entry))
      return
    } catch (err) {
      // Fallen behind in a flood: what was missed is found by the next start. Anything else is the end.
      if (!(err instanceof StoreError) || err.code !== 'Compacted') return
    } finally {
      watch.close()
    }
  }
}

async function remove(events: ResourceCache, { namespace, name, revision }: Due): Promise<boolean> {
  const entry = events.get(namespace, name)
  if (entry?.modRevision !== revision) return false
  try {
    await events.delete(entry)
    return true
  } catch (err) {
    // Written or deleted in this very moment, here or on another server.
    if (err instanceof StoreError && err.code !== 'Unavailable') return false
    throw err
  }
}
