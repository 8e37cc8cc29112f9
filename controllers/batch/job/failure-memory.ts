import type { Job } from '../../../core/api/types/batch-v1.ts'
import type { Pod } from '../../../core/api/types/core-v1.ts'
import type { ObjectKey } from '../../../core/meta/object.ts'
import { finishedAtMs } from './job-pods.ts'
import { delayMs } from './replicas.ts'
import { isFailed } from './tally.ts'

/**
 * Remembers failures whose pods are gone, so that a Job whose pods are deleted does not start new ones without pause.
 * Losing it in a restart costs one delay.
 */
export class FailureMemory {
  readonly #failures = new Map<ObjectKey, Map<string, number>>()

  /** When the next pod may start: the delay grows with the failures since the last success. 0 without any. */

  recall(key: ObjectKey, job: Job, pods: readonly Pod[], nowMs: number): number {
    const known = this.#failures.get(key) ?? new Map<string, number>()
    for (const pod of pods) if (isFailed(pod, job) && !known.has(pod.metadata.uid)) known.set(pod.metadata.uid, finishedAtMs(pod, nowMs))
    const successMs = Math.max(0, ...pods.filter(({ status }) => status.phase === 'Succeeded').map((pod) => finishedAtMs(pod, nowMs)))
    for (const [uid, atMs] of known) if (atMs < successMs) known.delete(uid)
    if (known.size === 0) return 0
    this.#failures.set(key, known)
    return Math.max(...known.values()) + delayMs(known.size)
  }

  forget(key: ObjectKey): void {
    this.#failures.delete(key)
  }
}
