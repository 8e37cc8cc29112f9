import { childController, isAborted } from '../../runtime/abort.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { ResourceCache } from '../cache/cache.ts'
import { revisionTooLarge } from '../errors.ts'

/** Longest wait for a revision that others have seen and this server has not. Source: apiserver, blockTimeout. */
const WAIT_MS = 3000

/** Resolves when the cache is at `revision`. Throws StatusError Timeout with cause ResourceVersionTooLarge. */
export async function waitForRevision(cache: ResourceCache, revision: number, clock: Clock, signal: AbortSignal): Promise<void> {
  if (cache.revision >= revision) return
  using attempt = childController(signal)
  const tooLate = clock.sleep(WAIT_MS, attempt.signal).then(
    () => attempt.abort(new Error('waited long enough')),
    () => undefined,
  )
  try {
    await cache.waitFor(revision, attempt.signal)
  } catch (err) {
    if (isAborted(signal) || !isAborted(attempt.signal)) throw err
    throw revisionTooLarge(revision, cache.revision)
  } finally {
    attempt.abort(new Error('done'))
    await tooLate
  }
}
