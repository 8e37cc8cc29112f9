import type { ControllerRevision, StatefulSet, StatefulSetStatus } from '../../../core/api/types/apps-v1.ts'
import type { Pod } from '../../../core/api/types/core-v1.ts'
import { isAvailable, isReady } from '../../runtime/pod.ts'
import { firstOrdinal, ordinalOf, revisionNameOf } from './identity.ts'

/** Everything the decisions below look at. */
export interface World {
  readonly set: StatefulSet
  readonly pods: readonly Pod[]
  /** The revision that is being replaced; the same as `update` when nothing is. */
  readonly current: ControllerRevision
  /** That of the set's template. */
  readonly update: ControllerRevision
  readonly nowMs: number
}

/** One step: what to start and what to delete now. With ordered management it is at most one pod. */
export interface Step {
  readonly create: readonly { readonly ordinal: number; readonly revision: ControllerRevision }[]
  readonly remove: readonly { readonly pod: Pod; readonly why: 'finished' | 'scale' | 'update' }[]
}

const replicasOf = ({ spec }: StatefulSet): number => spec.replicas ?? 1
const isGoing = (pod: Pod): boolean => pod.metadata.deletionTimestamp !== undefined
const isRunningAndReady = (pod: Pod): boolean => pod.status.phase === 'Running' && isReady(pod)

/** Lists for one set: a slot per wanted ordinal, and the pods beyond them from the highest down. */
export function slotsOf({ set, pods }: World): {
  readonly slots: ReadonlyMap<number, Pod | undefined>
  readonly condemned: readonly Pod[]
} {
  const start = firstOrdinal(set)
  const slots = new Map<number, Pod | undefined>()
  for (let ordinal = start; ordinal < start + replicasOf(set); ordinal++) slots.set(ordinal, undefined)
  const condemned: Pod[] = []
  for (const pod of pods) {
    const ordinal = ordinalOf(pod, set)
    if (ordinal === undefined) continue
    if (slots.has(ordinal)) slots.set(ordinal, pod)
    else condemned.push(pod)
  }
  condemned.sort((a, b) => (ordinalOf(b, set) ?? 0) - (ordinalOf(a, set) ?? 0))
  return { slots, condemned }
}

/**
 * The next step towards the wanted pods. Ordered sets do one thing at a time and wait for each pod to be available;
 * parallel ones start and stop all at once, while a rolling update goes pod by pod for both.
 * Source: Kubernetes documentation, "StatefulSet", deployment and scaling guarantees.
 */
export function planStep(world: World): Step {
  const { set } = world
  const ordered = set.spec.podManagementPolicy !== 'Parallel'
  const { slots, condemned } = slotsOf(world)
  const step = { create: [] as Step['create'][number][], remove: [] as Step['remove'][number][] }
  if (fill(world, slots, ordered, step) || shrink(world, slots, condemned, step)) return step
  if (set.spec.updateStrategy.type !== 'OnDelete') roll(world, slots, step)
  return step
}

interface OpenStep {
  readonly create: Step['create'][number][]
  readonly remove: Step['remove'][number][]
}

/** True: nothing more may happen in this step. */

function fill(world: World, slots: ReadonlyMap<number, Pod | undefined>, ordered: boolean, step: OpenStep): boolean {
  for (const [ordinal, pod] of slots) {
    if (pod === undefined) {
      step.create.push({ ordinal, revision: revisionFor(world, ordinal) })
      if (ordered) return true
      continue
    }
    if (pod.status.phase === 'Failed' || pod.status.phase === 'Succeeded') {
      // Its name is free only when it is gone.
      if (!isGoing(pod)) step.remove.push({ pod, why: 'finished' })
      if (ordered) return true
      continue
    }
    if (ordered && (isGoing(pod) || !isServing(world, pod))) return true
  }
  return false
}

function isServing({ set, nowMs }: World, pod: Pod): boolean {
  return isRunningAndReady(pod) && isAvailable(pod, set.spec.minReadySeconds ?? 0, nowMs)
}

function shrink(world: World, slots: ReadonlyMap<number, Pod | undefined>, condemned: readonly Pod[], step: OpenStep): boolean {
  const ordered = world.set.spec.podManagementPolicy !== 'Parallel'
  const firstUnhealthy = [...slots.values(), ...condemned.toReversed()].find(
    (pod) => pod !== undefined && (isGoing(pod) || !isRunningAndReady(pod)),
  )
  for (const pod of condemned) {
    if (isGoing(pod)) {
      if (ordered) return true
      continue
    }
    // A pod that does not serve may hold others up, unless it is the first that does not.
    if (ordered && pod !== firstUnhealthy && !isServing(world, pod)) return true
    step.remove.push({ pod, why: 'scale' })
    if (ordered) return true
  }
  return false
}

/** From the highest ordinal down to the partition, each only after the one before serves again. */
function roll(world: World, slots: ReadonlyMap<number, Pod | undefined>, step: OpenStep): void {
  const { set, update } = world
  const lowest = firstOrdinal(set) + (set.spec.updateStrategy.rollingUpdate?.partition ?? 0)
  for (const [ordinal, pod] of [...slots].reverse()) {
    if (ordinal < lowest || pod === undefined) return
    if (revisionNameOf(pod) !== update.metadata.name && !isGoing(pod)) {
      step.remove.push({ pod, why: 'update' })
      return
    }
    if (isGoing(pod) || !isRunningAndReady(pod)) return
  }
}

/** A pod below the partition that gets lost comes back as it was. */
function revisionFor({ set, current, update }: World, ordinal: number): ControllerRevision {
  const { type, rollingUpdate } = set.spec.updateStrategy
  if (type === 'OnDelete') return update
  const kept = rollingUpdate?.partition ?? set.status.currentReplicas ?? 0
  return ordinal < firstOrdinal(set) + kept ? current : update
}

export function planStatus(world: World): StatefulSetStatus {
  const { set, pods, current, update, nowMs } = world
  const members = pods.filter((pod) => ordinalOf(pod, set) !== undefined && pod.status.phase !== undefined)
  const staying = members.filter((pod) => !isGoing(pod))
  const ready = members.filter(isRunningAndReady)
  const of = (revision: ControllerRevision): number => staying.filter((pod) => revisionNameOf(pod) === revision.metadata.name).length
  const replicas = replicasOf(set)
  const complete =
    set.spec.updateStrategy.type !== 'OnDelete' && of(update) === replicas && members.length === replicas && ready.length === replicas
  const counts = { currentReplicas: complete ? of(update) : of(current), updatedReplicas: of(update), readyReplicas: ready.length }
  const { conditions, collisionCount } = set.status
  return {
    observedGeneration: set.metadata.generation,
    replicas: members.length,
    ...Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0)),
    currentRevision: complete ? update.metadata.name : current.metadata.name,
    updateRevision: update.metadata.name,
    collisionCount: collisionCount ?? 0,
    ...(conditions !== undefined && { conditions }),
    availableReplicas: ready.filter((pod) => isAvailable(pod, set.spec.minReadySeconds ?? 0, nowMs)).length,
  }
}
