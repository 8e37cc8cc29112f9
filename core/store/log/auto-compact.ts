import { isAborted } from '../../runtime/abort.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { Store } from '../store.ts'

export interface AutoCompactOptions {
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Default 5 minutes, as in K3s. */
  readonly intervalMs?: number
  /** Newest revisions whose history is kept. Default 1000, as in K3s. */
  readonly keepRevisions?: number
  /** A failed compaction is repeated at the next interval; this hears about it. */
  readonly onError: (err: unknown) => void
}

/** Forgets old history now and then; resolves when the signal aborts. */
export async function autoCompact(store: Store, options: AutoCompactOptions): Promise<void> {
  const { clock, signal, intervalMs = 300_000, keepRevisions = 1000, onError } = options
  for (;;) {
    try {
      await clock.sleep(intervalMs, signal)
    } catch (err) {
      if (isAborted(signal)) return
      throw err
    }
    const target = store.revision - keepRevisions
    if (target <= 0) continue
    try {
      await store.compact(target)
    } catch (err) {
      onError(err)
    }
  }
}
