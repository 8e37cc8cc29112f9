/** One occurrence as a reporter states it. */
export interface Occurrence {
  readonly source: string
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly message: string
  /** Identity of the object it is about, field path included. */
  readonly objectId: string
}

/** What to write for an occurrence. */
export type Correlation =
  | { readonly action: 'drop' }
  | { readonly action: 'create'; readonly message: string; readonly key: string }
  | { readonly action: 'count'; readonly message: string; readonly key: string; readonly name: string; readonly count: number }

interface Known {
  readonly name: string
  readonly count: number
}

interface Similar {
  readonly messages: Set<string>
  lastMs: number
}

interface Bucket {
  tokens: number
  lastMs: number
}

const MAX_ENTRIES = 4096
/** So many different messages of one reason within the interval are told as one event. */
const MAX_SIMILAR = 10
const SIMILAR_INTERVAL_MS = 600_000
/** Per source and object: a burst, then one event in five minutes. */
const BURST = 25
const REFILL_PER_MS = 1 / 300_000

/**
 * Decides which occurrences become events, which only raise a count, and which are too many to be told.
 * Source: the aggregation, counting and spam rules of Kubernetes' event recorders.
 */
export class EventCorrelator {
  readonly #buckets = new Map<string, Bucket>()
  readonly #similar = new Map<string, Similar>()
  readonly #known = new Map<string, Known>()

  correlate(occurrence: Occurrence, nowMs: number): Correlation {
    const { source, type, reason, message, objectId } = occurrence
    if (!this.#allow(`${source}|${objectId}`, nowMs)) return { action: 'drop' }
    const group = [source, objectId, type, reason].join('|')
    const combined = this.#isMany(group, message, nowMs)
    const text = combined ? `(combined from similar events): ${message}` : message
    const key = combined ? group : `${group}|${message}`
    const known = this.#known.get(key)
    if (known === undefined) return { action: 'create', message: text, key }
    return { action: 'count', message: text, key, name: known.name, count: known.count + 1 }
  }

  /** Tells what was written, so that the next occurrence is counted on it. */
  remember(key: string, name: string, count: number): void {
    remember(this.#known, key, { name, count })
  }

  forget(key: string): void {
    this.#known.delete(key)
  }

  #allow(key: string, nowMs: number): boolean {
    const bucket = this.#buckets.get(key) ?? { tokens: BURST, lastMs: nowMs }
    bucket.tokens = Math.min(BURST, bucket.tokens + (nowMs - bucket.lastMs) * REFILL_PER_MS)
    bucket.lastMs = nowMs
    remember(this.#buckets, key, bucket)
    if (bucket.tokens < 1) return false
    bucket.tokens -= 1
    return true
  }

  #isMany(group: string, message: string, nowMs: number): boolean {
    let similar = this.#similar.get(group)
    if (similar === undefined || nowMs - similar.lastMs > SIMILAR_INTERVAL_MS) similar = { messages: new Set(), lastMs: nowMs }
    similar.lastMs = nowMs
    similar.messages.add(message)
    remember(this.#similar, group, similar)
    if (similar.messages.size < MAX_SIMILAR) return false
    // The set stops growing here: one message leaves for each that came.
    const [oldest] = similar.messages
    if (oldest !== undefined) similar.messages.delete(oldest)
    return true
  }
}

/** Puts the entry last and drops the least recently used one beyond the limit. */
function remember<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key)
  map.set(key, value)
  if (map.size <= MAX_ENTRIES) return
  const [oldest] = map.keys()
  if (oldest !== undefined) map.delete(oldest)
}
