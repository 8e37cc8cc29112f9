import { controllerRevisions, persistentVolumeClaims, pods, statefulSets } from '../../../core/api/kinds.ts'
import type { ControllerRevision, StatefulSet } from '../../../core/api/types/apps-v1.ts'
import type { PersistentVolumeClaim, Pod } from '../../../core/api/types/core-v1.ts'
import type { Client } from '../../../core/client/client.ts'
import type { Informer, Lister } from '../../../core/client/informer.ts'
import type { EventRecorder } from '../../../core/client/recorder.ts'
import { deepEqual } from '../../../core/meta/deep-equal.ts'
import { type KubeObject, keyOf, type ObjectKey, objectKey } from '../../../core/meta/object.ts'
import type { ResourceType } from '../../../core/meta/resource-type.ts'
import { selectorOf } from '../../../core/meta/selector.ts'
import { ignoreNotFound, isAlreadyExists } from '../../../core/meta/status-error.ts'
import type { Clock } from '../../../core/runtime/clock.ts'
import { after, type Controller, done, type ReconcileContext, type Result, watch } from '../../runtime/controller.ts'
import { Expectations } from '../../runtime/expectations.ts'
import { isNamespaceTerminating, messageOf, toError } from '../../runtime/failure.ts'
import { claim, controlledBy, indexByController, ownerKeys } from '../../runtime/owned.ts'
import { nextAvailabilityMs } from '../../runtime/pod.ts'
import { currentRevision, deleteRevisions, planRevisionCleanup } from '../revisions.ts'
import { planOwners } from './claims.ts'
import { claimName, claimsFor, ordinalOf, podFor, podName, repairedLabels, revisionNameOf } from './identity.ts'
import { planStatus, planStep, type Step, type World } from './plan.ts'

/**
 * Keeps numbered pods with names and volumes that outlive them. Source: Kubernetes documentation, "StatefulSets".
 */
export interface StatefulSetDeps {
  readonly client: Client
  readonly statefulSets: Lister<StatefulSet>
  readonly pods: Informer<Pod>
  readonly claims: Lister<PersistentVolumeClaim>
  readonly revisions: Informer<ControllerRevision>
  readonly recorder: EventRecorder
  readonly clock: Clock
}

export function statefulSetController(deps: StatefulSetDeps): Controller {
  indexByController(deps.revisions)
  const expectations = new Expectations(indexByController(deps.pods), deps.clock)
  const selectorFor = ({ spec }: StatefulSet) => selectorOf(spec.selector)
  return {
    name: 'statefulset',
    concurrency: 5,
    watches: [
      watch(statefulSets, (set) => [keyOf(set)]),
      watch(pods, ownerKeys(statefulSets, deps.statefulSets, selectorFor)),
      watch(controllerRevisions, ownerKeys(statefulSets, deps.statefulSets, selectorFor)),
      // Claims are read when pods are made; their changes alone call for nothing.
      watch(persistentVolumeClaims, () => []),
    ],
    reconcile: (key, context) => new Sync(deps, expectations, context).reconcile(key),
  }
}

class Sync {
  readonly #deps: StatefulSetDeps
  readonly #expectations: Expectations<Pod>
  readonly #context: ReconcileContext

  constructor(deps: StatefulSetDeps, expectations: Expectations<Pod>, context: ReconcileContext) {
    this.#deps = deps
    this.#expectations = expectations
    this.#context = context
  }

  async reconcile(key: ObjectKey): Promise<Result> {
    const set = this.#deps.statefulSets.get(key)
    if (set === undefined) {
      this.#expectations.forget(key)
      return done
    }
    const revisions = await this.#claim(set, controllerRevisions, this.#deps.revisions)
    const owned = await this.#claim(set, pods, this.#deps.pods, (pod) => ordinalOf(pod, set) !== undefined)
    const update = await this.#updateRevision(set, revisions)
    const current = revisions.find(({ metadata }) => metadata.name === set.status.currentRevision) ?? update
    const world: World = { set, pods: owned, current, update, nowMs: this.#deps.clock.now() }
    const failure = await this.#act(key, world)
    await this.#report(world)
    if (failure !== undefined) throw toError(failure)
    await this.#cleanUp(world, revisions)
    const waitMs = nextAvailabilityMs(owned, set.spec.minReadySeconds ?? 0, world.nowMs)
    return waitMs === undefined ? done : after(waitMs)
  }

  #claim<T extends KubeObject>(
    owner: StatefulSet,
    type: ResourceType<T>,
    lister: Informer<T>,
    adoptable: (object: T) => boolean = () => true,
  ): Promise<readonly T[]> {
    const { client } = this.#deps
    const { signal } = this.#context
    return claim({ client, ownerType: statefulSets, owner, selector: selectorOf(owner.spec.selector), type, lister, signal, adoptable })
  }

  async #updateRevision(set: StatefulSet, known: readonly ControllerRevision[]): Promise<ControllerRevision> {
    const { client } = this.#deps
    const { signal } = this.#context
    const { template, selector } = set.spec
    const collisionCount = set.status.collisionCount ?? 0
    const labels = { ...template.metadata.labels, ...selector.matchLabels }
    const found = await currentRevision({ client, ownerType: statefulSets, owner: set, labels, template, collisionCount, signal }, known)
    if (found.kind === 'revision') return found.revision
    await client.updateStatus(statefulSets, { ...set, status: { ...set.status, collisionCount: collisionCount + 1 } }, { signal })
    throw new Error('the name of the new revision is taken by another template')
  }

  async #act(key: ObjectKey, world: World): Promise<unknown> {
    const { set } = world
    try {
      await this.#retain(world)
      if (set.metadata.deletionTimestamp !== undefined || !this.#expectations.satisfied(key)) return undefined
      await this.#repair(world)
      await this.#carryOut(key, world, planStep(world))
    } catch (err) {
      // Reported after the status, which tells what has been reached.
      return err
    }
    return undefined
  }

  async #carryOut(key: ObjectKey, world: World, { create, remove }: Step): Promise<void> {
    for (const { pod, why } of remove) await this.#delete(key, world.set, pod, why)
    const outcomes = await Promise.allSettled(create.map(({ ordinal, revision }) => this.#create(key, world.set, ordinal, revision)))
    const failed = outcomes.find((outcome) => outcome.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }

  async #create(key: ObjectKey, set: StatefulSet, ordinal: number, revision: ControllerRevision): Promise<void> {
    const { client, recorder } = this.#deps
    const { name } = set.metadata
    try {
      await this.#createClaims(set, ordinal)
      const created = await client.create(pods, podFor(set, revision, ordinal), { signal: this.#context.signal })
      this.#expectations.created(key, created)
      recorder.event(set, 'Normal', 'SuccessfulCreate', `create Pod ${created.metadata.name} in StatefulSet ${name} successful`)
    } catch (err) {
      // The cache was behind: the pod event brings the set back.
      if (isAlreadyExists(err) || isNamespaceTerminating(err)) return
      const message = `create Pod ${podName(set, ordinal)} in StatefulSet ${name} failed error: ${messageOf(err)}`
      recorder.event(set, 'Warning', 'FailedCreate', message)
      throw err
    }
  }

  async #createClaims(set: StatefulSet, ordinal: number): Promise<void> {
    const { client, claims, recorder } = this.#deps
    for (const draft of claimsFor(set, ordinal)) {
      const name = draft.metadata?.name ?? ''
      const existing = claims.get(objectKey(set.metadata.namespace, name))
      if (existing?.metadata.deletionTimestamp !== undefined) throw new Error(`claim ${name} is being deleted`)
      if (existing !== undefined) continue
      try {
        await client.create(persistentVolumeClaims, draft, { signal: this.#context.signal })
        const message = `create Claim ${name} Pod ${podName(set, ordinal)} in StatefulSet ${set.metadata.name} success`
        recorder.event(set, 'Normal', 'SuccessfulCreate', message)
      } catch (err) {
        if (isAlreadyExists(err)) continue
        const message = `create Claim ${name} for Pod ${podName(set, ordinal)} in StatefulSet ${set.metadata.name} failed error: ${messageOf(err)}`
        recorder.event(set, 'Warning', 'FailedCreate', message)
        throw err
      }
    }
  }

  async #delete(key: ObjectKey, set: StatefulSet, pod: Pod, why: Step['remove'][number]['why']): Promise<void> {
    const { client, recorder } = this.#deps
    const { name, namespace, uid } = pod.metadata
    if (why === 'finished') {
      const failed = pod.status.phase === 'Failed'
      const message = `StatefulSet ${namespace ?? ''}/${set.metadata.name} is recreating ${failed ? 'failed' : 'terminated'} Pod ${name}`
      recorder.event(set, failed ? 'Warning' : 'Normal', failed ? 'RecreatingFailedPod' : 'RecreatingTerminatedPod', message)
    }
    try {
      await ignoreNotFound(client.delete(pods, pod.metadata, { signal: this.#context.signal, preconditions: { uid } }))
      this.#expectations.deleted(key, pod)
      recorder.event(set, 'Normal', 'SuccessfulDelete', `delete Pod ${name} in StatefulSet ${set.metadata.name} successful`)
    } catch (err) {
      const message = `delete Pod ${name} in StatefulSet ${set.metadata.name} failed error: ${messageOf(err)}`
      recorder.event(set, 'Warning', 'FailedDelete', message)
      throw err
    }
  }

  /** Names belong to pods; whoever takes the labels away gets them back. */
  async #repair({ set, pods: owned }: World): Promise<void> {
    for (const pod of owned) {
      const ordinal = ordinalOf(pod, set)
      const labels = ordinal === undefined || pod.metadata.deletionTimestamp !== undefined ? undefined : repairedLabels(pod, ordinal)
      if (ordinal === undefined) continue
      if (labels !== undefined) {
        const { uid, resourceVersion } = pod.metadata
        const body = { metadata: { uid, resourceVersion, labels } }
        await this.#deps.client.patch(pods, pod.metadata, { type: 'merge', body }, { signal: this.#context.signal })
      }
      if (pod.status.phase === 'Pending') await this.#createClaims(set, ordinal)
    }
  }

  async #retain({ set, pods: owned }: World): Promise<void> {
    for (const pod of owned) {
      const ordinal = ordinalOf(pod, set)
      if (ordinal === undefined) continue
      for (const template of set.spec.volumeClaimTemplates ?? []) {
        const existing = this.#deps.claims.get(objectKey(set.metadata.namespace, claimName(set, template.metadata.name, ordinal)))
        const owners = existing === undefined ? undefined : planOwners(set, pod, existing)
        if (existing === undefined || owners === undefined) continue
        const next = { ...existing, metadata: { ...existing.metadata, ownerReferences: owners } }
        // The role allows an update of claims and no patch.
        await ignoreNotFound(this.#deps.client.update(persistentVolumeClaims, next, { signal: this.#context.signal }))
      }
    }
  }

  async #report(world: World): Promise<void> {
    const { set } = world
    const status = planStatus(world)
    if (deepEqual(status, set.status)) return
    await ignoreNotFound(this.#deps.client.updateStatus(statefulSets, { ...set, status }, { signal: this.#context.signal }))
  }

  async #cleanUp({ set, current, update }: World, revisions: readonly ControllerRevision[]): Promise<void> {
    const owned = controlledBy(this.#deps.pods, set.metadata.uid)
    const inUse = new Set([current.metadata.name, update.metadata.name, ...owned.map(revisionNameOf)])
    const { signal } = this.#context
    await deleteRevisions(this.#deps.client, planRevisionCleanup(revisions, inUse, set.spec.revisionHistoryLimit ?? 10), signal)
  }
}
