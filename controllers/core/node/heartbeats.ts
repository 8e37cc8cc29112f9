import type { Lease } from '../../../core/api/types/coordination-v1.ts'
import type { Node } from '../../../core/api/types/core-v1.ts'
import { findCondition } from '../../../core/meta/conditions.ts'
import type { Clock } from '../../../core/runtime/clock.ts'

interface Pulse {
  renewTime: string | undefined
  heartbeat: string | undefined
  seenMs: number
}

/**
 * When each node was last heard of, by this process's clock: the times that nodes write are only compared with their
 * own earlier ones, so that clocks may differ.
 */
export class Heartbeats {
  readonly #clock: Clock
  readonly #pulses = new Map<string, Pulse>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Milliseconds since the node last renewed its lease or its status; a node seen for the first time counts as heard now. */
  silentMs(node: Node, lease: Lease | undefined): number {
    const renewTime = lease?.spec.renewTime
    const heartbeat = findCondition(node.status.conditions, 'Ready')?.lastHeartbeatTime
    const { name } = node.metadata
    const known = this.#pulses.get(name)
    const nowMs = this.#clock.now()
    if (known === undefined) {
      this.#pulses.set(name, { renewTime, heartbeat, seenMs: nowMs })
      return 0
    }
    if (known.renewTime !== renewTime || known.heartbeat !== heartbeat) Object.assign(known, { renewTime, heartbeat, seenMs: nowMs })
    return nowMs - known.seenMs
  }

  forget(name: string): void {
    this.#pulses.delete(name)
  }
}
