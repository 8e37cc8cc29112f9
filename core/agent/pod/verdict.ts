import type { PodCondition } from '../../api/types/core-v1.ts'

/** Why this node ends a pod: reason and message of its status. */
export interface Verdict {
  readonly reason: string
  readonly message: string
  /** The pod was turned away before anything of it was started. */
  readonly isRejection?: boolean | undefined
  /** Less time to end than the pod asks for. */
  readonly graceSeconds?: number | undefined
  /** Told as a condition when the pod is not to blame, so that a Job does not count it as a failure. */
  readonly disruption?: Pick<PodCondition, 'type' | 'status' | 'reason' | 'message'> | undefined
}
