import { pods, replicaSets, replicationControllers } from '../../core/api/kinds.ts'
import type { ReplicaSetCondition, ReplicaSetStatus } from '../../core/api/types/apps-v1.ts'
import type { Pod, PodTemplateSpec } from '../../core/api/types/core-v1.ts'
import type { LabelSelector } from '../../core/api/types/meta-v1.ts'
import type { Client } from '../../core/client/client.ts'
import type { Informer } from '../../core/client/informer.ts'
import type { EventRecorder } from '../../core/client/recorder.ts'
import { removeCondition, setCondition } from '../../core/meta/conditions.ts'
import { deepEqual } from '../../core/meta/deep-equal.ts'
import { type KubeObject, keyOf, type ObjectKey } from '../../core/meta/object.ts'
import { controllerOf, controllerReference } from '../../core/meta/owner.ts'
import type { ResourceType } from '../../core/meta/resource-type.ts'
import { type Selector, selectorOf, selectorOfMap } from '../../core/meta/selector.ts'
import { ignoreNotFound, StatusError } from '../../core/meta/status-error.ts'
import { type Clock, toTimestamp } from '../../core/runtime/clock.ts'
import { after, type Controller, done, type ReconcileContext, type Result, watch } from '../runtime/controller.ts'
import { Expectations } from '../runtime/expectations.ts'
import { isNamespaceTerminating, messageOf } from '../runtime/failure.ts'
import { claim, controlledBy, indexByController, ownerKeys } from '../runtime/owned.ts'
import { isActive, isAvailable, isReady, isTerminating, nextAvailabilityMs, podFromTemplate } from '../runtime/pod.ts'
import { slowStart } from '../runtime/slow-start.ts'
import { podsToDelete } from './replica-ranking.ts'

/**
 * Keeps the number of pods that a ReplicaSet or a ReplicationController controls equal to `spec.replicas`.
 * Source: Kubernetes documentation, "ReplicaSet" and "ReplicationController".
 */
export interface ReplicaSetDeps<T extends Replicated> {
  readonly client: Client
  readonly sets: Informer<T>
  readonly pods: Informer<Pod>
  readonly recorder: EventRecorder
  readonly clock: Clock
}

/** What the two kinds have in common; they differ in the type of their selector and in an optional template. */
export interface Replicated extends KubeObject {
  readonly spec: {
    readonly replicas?: number | undefined
    readonly minReadySeconds?: number | undefined
    readonly selector?: LabelSelector | Readonly<Record<string, string>> | undefined
    readonly template?: PodTemplateSpec | undefined
  }
  readonly status: ReplicaSetStatus
}

interface Kind<T> {
  readonly name: string
  readonly type: ResourceType<T>
  selectorOf(set: T): Selector
}

/** At most so many pods are created or deleted in one reconcile. */
const BURST = 500

export function replicaSetController(deps: ReplicaSetDeps<Replicated>): Controller {
  const type = replicaSets as ResourceType<Replicated>
  return controllerFor({ name: 'replicaset', type, selectorOf: ({ spec }) => selectorOf(spec.selector) }, deps)
}

export function replicationControllerController(deps: ReplicaSetDeps<Replicated>): Controller {
  const type = replicationControllers as ResourceType<Replicated>
  const select = ({ spec }: Replicated): Selector => selectorOfMap(spec.selector as Readonly<Record<string, string>>, false)
  return controllerFor({ name: 'replicationcontroller', type, selectorOf: select }, deps)
}

function controllerFor(kind: Kind<Replicated>, deps: ReplicaSetDeps<Replicated>): Controller {
  indexByController(deps.sets)
  const expectations = new Expectations(indexByController(deps.pods), deps.clock)
  return {
    name: kind.name,
    concurrency: 5,
    watches: [
      watch(kind.type, (set) => [keyOf(set)]),
      watch(
        pods,
        ownerKeys(kind.type, deps.sets, (set) => kind.selectorOf(set)),
      ),
    ],
    reconcile: (key, context) => new Sync(kind, deps, expectations, context).reconcile(key),
  }
}

/** Pods to add (positive) or to remove (negative), at most a burst. */
export function planReplicas(wanted: number, active: number): number {
  return Math.max(-BURST, Math.min(BURST, wanted - active))
}

class Sync {
  readonly #kind: Kind<Replicated>
  readonly #deps: ReplicaSetDeps<Replicated>
  readonly #expectations: Expectations<Pod>
  readonly #context: ReconcileContext

  constructor(kind: Kind<Replicated>, deps: ReplicaSetDeps<Replicated>, expectations: Expectations<Pod>, context: ReconcileContext) {
    this.#kind = kind
    this.#deps = deps
    this.#expectations = expectations
    this.#context = context
  }

  async reconcile(key: ObjectKey): Promise<Result> {
    const set = this.#deps.sets.get(key)
    if (set === undefined) {
      this.#expectations.forget(key)
      return done
    }
    const owned = await this.#claim(set)
    const active = owned.filter(isActive)
    const scale = this.#expectations.satisfied(key) && set.metadata.deletionTimestamp === undefined
    const failure = scale ? await this.#scale(set, key, active) : undefined
    await this.#report(set, owned, failure)
    if (failure !== undefined) throw failure.error
    const waitMs = nextAvailabilityMs(active, set.spec.minReadySeconds ?? 0, this.#deps.clock.now())
    return waitMs === undefined ? done : after(waitMs)
  }

  #claim(set: Replicated): Promise<readonly Pod[]> {
    return claim({
      client: this.#deps.client,
      ownerType: this.#kind.type,
      owner: set,
      selector: this.#kind.selectorOf(set),
      type: pods,
      lister: this.#deps.pods,
      signal: this.#context.signal,
      adoptable: isActive,
    })
  }

  async #scale(set: Replicated, key: ObjectKey, active: readonly Pod[]): Promise<Failure | undefined> {
    const difference = planReplicas(set.spec.replicas ?? 1, active.length)
    if (difference > 0) return this.#create(set, key, difference)
    if (difference < 0) return this.#delete(set, key, podsToDelete(active, -difference, this.#related(set), this.#deps.clock.now()))
    return undefined
  }

  async #create(set: Replicated, key: ObjectKey, count: number): Promise<Failure | undefined> {
    const { template } = set.spec
    if (template === undefined) return undefined
    const { metadata, spec } = podFromTemplate(template)
    const { client, recorder } = this.#deps
    const pod = {
      metadata: {
        ...metadata,
        namespace: set.metadata.namespace,
        generateName: `${set.metadata.name}-`,
        ownerReferences: [controllerReference(this.#kind.type, set)],
      },
      spec,
    }
    const { error } = await slowStart(count, async () => {
      try {
        const created = await client.create(pods, pod, { signal: this.#context.signal })
        this.#expectations.created(key, created)
        recorder.event(set, 'Normal', 'SuccessfulCreate', `Created pod: ${created.metadata.name}`)
      } catch (err) {
        // The set itself is about to go; nothing is wrong and nothing helps.
        if (isNamespaceTerminating(err)) return
        recorder.event(set, 'Warning', 'FailedCreate', `Error creating: ${messageOf(err)}`)
        throw err
      }
    })
    return error === undefined ? undefined : { reason: 'FailedCreate', error }
  }

  async #delete(set: Replicated, key: ObjectKey, victims: readonly Pod[]): Promise<Failure | undefined> {
    const { client, recorder } = this.#deps
    const { signal } = this.#context
    const outcomes = await Promise.allSettled(
      victims.map(async (pod) => {
        try {
          await ignoreNotFound(client.delete(pods, pod.metadata, { signal, preconditions: { uid: pod.metadata.uid } }))
          this.#expectations.deleted(key, pod)
          recorder.event(set, 'Normal', 'SuccessfulDelete', `Deleted pod: ${pod.metadata.name}`)
        } catch (err) {
          recorder.event(set, 'Warning', 'FailedDelete', `Error deleting: ${messageOf(err)}`)
          throw err
        }
      }),
    )
    const failed = outcomes.find((outcome) => outcome.status === 'rejected')
    return failed === undefined ? undefined : { reason: 'FailedDelete', error: failed.reason }
  }

  /** Active pods of all sets of the same owner: a rolling Deployment spreads over old and new together. */
  #related(set: Replicated): readonly Pod[] {
    const owner = controllerOf(set)
    const siblings = owner === undefined ? [set] : controlledBy(this.#deps.sets, owner.uid)
    return siblings.flatMap(({ metadata }) => controlledBy(this.#deps.pods, metadata.uid)).filter(isActive)
  }

  async #report(set: Replicated, owned: readonly Pod[], failure: Failure | undefined): Promise<void> {
    const planned = planStatus(set, owned, failure, this.#deps.clock.now())
    // The older kind has no place for this count.
    const status = this.#kind.name === 'replicaset' ? planned : { ...planned, terminatingReplicas: undefined }
    if (deepEqual(status, set.status)) return
    await ignoreNotFound(this.#deps.client.updateStatus(this.#kind.type, { ...set, status }, { signal: this.#context.signal }))
  }
}

interface Failure {
  readonly reason: 'FailedCreate' | 'FailedDelete'
  readonly error: unknown
}

/** Counts what is owned; `failure` becomes the condition ReplicaFailure. */
export function planStatus(set: Replicated, owned: readonly Pod[], failure: Failure | undefined, nowMs: number): ReplicaSetStatus {
  const active = owned.filter(isActive)
  const templateLabels = selectorOfMap(set.spec.template?.metadata.labels)
  const minReadySeconds = set.spec.minReadySeconds ?? 0
  const ready = active.filter(isReady)
  const fully = active.filter(({ metadata }) =>
    templateLabels.requirements.every(({ key, values }) => metadata.labels?.[key] === values[0]),
  )
  const conditions = planConditions(set.status.conditions, failure, toTimestamp(nowMs))
  return {
    replicas: active.length,
    ...positive('fullyLabeledReplicas', fully.length),
    ...positive('readyReplicas', ready.length),
    ...positive('availableReplicas', ready.filter((pod) => isAvailable(pod, minReadySeconds, nowMs)).length),
    terminatingReplicas: owned.filter(isTerminating).length,
    observedGeneration: set.metadata.generation,
    ...(conditions.length > 0 && { conditions }),
  }
}

function planConditions(old: ReplicaSetStatus['conditions'], failure: Failure | undefined, now: string): readonly ReplicaSetCondition[] {
  if (failure === undefined) return removeCondition(old, 'ReplicaFailure')
  const message = failure.error instanceof StatusError ? failure.error.message : messageOf(failure.error)
  return setCondition(old, { type: 'ReplicaFailure', status: 'True', reason: failure.reason, message }, now)
}

/** Counts without `always` are not written when zero, so comparing statuses needs them absent. */
function positive<N extends string>(name: N, count: number): Partial<Record<N, number>> {
  return (count > 0 ? { [name]: count } : {}) as Partial<Record<N, number>>
}
