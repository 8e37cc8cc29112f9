import type { Node, Pod } from '../api/types/core-v1.ts'
import { keyOf, type ObjectKey } from '../meta/object.ts'
import type { NamespaceLabels } from './affinity-terms.ts'
import type { ClusterView } from './framework.ts'
import { NodeInfo } from './node-info.ts'
import { isTerminal, podInfoOf } from './pod-info.ts'

/**
 * Nodes with the pods that count on them. A pod whose binding is under way is assumed to be on its node, so that the next cycle
 * already sees it; the informer's word replaces the assumption.
 */
export class SchedulerCache implements ClusterView {
  readonly namespaceLabels: NamespaceLabels
  readonly #infos = new Map<string, NodeInfo>()
  /** Where each pod is counted. */
  readonly #places = new Map<ObjectKey, string>()
  readonly #assumed = new Set<ObjectKey>()
  #nodes: readonly NodeInfo[] | undefined

  constructor(namespaceLabels: NamespaceLabels) {
    this.namespaceLabels = namespaceLabels
  }

  get nodes(): readonly NodeInfo[] {
    this.#nodes ??= [...this.#infos.values()].filter(({ node }) => node !== undefined)
    return this.#nodes
  }

  nodeInfo(name: string): NodeInfo | undefined {
    return this.#infos.get(name)
  }

  setNode(node: Node): void {
    this.#infoOf(node.metadata.name).setNode(node)
    this.#nodes = undefined
  }

  /** Pods of a node that went stay counted until they go too. */
  removeNode(name: string): void {
    const info = this.#infos.get(name)
    info?.setNode(undefined)
    if (info?.pods.size === 0) this.#infos.delete(name)
    this.#nodes = undefined
  }

  /** What the informer says about a pod with a node. */
  setPod(pod: Pod): void {
    const key = keyOf(pod)
    const node = pod.spec.nodeName ?? ''
    if (node === '' || isTerminal(pod)) {
      if (!this.#assumed.has(key) || isTerminal(pod)) this.removePod(key)
      return
    }
    this.#assumed.delete(key)
    this.#place(pod, node)
  }

  removePod(key: ObjectKey): void {
    const place = this.#places.get(key)
    if (place === undefined) return
    this.#places.delete(key)
    this.#assumed.delete(key)
    const info = this.#infos.get(place)
    info?.removePod(key)
    if (info?.node === undefined && info?.pods.size === 0) this.#infos.delete(place)
  }

  assume(pod: Pod, node: string): void {
    this.#assumed.add(keyOf(pod))
    this.#place(pod, node)
  }

  /** Takes an assumption back after a failed binding; nothing when the informer has confirmed it meanwhile. */
  forget(key: ObjectKey): void {
    if (this.#assumed.has(key)) this.removePod(key)
  }

  isAssumed(key: ObjectKey): boolean {
    return this.#assumed.has(key)
  }

  #place(pod: Pod, node: string): void {
    const key = keyOf(pod)
    if (this.#places.get(key) !== node) this.#infos.get(this.#places.get(key) ?? '')?.removePod(key)
    this.#places.set(key, node)
    this.#infoOf(node).addPod(podInfoOf(pod))
  }

  #infoOf(name: string): NodeInfo {
    let info = this.#infos.get(name)
    if (info === undefined) {
      info = new NodeInfo(name)
      this.#infos.set(name, info)
    }
    return info
  }
}
