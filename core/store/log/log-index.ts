import { invariant } from '../../runtime/invariant.ts'
import type { LogRow } from './row.ts'

export interface LiveKey {
  readonly revision: number
  readonly createRevision: number
}

type IndexedRow = Pick<LogRow, 'op' | 'revision' | 'key' | 'createRevision' | 'previousRevision'>

/**
 * What a log knows without reading it: the live revision of each key, and the revisions that compaction may delete, in the
 * order in which they died. Holds no values.
 */
export class LogIndex {
  readonly #live = new Map<string, LiveKey>()
  /** Flat pairs (died at, revision), ascending by the first; a tombstone dies at its own revision, after what it removed. */
  #dead: number[] = []
  #deadHead = 0
  #revision = 1
  #compacted = 0

  get revision(): number {
    return this.#revision
  }

  /** Highest revision that was compacted; history at or below it is gone. */
  get compacted(): number {
    return this.#compacted
  }

  get liveKeys(): number {
    return this.#live.size
  }

  get(key: string): LiveKey | undefined {
    return this.#live.get(key)
  }

  entries(): IterableIterator<[string, LiveKey]> {
    return this.#live.entries()
  }

  /** Rows come in revision order. */
  apply(row: IndexedRow): void {
    const { revision, key } = row
    invariant(revision > this.#revision, 'revisions grow', { last: this.#revision, got: revision })
    this.#revision = revision
    if (row.previousRevision > 0) this.#dead.push(revision, row.previousRevision)
    if (row.op === 'delete') {
      this.#dead.push(revision, revision)
      this.#live.delete(key)
    } else {
      this.#live.set(key, { revision, createRevision: row.createRevision })
    }
  }

  /** Forbids reads of history at or below `revision`; the dead revisions are then handed out by `takeDead`. */
  markCompacted(revision: number): void {
    this.#compacted = Math.max(this.#compacted, revision)
    this.#revision = Math.max(this.#revision, this.#compacted)
  }

  /** The next revisions, at most `limit`, that died at or before the compacted revision. Forgets them. */
  takeDead(limit: number): number[] {
    const taken: number[] = []
    while (taken.length < limit) {
      const diedAt = this.#dead[this.#deadHead]
      const revision = this.#dead[this.#deadHead + 1]
      if (diedAt === undefined || revision === undefined || diedAt > this.#compacted) break
      taken.push(revision)
      this.#deadHead += 2
    }
    if (this.#deadHead > 4096 && this.#deadHead * 2 > this.#dead.length) {
      this.#dead = this.#dead.slice(this.#deadHead)
      this.#deadHead = 0
    }
    return taken
  }

  /** Gives back what `takeDead` took when the deletion failed; order is kept. */
  returnDead(revisions: readonly number[]): void {
    const pairs = revisions.flatMap((revision) => [this.#compacted, revision])
    this.#dead = [...pairs, ...this.#dead.slice(this.#deadHead)]
    this.#deadHead = 0
  }
}
