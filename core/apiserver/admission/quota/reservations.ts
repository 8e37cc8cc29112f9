import type { Usage } from '../../../api/rules/quota-usage.ts'

/** A charge for a write that was admitted and is on its way to the store. */
export interface Reservation {
  readonly namespace: string
  readonly quotaName: string
  readonly usage: Usage
  /** True when the cache shows the write, so that counting it here would count it twice. */
  readonly isVisible: () => boolean
  readonly expiresAtMs: number
}

/** Writes that are admitted side by side see each other's charges, although none is in the cache yet. */
export class Reservations {
  readonly #held = new Set<Reservation>()

  hold(reservation: Reservation): () => void {
    this.#held.add(reservation)
    return () => {
      this.#held.delete(reservation)
    }
  }

  /** Those of one quota that still count; the rest is forgotten. */
  of(namespace: string, quotaName: string, nowMs: number): readonly Reservation[] {
    for (const held of this.#held) if (held.expiresAtMs <= nowMs || held.isVisible()) this.#held.delete(held)
    return [...this.#held].filter((held) => held.namespace === namespace && held.quotaName === quotaName)
  }
}
