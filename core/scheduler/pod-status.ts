import { pods } from '../api/kinds.ts'
import type { Pod, PodCondition } from '../api/types/core-v1.ts'
import type { Client } from '../client/client.ts'
import { findCondition } from '../meta/conditions.ts'
import { ignoreNotFound } from '../meta/status-error.ts'
import { toTimestamp } from '../meta/time.ts'

export interface StatusChange {
  readonly condition?: Pick<PodCondition, 'type' | 'status' | 'reason' | 'message'>
  /** Empty takes the nomination back. */
  readonly nominatedNodeName?: string
}

/** The strategic merge patch of a pod's status, or undefined when it says so already. */
export function statusPatch(pod: Pod, { condition, nominatedNodeName }: StatusChange, nowMs: number): object | undefined {
  const status: Record<string, unknown> = {}
  if (condition !== undefined) {
    const current = findCondition(pod.status.conditions, condition.type)
    const isSame = current?.status === condition.status && current.reason === condition.reason && current.message === condition.message
    const lastTransitionTime = current?.status === condition.status ? current.lastTransitionTime : toTimestamp(nowMs)
    if (!isSame) status['conditions'] = [{ ...condition, lastProbeTime: null, lastTransitionTime }]
  }
  if (nominatedNodeName !== undefined && nominatedNodeName !== (pod.status.nominatedNodeName ?? ''))
    status['nominatedNodeName'] = nominatedNodeName === '' ? null : nominatedNodeName
  return Object.keys(status).length === 0 ? undefined : { metadata: { uid: pod.metadata.uid }, status }
}

/** A pod that is gone needs no status. */
export async function patchStatus(client: Client, pod: Pod, body: object, signal: AbortSignal): Promise<void> {
  await ignoreNotFound(client.patch(pods, pod.metadata, { type: 'strategic', body }, { signal, subresource: 'status' }))
}
