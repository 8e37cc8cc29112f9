import { deployments, pods, replicaSets } from '../../../core/api/kinds.ts'
import type { Deployment, ReplicaSet } from '../../../core/api/types/apps-v1.ts'
import type { Pod } from '../../../core/api/types/core-v1.ts'
import type { Client } from '../../../core/client/client.ts'
import type { Informer } from '../../../core/client/informer.ts'
import type { EventRecorder } from '../../../core/client/recorder.ts'
import { findCondition } from '../../../core/meta/conditions.ts'
import { type KubeObject, keyOf, type ObjectKey, objectKey } from '../../../core/meta/object.ts'
import { controllerOf } from '../../../core/meta/owner.ts'
import { selectorOf } from '../../../core/meta/selector.ts'
import { type Clock, toTimestamp } from '../../../core/runtime/clock.ts'
import { after, type Controller, done, type ReconcileContext, type Result, watch } from '../../runtime/controller.ts'
import { claim, controlledBy, controllerKeys, indexByController, ownerKeys } from '../../runtime/owned.ts'
import { isFinished } from '../../runtime/pod.ts'
import { sameTemplate } from '../template-hash.ts'
import { maxRevision } from './annotations.ts'
import { ReplicaSetWriter } from './replica-set-writer.ts'
import {
  activeSets,
  byCreation,
  isScaling,
  limitsOf,
  planCleanup,
  planNewSize,
  planOldSizes,
  planScale,
  sizeOf,
  totalSize,
} from './scaling.ts'
import { hasDeadline, isComplete, msUntilDeadline, type NewCondition, planCounts, planRolloutStatus, PROGRESSING } from './status.ts'

/**
 * Rolls the pods of a Deployment from one template to the next by resizing one ReplicaSet per template.
 * Source: Kubernetes documentation, "Deployment".
 */
export interface DeploymentDeps {
  readonly client: Client
  readonly deployments: Informer<Deployment>
  readonly replicaSets: Informer<ReplicaSet>
  readonly pods: Informer<Pod>
  readonly recorder: EventRecorder
  readonly clock: Clock
}

export function deploymentController(deps: DeploymentDeps): Controller {
  indexByController(deps.replicaSets)
  indexByController(deps.pods)
  const byReplicaSet = controllerKeys(deployments)
  return {
    name: 'deployment',
    concurrency: 5,
    watches: [
      watch(deployments, (deployment) => [keyOf(deployment)]),
      watch(
        replicaSets,
        ownerKeys(deployments, deps.deployments, ({ spec }) => selectorOf(spec.selector)),
      ),
      watch(pods, (pod) => recreateKeys(pod, deps, byReplicaSet)),
    ],
    reconcile: (key, context) => new Sync(deps, context).reconcile(key),
  }
}

/** A Recreate rollout waits for the last old pod to go; all others learn what they need from their ReplicaSets. */
function recreateKeys(pod: Pod, deps: DeploymentDeps, keysOf: (set: KubeObject) => readonly ObjectKey[]): readonly ObjectKey[] {
  const owner = controllerOf(pod)
  if (owner?.kind !== 'ReplicaSet') return []
  const set = deps.replicaSets.get(objectKey(pod.metadata.namespace, owner.name))
  if (set === undefined) return []
  return keysOf(set).filter((key) => deps.deployments.get(key)?.spec.strategy.type === 'Recreate')
}

/** Sets of one Deployment: that of its current template, if there is one, and the others. */
interface Sets {
  readonly current: ReplicaSet | undefined
  readonly old: readonly ReplicaSet[]
}

class Sync {
  readonly #deps: DeploymentDeps
  readonly #context: ReconcileContext
  readonly #writer: ReplicaSetWriter

  constructor(deps: DeploymentDeps, context: ReconcileContext) {
    this.#deps = deps
    this.#context = context
    this.#writer = new ReplicaSetWriter(deps, context.signal)
  }

  async reconcile(key: ObjectKey): Promise<Result> {
    const deployment = this.#deps.deployments.get(key)
    if (deployment === undefined) return done
    if (selectsEverything(deployment)) return this.#refuse(deployment)
    const sets = split(deployment, await this.#claim(deployment))
    if (deployment.metadata.deletionTimestamp !== undefined) return this.#reportCounts(deployment, sets)
    const synced = await this.#markPaused(deployment)
    if (synced.spec.paused === true || isScaling(synced, sets.current === undefined ? sets.old : [sets.current, ...sets.old])) {
      return this.#scale(synced, sets)
    }
    return synced.spec.strategy.type === 'Recreate' ? this.#recreate(synced, sets) : this.#roll(synced, sets)
  }

  async #refuse(deployment: Deployment): Promise<Result> {
    const message = 'This deployment is selecting all pods. A non-empty selector is required.'
    this.#deps.recorder.event(deployment, 'Warning', 'SelectingAll', message)
    const { generation } = deployment.metadata
    await this.#writer.status(deployment, { ...deployment.status, observedGeneration: generation })
    return done
  }

  #claim(deployment: Deployment): Promise<readonly ReplicaSet[]> {
    return claim({
      client: this.#deps.client,
      ownerType: deployments,
      owner: deployment,
      selector: selectorOf(deployment.spec.selector),
      type: replicaSets,
      lister: this.#deps.replicaSets,
      signal: this.#context.signal,
    })
  }

  /** Keeps a paused rollout from being called stuck. */
  async #markPaused(deployment: Deployment): Promise<Deployment> {
    if (!hasDeadline(deployment)) return deployment
    const reason = findCondition(deployment.status.conditions, 'Progressing')?.reason
    if (reason === PROGRESSING.timedOut) return deployment
    const paused = deployment.spec.paused === true
    const next = paused ? 'DeploymentPaused' : 'DeploymentResumed'
    if (paused ? reason === PROGRESSING.paused : reason !== PROGRESSING.paused) return deployment
    const message = paused ? 'Deployment is paused' : 'Deployment is resumed'
    return this.#setProgressing(deployment, { type: 'Progressing', status: 'Unknown', reason: next, message })
  }

  #setProgressing(deployment: Deployment, condition: NewCondition): Promise<Deployment> {
    return this.#writer.condition(deployment, condition, toTimestamp(this.#deps.clock.now()))
  }

  /** Paused, or `spec.replicas` changed: sizes only, no step of the rollout. */
  async #scale(deployment: Deployment, sets: Sets): Promise<Result> {
    const current = await this.#adoptCurrent(deployment, sets)
    const plan = planScale(current.deployment, current.set, sets.old)
    const resized = await this.#writer.resizeAll(current.deployment, plan)
    if (current.deployment.spec.paused === true) await this.#cleanup(current.deployment, sets.old)
    return this.#reportCounts(current.deployment, replaceAll({ current: current.set, old: sets.old }, resized))
  }

  async #roll(deployment: Deployment, sets: Sets): Promise<Result> {
    const current = await this.#ensureCurrent(deployment, sets)
    if (current === undefined) return done
    const next: Sets = { current: current.set, old: sets.old }
    const up = planNewSize(current.deployment, sizeOf(current.set), totalSize([current.set, ...sets.old]))
    if (up !== sizeOf(current.set)) {
      const resized = await this.#writer.resizeAll(current.deployment, [{ set: current.set, replicas: up }])
      return this.#report(current.deployment, replaceAll(next, resized))
    }
    const down = planOldSizes(current.deployment, current.set, activeSets(sets.old))
    const resized = await this.#writer.resizeAll(current.deployment, down)
    if (down.length === 0 && isComplete(current.deployment, current.deployment.status)) await this.#cleanup(current.deployment, sets.old)
    return this.#report(current.deployment, replaceAll(next, resized))
  }

  async #recreate(deployment: Deployment, sets: Sets): Promise<Result> {
    const known = await this.#adoptCurrent(deployment, sets)
    const activeOld = activeSets(sets.old)
    if (activeOld.length > 0) {
      const resized = await this.#writer.resizeAll(
        known.deployment,
        activeOld.map((set) => ({ set, replicas: 0 })),
      )
      return this.#report(known.deployment, replaceAll({ current: known.set, old: sets.old }, resized))
    }
    if (this.#hasRunningPods(sets.old)) return this.#report(known.deployment, { current: known.set, old: sets.old })
    const current = await this.#ensureCurrent(known.deployment, { current: known.set, old: sets.old })
    if (current === undefined) return done
    const { replicas } = limitsOf(current.deployment)
    const plan = sizeOf(current.set) === replicas ? [] : [{ set: current.set, replicas }]
    const resized = await this.#writer.resizeAll(current.deployment, plan)
    if (isComplete(current.deployment, current.deployment.status)) await this.#cleanup(current.deployment, sets.old)
    return this.#report(current.deployment, replaceAll({ current: current.set, old: sets.old }, resized))
  }

  #hasRunningPods(old: readonly ReplicaSet[]): boolean {
    return old.some(({ metadata }) => controlledBy(this.#deps.pods, metadata.uid).some((pod) => !isFinished(pod)))
  }

  /** Brings revision and annotations of an existing current set up to date; creates none. */
  async #adoptCurrent(
    deployment: Deployment,
    { current, old }: Sets,
  ): Promise<{ readonly deployment: Deployment; readonly set: ReplicaSet | undefined }> {
    if (current === undefined) return { deployment, set: undefined }
    return this.#writer.adopt(deployment, current, maxRevision(old) + 1)
  }

  async #ensureCurrent(
    deployment: Deployment,
    { current, old }: Sets,
  ): Promise<{ readonly deployment: Deployment; readonly set: ReplicaSet } | undefined> {
    if (current !== undefined) return this.#writer.adopt(deployment, current, maxRevision(old) + 1)
    return this.#writer.create(deployment, { revision: maxRevision(old) + 1, replicas: planNewSize(deployment, 0, totalSize(old)) })
  }

  async #cleanup(deployment: Deployment, old: readonly ReplicaSet[]): Promise<void> {
    for (const set of planCleanup(deployment, old)) await this.#writer.remove(set)
  }

  async #report(deployment: Deployment, { current, old }: Sets): Promise<Result> {
    const nowMs = this.#deps.clock.now()
    const sets = current === undefined ? old : [...old, current]
    const status = planRolloutStatus({ deployment, sets, newSet: current, nowMs, now: toTimestamp(nowMs) })
    await this.#writer.status(deployment, status)
    const leftMs = isComplete(deployment, status) ? undefined : msUntilDeadline(deployment, status.conditions, nowMs)
    // A second more: the deadline is a whole second and must have passed.
    return leftMs === undefined ? done : after(Math.max(0, leftMs) + 1000)
  }

  async #reportCounts(deployment: Deployment, { current, old }: Sets): Promise<Result> {
    const sets = current === undefined ? old : [...old, current]
    await this.#writer.status(deployment, planCounts(deployment, sets, current, toTimestamp(this.#deps.clock.now())))
    return done
  }
}

function selectsEverything({ spec }: Deployment): boolean {
  const { matchLabels, matchExpressions } = spec.selector
  return Object.keys(matchLabels ?? {}).length === 0 && (matchExpressions ?? []).length === 0
}

/** The oldest set with the current template is the current one, should there ever be two. */
function split(deployment: Deployment, sets: readonly ReplicaSet[]): Sets {
  const current = [...sets].sort(byCreation).find(({ spec }) => sameTemplate(spec.template, deployment.spec.template))
  return { current, old: sets.filter((set) => set !== current) }
}

function replaceAll({ current, old }: Sets, resized: ReadonlyMap<ReplicaSet, ReplicaSet>): Sets {
  const fresh = (set: ReplicaSet): ReplicaSet => resized.get(set) ?? set
  return { current: current === undefined ? undefined : fresh(current), old: old.map(fresh) }
}
