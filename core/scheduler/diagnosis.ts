import type { Rejection } from './framework.ts'

/** Why no node took a pod. */
export interface Diagnosis {
  /** By node name; empty when the pod was rejected as a whole. */
  readonly nodes: ReadonlyMap<string, Rejection>
  /** The rejection of the pod as a whole, before any node was looked at. */
  readonly pod?: Rejection | undefined
  readonly nodeCount: number
}

/** Names of the plugins that said no: their events may help the pod. */
export function rejectingPlugins({ nodes, pod }: Diagnosis): ReadonlySet<string> {
  const names = new Set(pod === undefined ? [] : [pod.plugin])
  for (const { plugin } of nodes.values()) names.add(plugin)
  return names
}

/** `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable.`, and what preemption had to say. */
export function explain({ nodes, pod, nodeCount }: Diagnosis, preemption?: string): string {
  const reasons = pod === undefined ? histogram([...nodes.values()].flatMap((rejection) => rejection.reasons)) : pod.reasons
  const text = reasons.length === 0 ? '' : `: ${reasons.join(', ')}`
  const suffix = preemption === undefined || preemption === '' ? '' : ` preemption: ${preemption}`
  return `0/${nodeCount} nodes are available${text}.${suffix}`
}

function histogram(reasons: readonly string[]): readonly string[] {
  const counts = new Map<string, number>()
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1)
  return [...counts].map(([reason, count]) => `${count} ${reason}`).sort()
}
