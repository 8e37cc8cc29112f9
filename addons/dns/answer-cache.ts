import { summarize, withId } from './wire.ts'

interface Entry {
  readonly message: Buffer
  readonly ttlOffsets: readonly number[]
  readonly storedAtMs: number
  readonly lifeMs: number
}

/** Bounds memory: at some 300 bytes a message this is a few megabytes. */
const MAX_ENTRIES = 5_000
/** Failures and answers without a SOA are kept this long at most. */
const FAILURE_SECONDS = 5
const MAX_NEGATIVE_SECONDS = 1_800

/** Answers of upstream servers for as long as their TTLs and the configured limit allow. */
export class AnswerCache {
  readonly #entries = new Map<string, Entry>()
  readonly #maxSeconds: number
  readonly #now: () => number

  constructor(maxSeconds: number, now: () => number) {
    this.#maxSeconds = maxSeconds
    this.#now = now
  }

  /** A copy under the query's id with what is left of each TTL. */
  get(key: string, id: number): Buffer | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    const ageMs = this.#now() - entry.storedAtMs
    if (ageMs >= entry.lifeMs) {
      this.#entries.delete(key)
      return undefined
    }
    const copy = withId(entry.message, id)
    const ageSeconds = Math.floor(ageMs / 1000)
    for (const offset of entry.ttlOffsets) copy.writeUInt32BE(Math.max(0, copy.readUInt32BE(offset) - ageSeconds), offset)
    return copy
  }

  put(key: string, message: Buffer): void {
    const summary = summarize(message)
    if (summary === undefined || summary.truncated || this.#maxSeconds === 0) return
    const seconds = Math.min(this.#maxSeconds, lifeSeconds(summary.rcode, summary.minTtlSeconds))
    if (seconds <= 0) return
    const [oldest] = this.#entries.keys()
    if (this.#entries.size >= MAX_ENTRIES && oldest !== undefined) this.#entries.delete(oldest)
    const copy = Buffer.from(message)
    for (const offset of summary.ttlOffsets) copy.writeUInt32BE(Math.min(copy.readUInt32BE(offset), seconds), offset)
    this.#entries.set(key, { message: copy, ttlOffsets: summary.ttlOffsets, storedAtMs: this.#now(), lifeMs: seconds * 1000 })
  }
}

function lifeSeconds(rcode: number, minTtlSeconds: number | undefined): number {
  if (rcode !== 0 && rcode !== 3) return FAILURE_SECONDS
  if (rcode === 3) return Math.min(minTtlSeconds ?? FAILURE_SECONDS, MAX_NEGATIVE_SECONDS)
  return minTtlSeconds ?? FAILURE_SECONDS
}
