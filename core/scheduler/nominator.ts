import type { Pod } from '../api/types/core-v1.ts'
import { keyOf, type ObjectKey } from '../meta/object.ts'
import { type PodInfo, podInfoOf } from './pod-info.ts'

/** Pods that preemption made room for and that wait until their victims are gone: others must not take the room. */
export class Nominator {
  readonly #nodes = new Map<ObjectKey, { readonly node: string; readonly pod: PodInfo }>()

  nominate(pod: Pod, node: string): void {
    this.#nodes.set(keyOf(pod), { node, pod: podInfoOf(pod) })
  }

  clear(key: ObjectKey): void {
    this.#nodes.delete(key)
  }

  nodeOf(key: ObjectKey): string | undefined {
    return this.#nodes.get(key)?.node
  }

  /** Nominated to `node`. */
  podsOn(node: string): readonly PodInfo[] {
    const pods: PodInfo[] = []
    for (const nomination of this.#nodes.values()) if (nomination.node === node) pods.push(nomination.pod)
    return pods
  }
}
