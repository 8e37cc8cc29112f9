import type { PersistentVolume, Pod } from '../../../api/types/core-v1.ts'
import { objectKey, splitKey } from '../../../meta/object.ts'
import type { ObjectReader } from '../../admission/admission.ts'
import { podReferences, type ReferenceKind, referenceKey, volumeSecrets } from './references.ts'

const PODS = { group: '', resource: 'pods' }
const VOLUMES = { group: '', resource: 'persistentvolumes' }

interface Placement {
  readonly node: string
  readonly references: readonly string[]
}

/**
 * Which node may see which object: pods point to their node, objects to the pods that use them. Kept in step with the cache
 * lazily: changed pods are noted and read again at the next question.
 */
export class NodeGraph {
  readonly #reader: ObjectReader
  readonly #pods = new Map<string, Placement>()
  /** Reference to node to number of pods. */
  readonly #nodes = new Map<string, Map<string, number>>()
  readonly #changed = new Set<string>()
  #isFollowing = false
  #isStale = true

  constructor(reader: ObjectReader) {
    this.#reader = reader
  }

  /** Whether a pod bound to `node` uses the object, directly or, for secrets, through a volume it claims. */
  isUsed(node: string, kind: ReferenceKind, namespace: string, name: string): boolean {
    this.#refresh()
    if (this.#reaches(node, referenceKey(kind, namespace, name))) return true
    return kind === 'secret' && this.#volumeWithSecret(node, referenceKey('secret', namespace, name))
  }

  isVolumeUsed(node: string, name: string): boolean {
    this.#refresh()
    const volume = this.#reader.get<PersistentVolume>(VOLUMES, '', name)
    return volume !== undefined && this.#claims(node, volume)
  }

  isPodOn(node: string, namespace: string, name: string): boolean {
    this.#refresh()
    return this.#pods.get(objectKey(namespace, name))?.node === node
  }

  #reaches(node: string, reference: string): boolean {
    return this.#nodes.get(reference)?.has(node) === true
  }

  #claims(node: string, { spec }: PersistentVolume): boolean {
    const { namespace, name } = spec.claimRef ?? {}
    return namespace !== undefined && name !== undefined && this.#reaches(node, referenceKey('pvc', namespace, name))
  }

  #volumeWithSecret(node: string, secret: string): boolean {
    return this.#reader
      .list<PersistentVolume>(VOLUMES)
      .some((volume) => volumeSecrets(volume).includes(secret) && this.#claims(node, volume))
  }

  /** At the first question, when the cache is surely loaded. */
  #follow(): void {
    this.#isFollowing = true
    this.#reader.onChange(PODS, (changed) => {
      if (changed === undefined) this.#isStale = true
      else this.#changed.add(objectKey(changed.namespace, changed.name))
    })
  }

  #refresh(): void {
    if (!this.#isFollowing) this.#follow()
    if (this.#isStale) {
      this.#isStale = false
      this.#pods.clear()
      this.#nodes.clear()
      for (const pod of this.#reader.list<Pod>(PODS)) this.#add(pod)
    } else {
      for (const key of this.#changed) {
        this.#remove(key)
        const { namespace = '', name } = splitKey(key)
        const pod = this.#reader.get<Pod>(PODS, namespace, name)
        if (pod !== undefined) this.#add(pod)
      }
    }
    this.#changed.clear()
  }

  #add(pod: Pod): void {
    const node = pod.spec.nodeName
    if (node === undefined || node === '') return
    const references = podReferences(pod)
    this.#pods.set(objectKey(pod.metadata.namespace, pod.metadata.name), { node, references })
    for (const reference of references) {
      const counts = this.#nodes.get(reference) ?? new Map<string, number>()
      counts.set(node, (counts.get(node) ?? 0) + 1)
      this.#nodes.set(reference, counts)
    }
  }

  #remove(key: string): void {
    const placement = this.#pods.get(key)
    if (placement === undefined) return
    this.#pods.delete(key)
    for (const reference of placement.references) {
      const counts = this.#nodes.get(reference)
      const left = (counts?.get(placement.node) ?? 0) - 1
      if (left > 0) counts?.set(placement.node, left)
      else counts?.delete(placement.node)
      if (counts?.size === 0) this.#nodes.delete(reference)
    }
  }
}
