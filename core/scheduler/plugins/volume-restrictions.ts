import { persistentVolumeClaims } from '../../api/kinds.ts'
import type { PersistentVolumeClaim } from '../../api/types/core-v1.ts'
import type { InformerFactory, Lister } from '../../client/informer.ts'
import type { ObjectKey } from '../../meta/object.ts'
import type { Plugin, PluginRun, Rejection } from '../framework.ts'
import { type PodInfo, podInfoOf } from '../pod-info.ts'

const NAME = 'VolumeRestrictions'
const IN_USE: Rejection = {
  plugin: NAME,
  reasons: ['node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode'],
  isFinal: false,
}

/** A ReadWriteOncePod claim serves one pod of the cluster at a time. */
export function volumeRestrictions(informers: InformerFactory): Plugin {
  const claims: Lister<PersistentVolumeClaim> = informers.informer(persistentVolumeClaims)
  return {
    name: NAME,
    begin: (pod, cluster) => {
      const exclusive = new Set(
        pod.claims.filter(({ key }) => claims.get(key)?.spec.accessModes?.includes('ReadWriteOncePod') === true).map(({ key }) => key),
      )
      if (exclusive.size === 0) return undefined
      let users = 0
      for (const node of cluster.nodes) for (const other of node.pods.values()) if (usesAny(other, exclusive)) users += 1
      return new ExclusiveRun(exclusive, users)
    },
    wakes: (event, pod) =>
      event.type === 'pod-gone'
        ? pod.claims.some(({ key }) => usesAny(podInfoOf(event.pod), new Set([key])))
        : event.type === 'claim-changed' || event.type === 'node-added',
  }
}

function usesAny(pod: PodInfo, claims: ReadonlySet<ObjectKey>): boolean {
  return pod.claims.some(({ key }) => claims.has(key))
}

class ExclusiveRun implements PluginRun {
  readonly #claims: ReadonlySet<ObjectKey>
  #users: number

  constructor(claims: ReadonlySet<ObjectKey>, users: number) {
    this.#claims = claims
    this.#users = users
  }

  fork(): PluginRun {
    return new ExclusiveRun(this.#claims, this.#users)
  }

  addPod(pod: PodInfo): void {
    if (usesAny(pod, this.#claims)) this.#users += 1
  }

  removePod(pod: PodInfo): void {
    if (usesAny(pod, this.#claims)) this.#users -= 1
  }

  filter(): Rejection | undefined {
    return this.#users > 0 ? IN_USE : undefined
  }
}
