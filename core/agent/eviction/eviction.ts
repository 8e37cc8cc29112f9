import type { Pod } from '../../api/types/core-v1.ts'
import type { EventRecorder } from '../../client/recorder.ts'
import type { Logger } from '../../observability/log.ts'
import { isAborted } from '../../runtime/abort.ts'
import type { Clock } from '../../runtime/clock.ts'
import { podReference } from '../pod/event-reference.ts'
import type { Verdict } from '../pod/verdict.ts'
import { exceededLimit, hasLocalLimits, type LocalUse } from './local-limits.ts'
import { isEvictable, rankForDisk, rankForMemory } from './rank.ts'

/** What is short on the node at this moment. */
export interface Shortage {
  readonly memory: boolean
  readonly disk: boolean
}

/** What one pod uses of what may run short. */
export interface PodUse {
  readonly memoryBytes: number
  readonly diskBytes: number
}

export interface EvictionDeps {
  readonly shortage: () => Shortage
  /** Frees disk in gentler ways before pods are ended. */
  readonly reclaimDisk: (signal: AbortSignal) => Promise<void>
  readonly usage: (signal: AbortSignal) => Promise<ReadonlyMap<string, PodUse>>
  /** What these pods have written to the node's disk, by uid. */
  readonly localUse: (pods: readonly Pod[], signal: AbortSignal) => Promise<ReadonlyMap<string, LocalUse>>
  /** Pods that hold resources now. */
  readonly pods: () => readonly Pod[]
  readonly evict: (uid: string, verdict: Verdict) => void
  readonly recorder: EventRecorder
  readonly clock: Clock
  readonly log: Logger
}

const PERIOD_MS = 10_000
/** Nothing is left to wait for: a pod gets its last second. Source: the kubelet's immediate eviction. */
const GRACE_SECONDS = 1
/** After an eviction the freed resources take a moment to show; ending another pod meanwhile would be hasty. */
const SETTLE_MS = 30_000

/**
 * Ends pods that write more than their limits allow, and others, one at a time, when memory or disk run out, before the kernel
 * does it less wisely. Source: Kubernetes docs, "Node-pressure Eviction".
 */
export async function evictUnderPressure(deps: EvictionDeps, signal: AbortSignal): Promise<void> {
  const { clock, log } = deps
  while (!isAborted(signal)) {
    let waitMs = PERIOD_MS
    try {
      await evictOverLimit(deps, signal)
      if (await evictOne(deps, signal)) waitMs = SETTLE_MS
    } catch (err) {
      if (!isAborted(signal)) log.warn({ err }, 'The node could not be checked for pressure')
    }
    await clock.sleep(waitMs, signal).catch(() => undefined)
  }
}

/** Answers whether a pod was ended. */
export async function evictOne(deps: EvictionDeps, signal: AbortSignal): Promise<boolean> {
  let short = deps.shortage()
  if (short.disk) {
    await deps.reclaimDisk(signal)
    short = deps.shortage()
  }
  if (!short.memory && !short.disk) return false
  const usage = await deps.usage(signal)
  const use = (pod: Pod): PodUse => usage.get(pod.metadata.uid) ?? { memoryBytes: 0, diskBytes: 0 }
  const [victim] = short.memory
    ? rankForMemory(deps.pods(), (pod) => use(pod).memoryBytes)
    : rankForDisk(deps.pods(), (pod) => use(pod).diskBytes)
  const what = short.memory ? 'memory' : 'ephemeral-storage'
  if (victim === undefined) {
    deps.log.warn({ resource: what }, 'The node runs out of a resource and no pod may be ended for it')
    return false
  }
  const message = `The node was low on resource: ${what}. `
  const disruption = { type: 'DisruptionTarget', status: 'True', reason: 'TerminationByKubelet', message } as const
  end(victim, { reason: 'Evicted', message, graceSeconds: GRACE_SECONDS, disruption }, deps)
  return true
}

/** Ends all pods that have written more than they may. */
export async function evictOverLimit(deps: EvictionDeps, signal: AbortSignal): Promise<void> {
  const limited = deps.pods().filter((pod) => isEvictable(pod) && hasLocalLimits(pod))
  if (limited.length === 0) return
  const use = await deps.localUse(limited, signal)
  for (const pod of limited) {
    const found = use.get(pod.metadata.uid)
    const message = found && exceededLimit(pod, found)
    if (message !== undefined) end(pod, { reason: 'Evicted', message, graceSeconds: GRACE_SECONDS }, deps)
  }
}

function end(pod: Pod, verdict: Verdict, { recorder, log, evict }: EvictionDeps): void {
  recorder.event(podReference(pod), 'Warning', verdict.reason, verdict.message)
  log.warn({ pod: pod.metadata.name, namespace: pod.metadata.namespace, why: verdict.message.trim() }, 'Pod evicted')
  evict(pod.metadata.uid, verdict)
}
