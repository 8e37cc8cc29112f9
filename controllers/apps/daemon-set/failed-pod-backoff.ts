import type { ObjectKey } from '../../../core/meta/object.ts'
import type { Clock } from '../../../core/runtime/clock.ts'

interface Entry {
  untilMs: number
  delayMs: number
}

const BASE_MS = 1_000
const MAX_MS = 15 * 60_000

/** How long a failed daemon pod is left alone on a node, growing with each failure and forgotten after a quiet time. */
export class FailedPodBackoff {
  readonly #clock: Clock
  readonly #entries = new Map<ObjectKey, Map<string, Entry>>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  isWaiting(key: ObjectKey, node: string): boolean {
    const entry = this.#entries.get(key)?.get(node)
    return entry !== undefined && this.#clock.now() < entry.untilMs
  }

  failed(key: ObjectKey, node: string): void {
    const nodes = this.#entries.get(key) ?? new Map<string, Entry>()
    this.#entries.set(key, nodes)
    const nowMs = this.#clock.now()
    const old = nodes.get(node)
    const quiet = old === undefined || nowMs - old.untilMs > 2 * MAX_MS
    const delayMs = quiet ? BASE_MS : Math.min(MAX_MS, old.delayMs * 2)
    nodes.set(node, { untilMs: nowMs + delayMs, delayMs })
  }

  /** Until the next pod may be replaced; undefined when none waits. */
  nextMs(key: ObjectKey): number | undefined {
    const nowMs = this.#clock.now()
    const waits = [...(this.#entries.get(key)?.values() ?? [])].map(({ untilMs }) => untilMs - nowMs).filter((ms) => ms > 0)
    return waits.length === 0 ? undefined : Math.min(...waits)
  }
}
