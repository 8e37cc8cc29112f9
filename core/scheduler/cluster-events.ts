import { namespaces, nodes, persistentVolumeClaims, persistentVolumes, pods, storageClasses } from '../api/kinds.ts'
import type { Node, Pod } from '../api/types/core-v1.ts'
import type { InformerFactory } from '../client/informer.ts'
import { deepEqual } from '../meta/deep-equal.ts'
import { keyOf } from '../meta/object.ts'
import type { SchedulerCache } from './cache.ts'
import type { ClusterEvent } from './framework.ts'
import type { Nominator } from './nominator.ts'
import { isTerminal } from './pod-info.ts'
import type { SchedulingQueue } from './queue.ts'

export interface EventSinks {
  readonly cache: SchedulerCache
  readonly queue: SchedulingQueue
  readonly nominator: Nominator
  /** Pods of other schedulers are not queued; those on nodes count all the same. */
  readonly schedulerName: string
  now(): number
  /** Something may be ready to schedule. */
  wake(): void
}

/** Carries what informers see into cache and queue. Returns the remover of all listeners. */
export function followCluster(informers: InformerFactory, sinks: EventSinks): () => void {
  const notify = (event: ClusterEvent): void => {
    sinks.queue.notify(event, sinks.now())
    sinks.wake()
  }
  const removers = [
    informers.informer(pods).onChange((next, old) => {
      onPod(next, old, sinks, notify)
      sinks.wake()
    }),
    informers.informer(nodes).onChange((next, old) => onNode(next, old, sinks.cache, notify)),
    informers.informer(persistentVolumeClaims).onChange((claim) => claim !== undefined && notify({ type: 'claim-changed', claim })),
    informers.informer(persistentVolumes).onChange((volume) => volume !== undefined && notify({ type: 'volume-changed', volume })),
    informers
      .informer(storageClasses)
      .onChange((storageClass) => storageClass !== undefined && notify({ type: 'class-changed', storageClass })),
    informers.informer(namespaces).onChange((next, old) => {
      if (next !== undefined && old !== undefined && !deepEqual(next.metadata.labels, old.metadata.labels))
        notify({ type: 'namespace-changed', namespace: next.metadata.name })
    }),
  ]
  return () => {
    for (const remove of removers) remove()
  }
}

/** Takes in what informers hold already. */
export function loadCluster(informers: InformerFactory, sinks: EventSinks): void {
  for (const node of informers.informer(nodes).list()) sinks.cache.setNode(node)
  for (const pod of informers.informer(pods).list()) onPod(pod, undefined, sinks, () => undefined)
}

function onNode(next: Node | undefined, old: Node | undefined, cache: SchedulerCache, notify: (event: ClusterEvent) => void): void {
  if (next === undefined) {
    if (old !== undefined) cache.removeNode(old.metadata.name)
    return
  }
  cache.setNode(next)
  if (old === undefined) notify({ type: 'node-added', node: next })
  else if (changesScheduling(next, old)) notify({ type: 'node-updated', node: next, old })
}

/** Heartbeats and images come often and free nothing. */
function changesScheduling(next: Node, old: Node): boolean {
  return (
    next.spec.unschedulable !== old.spec.unschedulable ||
    !deepEqual(next.spec.taints, old.spec.taints) ||
    !deepEqual(next.metadata.labels, old.metadata.labels) ||
    !deepEqual(next.status.allocatable, old.status.allocatable)
  )
}

const isAssigned = (pod: Pod | undefined): pod is Pod => pod !== undefined && (pod.spec.nodeName ?? '') !== ''

function onPod(next: Pod | undefined, old: Pod | undefined, sinks: EventSinks, notify: (event: ClusterEvent) => void): void {
  // A pod deleted and made anew between two looks arrives as one change.
  if (next !== undefined && old !== undefined && next.metadata.uid !== old.metadata.uid) {
    onPod(undefined, old, sinks, notify)
    onPod(next, undefined, sinks, notify)
    return
  }
  if (isAssigned(next) || isAssigned(old)) onAssigned(next, old, sinks, notify)
  else onUnassigned(next, old, sinks)
}

function onAssigned(
  next: Pod | undefined,
  old: Pod | undefined,
  { cache, queue, nominator }: EventSinks,
  notify: (event: ClusterEvent) => void,
): void {
  const pod = next ?? old
  if (pod === undefined) return
  const key = keyOf(pod)
  queue.delete(key)
  nominator.clear(key)
  if (next === undefined || isTerminal(next)) {
    cache.removePod(key)
    if (old === undefined || !isTerminal(old)) notify({ type: 'pod-gone', pod })
    return
  }
  cache.setPod(next)
  if (!isAssigned(old)) notify({ type: 'pod-assigned', pod: next })
  else if (!deepEqual(next.metadata.labels, old.metadata.labels) || !deepEqual(next.spec, old.spec))
    notify({ type: 'pod-changed', pod: next, old })
}

function onUnassigned(next: Pod | undefined, old: Pod | undefined, sinks: EventSinks): void {
  const { cache, queue, nominator, schedulerName } = sinks
  const pod = next ?? old
  if (pod === undefined) return
  const key = keyOf(pod)
  const isOurs = (pod.spec.schedulerName ?? schedulerName) === schedulerName
  if (next === undefined || isTerminal(next) || next.metadata.deletionTimestamp !== undefined || !isOurs) {
    queue.delete(key)
    nominator.clear(key)
    if (next === undefined) cache.removePod(key)
    return
  }
  const nominated = next.status.nominatedNodeName ?? ''
  if (nominated !== '') nominator.nominate(next, nominated)
  else if ((old?.status.nominatedNodeName ?? '') !== '') nominator.clear(key)
  if (cache.isAssumed(key)) return
  if (old === undefined) queue.add(next, sinks.now())
  else queue.update(next, old, sinks.now())
}
