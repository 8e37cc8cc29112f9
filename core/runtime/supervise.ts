import type { Logger } from '../observability/log.ts'
import { isAborted } from './abort.ts'
import { Backoff } from './backoff.ts'
import type { Clock } from './clock.ts'

export interface SuperviseOptions {
  /** Stands in the log as `task`. */
  readonly name: string
  readonly log: Logger
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Delay before a restart; a run of at least `maxMs` starts the delays afresh. Default 1 s to 30 s. */
  readonly backoff?: { readonly baseMs: number; readonly maxMs: number }
}

/**
 * Keeps background work alive: runs it again after a failure or an unexpected end, with growing pauses. Settles only
 * when the signal has aborted and the work has ended; never rejects. Its promise belongs into somebody's `done`.
 */
export async function supervise(work: (signal: AbortSignal) => Promise<void>, options: SuperviseOptions): Promise<void> {
  const { name, log, clock, signal } = options
  const limits = options.backoff ?? { baseMs: 1_000, maxMs: 30_000 }
  const backoff = new Backoff(limits)
  while (!isAborted(signal)) {
    const startedMs = clock.now()
    try {
      await work(signal)
      if (!isAborted(signal)) log.warn({ task: name }, 'Background task ended, starting it again')
    } catch (err) {
      if (!isAborted(signal)) log.error({ err, task: name }, 'Background task failed, starting it again')
    }
    if (clock.now() - startedMs >= limits.maxMs) backoff.reset()
    await clock.sleep(backoff.nextMs(), signal).catch(() => {
      // Only an abort ends the sleep early, and the loop above sees it.
    })
  }
}
