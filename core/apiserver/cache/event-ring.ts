import type { Change } from './change.ts'

export interface RingOptions {
  /** Changes kept. Default 16384. */
  readonly maxChanges?: number
  /** Bytes they hold, see `Change.weight`. Default 32 MB. */
  readonly maxBytes?: number
}

/** Told when one of its changes leaves the ring: its history starts after that revision. */
export interface RingOwner {
  forget(revision: number): void
}

interface Slot {
  readonly owner: RingOwner
  readonly change: Change
  readonly weight: number
}

/** The newest changes of all resources in revision order, bounded by count and bytes. A quiet resource keeps its whole history. */
export class EventRing {
  readonly #maxChanges: number
  readonly #maxBytes: number
  #slots: (Slot | undefined)[] = []
  #head = 0
  #bytes = 0

  constructor(options: RingOptions = {}) {
    this.#maxChanges = options.maxChanges ?? 16_384
    this.#maxBytes = options.maxBytes ?? 32 * 1024 * 1024
  }

  get size(): number {
    return this.#slots.length - this.#head
  }

  get bytes(): number {
    return this.#bytes
  }

  push(owner: RingOwner, change: Change): void {
    const weight = change.weight
    this.#slots.push({ owner, change, weight })
    this.#bytes += weight
    while (this.size > this.#maxChanges || (this.#bytes > this.#maxBytes && this.size > 1)) this.#drop()
    if (this.#head > 1024 && this.#head * 2 > this.#slots.length) {
      this.#slots = this.#slots.slice(this.#head)
      this.#head = 0
    }
  }

  /** Changes of `owner` above `revision`, oldest first. */
  since(owner: RingOwner, revision: number): Change[] {
    const found: Change[] = []
    for (let at = this.#firstAfter(revision); at < this.#slots.length; at += 1) {
      const slot = this.#slots[at]
      if (slot?.owner === owner) found.push(slot.change)
    }
    return found
  }

  #drop(): void {
    const slot = this.#slots[this.#head]
    this.#slots[this.#head] = undefined
    this.#head += 1
    if (slot === undefined) return
    this.#bytes -= slot.weight
    slot.owner.forget(slot.change.revision)
  }

  #firstAfter(revision: number): number {
    let low = this.#head
    let high = this.#slots.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#slots[middle]?.change.revision ?? 0) <= revision) low = middle + 1
      else high = middle
    }
    return low
  }
}
