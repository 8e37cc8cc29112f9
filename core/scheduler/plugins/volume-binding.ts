import { persistentVolumeClaims, persistentVolumes, storageClasses } from '../../api/kinds.ts'
import type { Client } from '../../client/client.ts'
import type { InformerFactory } from '../../client/informer.ts'
import { keyOf } from '../../meta/object.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { ClusterEvent, Plugin, Rejection, Reservation } from '../framework.ts'
import type { NodeInfo } from '../node-info.ts'
import type { PodInfo } from '../pod-info.ts'
import { type BindDeps, bindVolumes } from '../volumes/bind-volumes.ts'
import { type SortedClaims, sortClaims, type VolumeListers } from '../volumes/claims.ts'
import { findVolumes, NOTHING_TO_BIND, type VolumePlan } from '../volumes/find-volumes.ts'

const NAME = 'VolumeBinding'

export interface VolumeDeps {
  readonly client: Client
  readonly informers: InformerFactory
  readonly clock: Clock
}

/** Sends pods where their volumes are or can be, and has claims bound that wait for their first consumer. */
export function volumeBinding({ client, informers, clock }: VolumeDeps): Plugin {
  const claims = informers.informer(persistentVolumeClaims)
  const volumes = informers.informer(persistentVolumes)
  const listers: VolumeListers = { claims, volumes, classes: informers.informer(storageClasses) }
  const promised = new Map<string, string>()
  const deps: BindDeps = { client, clock, claims, volumes }
  return {
    name: NAME,
    begin: (pod) => {
      if (pod.claims.length === 0) return undefined
      const sorted = sortClaims(pod, listers)
      if (typeof sorted === 'string') return { plugin: NAME, reasons: [sorted], isFinal: true }
      const find = (node: NodeInfo): VolumePlan | readonly string[] =>
        node.node === undefined ? [NOTHING_TO_BIND] : findVolumes(sorted, node.node, listers, promised)
      return { filter: (node) => rejectionOf(find(node)), reserve: (node) => reserve(find(node), { node, promised, deps }) }
    },
    wakes: (event, pod) => wakes(event, pod, listers),
  }
}

function rejectionOf(found: VolumePlan | readonly string[]): Rejection | undefined {
  return 'bindings' in found ? undefined : { plugin: NAME, reasons: found, isFinal: true }
}

interface ReserveContext {
  readonly node: NodeInfo
  /** Volume names to claim keys, shared by all pods whose binding is under way. */
  readonly promised: Map<string, string>
  readonly deps: BindDeps
}

/** Keeps the chosen volumes for this pod while its binding runs. */
function reserve(found: VolumePlan | readonly string[], { node: { node }, promised, deps }: ReserveContext): Reservation | undefined {
  if (!('bindings' in found) || node === undefined || found.bindings.length + found.provisions.length === 0) return undefined
  for (const { claim, volume } of found.bindings) promised.set(volume.metadata.name, keyOf(claim))
  return {
    plugin: NAME,
    prepare: (signal) => bindVolumes(found, node, deps, signal),
    release: () => {
      for (const { volume } of found.bindings) promised.delete(volume.metadata.name)
    },
  }
}

function wakes(event: ClusterEvent, pod: PodInfo, listers: VolumeListers): boolean {
  if (event.type === 'claim-changed') return pod.claims.some(({ key }) => key === keyOf(event.claim))
  if (event.type === 'node-updated')
    return event.node.metadata.labels !== event.old.metadata.labels && isPlaceable(sortClaims(pod, listers))
  return event.type === 'volume-changed' || event.type === 'class-changed' || event.type === 'node-added'
}

function isPlaceable(sorted: SortedClaims | string): boolean {
  return typeof sorted !== 'string'
}
