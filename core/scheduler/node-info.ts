import { type HostPort, portsCollide } from '../api/rules/host-ports.ts'
import type { Node } from '../api/types/core-v1.ts'
import type { ObjectKey } from '../meta/object.ts'
import { hasAffinity, type PodInfo } from './pod-info.ts'
import { type Amounts, addAll, amountsOf } from './resources.ts'

/** A node, the pods that count on it (bound or assumed), and the sums that filters and scores read. */
export class NodeInfo {
  readonly name: string
  readonly pods: Map<ObjectKey, PodInfo>
  readonly requested: Amounts
  readonly nonZeroRequested: Amounts
  #node: Node | undefined
  #allocatable: ReadonlyMap<string, number> = new Map()
  #images: ReadonlyMap<string, number> = new Map()
  #podsWithAffinity = 0

  constructor(name: string) {
    this.name = name
    this.pods = new Map()
    this.requested = new Map()
    this.nonZeroRequested = new Map()
  }

  /** Undefined while only pods of the node are known. */
  get node(): Node | undefined {
    return this.#node
  }

  setNode(node: Node | undefined): void {
    this.#node = node
    this.#allocatable = amountsOf(node?.status.allocatable)
    this.#images = imagesOf(node)
  }

  get labels(): Readonly<Record<string, string>> {
    return this.#node?.metadata.labels ?? {}
  }

  get allocatable(): ReadonlyMap<string, number> {
    return this.#allocatable
  }

  /** Size in bytes by image name. */
  get images(): ReadonlyMap<string, number> {
    return this.#images
  }

  get hasPodsWithAffinity(): boolean {
    return this.#podsWithAffinity > 0
  }

  /** Replaces what was counted under the same key. */
  addPod(pod: PodInfo): void {
    this.removePod(pod.key)
    this.pods.set(pod.key, pod)
    addAll(this.requested, pod.requests)
    addAll(this.nonZeroRequested, pod.nonZeroRequests)
    if (hasAffinity(pod)) this.#podsWithAffinity += 1
  }

  removePod(key: ObjectKey): boolean {
    const pod = this.pods.get(key)
    if (pod === undefined) return false
    this.pods.delete(key)
    addAll(this.requested, pod.requests, -1)
    addAll(this.nonZeroRequested, pod.nonZeroRequests, -1)
    if (hasAffinity(pod)) this.#podsWithAffinity -= 1
    return true
  }

  /** Whether a pod here holds a port that excludes `wanted`. */
  holdsPort(wanted: HostPort): boolean {
    for (const pod of this.pods.values()) if (pod.hostPorts.some((held) => portsCollide(held, wanted))) return true
    return false
  }

  /** A copy to try things on. */
  clone(): NodeInfo {
    const copy = new NodeInfo(this.name)
    copy.#node = this.#node
    copy.#allocatable = this.#allocatable
    copy.#images = this.#images
    copy.#podsWithAffinity = this.#podsWithAffinity
    for (const [key, pod] of this.pods) copy.pods.set(key, pod)
    for (const [name, amount] of this.requested) copy.requested.set(name, amount)
    for (const [name, amount] of this.nonZeroRequested) copy.nonZeroRequested.set(name, amount)
    return copy
  }
}

function imagesOf(node: Node | undefined): ReadonlyMap<string, number> {
  const images = new Map<string, number>()
  for (const { names, sizeBytes } of node?.status.images ?? []) for (const name of names) images.set(name, sizeBytes ?? 0)
  return images
}
