import { pods } from '../../api/kinds.ts'
import type { Client } from '../../client/client.ts'
import type { EventRecorder } from '../../client/recorder.ts'
import { ignoreNotFound } from '../../meta/status-error.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { PodInfo } from '../pod-info.ts'
import { patchStatus, statusPatch } from '../pod-status.ts'
import type { Candidate } from './victims.ts'

export interface EvictDeps {
  readonly client: Client
  readonly recorder: EventRecorder
  readonly clock: Clock
}

/** Marks and deletes the victims with their own grace period. Rejects at the first one that cannot be deleted. */
export async function evictVictims(preemptor: PodInfo, { node, victims }: Candidate, deps: EvictDeps, signal: AbortSignal): Promise<void> {
  await Promise.all(victims.map((victim) => evict(preemptor, victim, { ...deps, nodeName: node.name }, signal)))
}

async function evict(
  preemptor: PodInfo,
  { pod }: PodInfo,
  deps: EvictDeps & { readonly nodeName: string },
  signal: AbortSignal,
): Promise<void> {
  if (pod.metadata.deletionTimestamp !== undefined) return
  const message = `${preemptor.pod.spec.schedulerName ?? ''}: preempting to accommodate a higher priority pod`
  const condition = { type: 'DisruptionTarget', status: 'True', reason: 'PreemptionByScheduler', message } as const
  const patch = statusPatch(pod, { condition }, deps.clock.now())
  if (patch !== undefined) await patchStatus(deps.client, pod, patch, signal)
  await ignoreNotFound(deps.client.delete(pods, pod.metadata, { signal, preconditions: { uid: pod.metadata.uid } }))
  deps.recorder.event(pod, 'Normal', 'Preempted', `Preempted by pod ${preemptor.pod.metadata.uid} on node ${deps.nodeName}`)
}
