import type { Pod, PodTemplateSpec } from '../../core/api/types/core-v1.ts'
import type { Informer } from '../../core/client/informer.ts'
import { findCondition, isConditionTrue } from '../../core/meta/conditions.ts'

/** Facts about pods that workload controllers share. Source: Kubernetes documentation, "Pod Lifecycle". */

/** Still counts as a replica: neither finished nor on its way out. */
export function isActive(pod: Pod): boolean {
  return !isFinished(pod) && pod.metadata.deletionTimestamp === undefined
}

/** Whether the pod will never run again. */
export function isFinished(pod: Pod): boolean {
  return pod.status.phase === 'Succeeded' || pod.status.phase === 'Failed'
}

export function isReady(pod: Pod): boolean {
  return isConditionTrue(pod.status.conditions, 'Ready')
}

/** On its way out, its containers may still run. */
export function isTerminating(pod: Pod): boolean {
  return !isFinished(pod) && pod.metadata.deletionTimestamp !== undefined
}

/** Ready for at least `minReadySeconds`. */
export function isAvailable(pod: Pod, minReadySeconds: number, nowMs: number): boolean {
  return msUntilAvailable(pod, minReadySeconds, nowMs) === 0
}

/** 0 when available now, undefined when not ready, otherwise how long it must stay ready. */
export function msUntilAvailable(pod: Pod, minReadySeconds: number, nowMs: number): number | undefined {
  const ready = findCondition(pod.status.conditions, 'Ready')
  if (ready?.status !== 'True') return undefined
  if (minReadySeconds === 0) return 0
  const sinceMs = Date.parse(ready.lastTransitionTime ?? '')
  if (Number.isNaN(sinceMs)) return undefined
  return Math.max(0, sinceMs + minReadySeconds * 1000 - nowMs)
}

/** The shortest wait after which one more of the pods becomes available; undefined when none is on the way. */
export function nextAvailabilityMs(pods: readonly Pod[], minReadySeconds: number, nowMs: number): number | undefined {
  let next: number | undefined
  for (const pod of pods) {
    const waitMs = msUntilAvailable(pod, minReadySeconds, nowMs)
    if (waitMs !== undefined && waitMs > 0 && (next === undefined || waitMs < next)) next = waitMs
  }
  return next
}

/** The parts of a template that a pod made from it starts with. */
export function podFromTemplate(template: PodTemplateSpec): {
  readonly metadata: {
    readonly labels?: Record<string, string>
    readonly annotations?: Record<string, string>
    readonly finalizers?: readonly string[]
  }
  readonly spec: Pod['spec']
} {
  const { labels, annotations, finalizers } = template.metadata
  return {
    metadata: {
      labels: { ...labels },
      annotations: { ...annotations },
      ...(finalizers !== undefined && { finalizers }),
    },
    spec: template.spec,
  }
}

const BY_NODE = 'nodeOfPod'

/** Lets `podsOn` find the pods of a node. */
export function indexByNode(pods: Informer<Pod>): Informer<Pod> {
  pods.addIndex(BY_NODE, nodeNames)
  return pods
}

/** Needs `indexByNode` on the same informer. */
export function podsOn(pods: Informer<Pod>, node: string): readonly Pod[] {
  return pods.byIndex(BY_NODE, node)
}

/** The node a pod is bound to, if any. */
export function nodeNames({ spec }: Pod): readonly string[] {
  return spec.nodeName === undefined || spec.nodeName === '' ? [] : [spec.nodeName]
}
