import type { CachedEntry } from './cached-entry.ts'
import type { Change } from './change.ts'
import { type Range, type RangeOptions, rangeOf, type SortedEntries } from './sorted-entries.ts'

/** Views kept per resource: readers that page through a list come back with the same revision. */
const KEPT_VIEWS = 4

/** Earlier states of a resource: the present with newer changes undone. */
export class HistoryViews {
  readonly #since: (revision: number) => readonly Change[]
  /** Revision → all entries. */
  readonly #views = new Map<number, readonly CachedEntry[]>()

  constructor(since: (revision: number) => readonly Change[]) {
    this.#since = since
  }

  /** Lets go of views that are no longer covered. */
  forget(revision: number): void {
    for (const kept of this.#views.keys()) if (kept < revision) this.#views.delete(kept)
  }

  range(current: SortedEntries<CachedEntry>, revision: number, options: RangeOptions): Range<CachedEntry> {
    const kept = this.#views.get(revision)
    if (kept !== undefined) return rangeOf(kept, options)
    const changes = this.#since(revision)
    if (changes.length === 0) return current.range(options)
    const view = undo(current.all(), changes)
    const oldest = this.#views.keys().next().value
    if (this.#views.size >= KEPT_VIEWS && oldest !== undefined) this.#views.delete(oldest)
    this.#views.set(revision, view)
    return rangeOf(view, options)
  }
}

function undo(current: readonly CachedEntry[], changes: readonly Change[]): readonly CachedEntry[] {
  const before = new Map<string, CachedEntry | undefined>()
  for (const change of changes) if (!before.has(change.key)) before.set(change.key, change.previous)
  const restored = [...before.values()].filter((entry) => entry !== undefined)
  const untouched = current.filter((entry) => !before.has(entry.key))
  return [...untouched, ...restored].sort((a, b) => (a.key < b.key ? -1 : 1))
}
