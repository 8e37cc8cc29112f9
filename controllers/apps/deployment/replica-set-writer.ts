import { deployments, replicaSets } from '../../../core/api/kinds.ts'
import type { Deployment, DeploymentStatus, ReplicaSet } from '../../../core/api/types/apps-v1.ts'
import type { Client } from '../../../core/client/client.ts'
import type { EventRecorder } from '../../../core/client/recorder.ts'
import { findCondition } from '../../../core/meta/conditions.ts'
import { deepEqual } from '../../../core/meta/deep-equal.ts'
import type { Draft } from '../../../core/meta/object.ts'
import { controllerOf, controllerReference } from '../../../core/meta/owner.ts'
import { ignoreNotFound, isAlreadyExists } from '../../../core/meta/status-error.ts'
import { type Clock, toTimestamp } from '../../../core/runtime/clock.ts'
import { isNamespaceTerminating, messageOf } from '../../runtime/failure.ts'
import { POD_TEMPLATE_HASH, sameTemplate, templateHash } from '../template-hash.ts'
import { annotationsForNewSet, DESIRED_REPLICAS, MAX_REPLICAS, REVISION } from './annotations.ts'
import { limitsOf, type Resize, sizeOf } from './scaling.ts'
import { hasDeadline, type NewCondition, PROGRESSING, withCondition } from './status.ts'

export interface WriterDeps {
  readonly client: Client
  readonly recorder: EventRecorder
  readonly clock: Clock
}

interface Current {
  readonly deployment: Deployment
  readonly set: ReplicaSet
}

/** All writes of a Deployment's reconcile. Each answers the object as written, so that the next write builds on it. */
export class ReplicaSetWriter {
  readonly #deps: WriterDeps
  readonly #signal: AbortSignal

  constructor(deps: WriterDeps, signal: AbortSignal) {
    this.#deps = deps
    this.#signal = signal
  }

  /** Gives a set that has the current template the revision after all others, and the Deployment's annotations. */
  async adopt(deployment: Deployment, set: ReplicaSet, revision: number): Promise<Current> {
    const annotations = annotationsForNewSet(deployment, set.metadata.annotations, revision)
    const { minReadySeconds } = deployment.spec
    let written = set
    if (!deepEqual(annotations, set.metadata.annotations ?? {}) || (set.spec.minReadySeconds ?? 0) !== (minReadySeconds ?? 0)) {
      const next = { ...set, metadata: { ...set.metadata, annotations }, spec: { ...set.spec, minReadySeconds } }
      written = await this.#deps.client.update(replicaSets, next, { signal: this.#signal })
    }
    const marked = withRevision(deployment, written)
    const known = findCondition(deployment.status.conditions, 'Progressing')
    if (known !== undefined || !hasDeadline(deployment)) return { deployment: await this.#put(deployment, marked), set: written }
    const message = `Found new replica set "${set.metadata.name}"`
    const condition: NewCondition = { type: 'Progressing', status: 'True', reason: PROGRESSING.found, message }
    return { deployment: await this.#put(deployment, addCondition(marked, condition, this.#now())), set: written }
  }

  /** Undefined: nothing to do until the world changes (the namespace goes away). */
  async create(deployment: Deployment, wanted: { readonly revision: number; readonly replicas: number }): Promise<Current | undefined> {
    const draft = setFor(deployment, wanted)
    const { name } = draft.metadata
    let set: ReplicaSet
    let fresh = true
    try {
      set = await this.#deps.client.create(replicaSets, draft, { signal: this.#signal })
    } catch (err) {
      if (isNamespaceTerminating(err)) return undefined
      const existing = isAlreadyExists(err) ? await this.#sameSet(deployment, name, err) : undefined
      if (existing === undefined) {
        await this.#reportRefusal(deployment, name, err)
        throw err
      }
      set = existing
      fresh = false
    }
    if (fresh && wanted.replicas > 0) this.#event(deployment, `Scaled up replica set ${name} from 0 to ${wanted.replicas}`)
    const marked = withRevision(deployment, set)
    const message = `Created new replica set "${name}"`
    const condition: NewCondition = { type: 'Progressing', status: 'True', reason: PROGRESSING.created, message }
    const next = fresh && hasDeadline(deployment) ? addCondition(marked, condition, this.#now()) : marked
    return { deployment: await this.#put(deployment, next), set }
  }

  /** Answers old → written for the sets that changed. */
  async resizeAll(deployment: Deployment, plan: readonly Resize[]): Promise<ReadonlyMap<ReplicaSet, ReplicaSet>> {
    const written = new Map<ReplicaSet, ReplicaSet>()
    for (const resize of plan) {
      const next = await this.#resize(deployment, resize)
      if (next !== undefined) written.set(resize.set, next)
    }
    return written
  }

  async #resize(deployment: Deployment, { set, replicas }: Resize): Promise<ReplicaSet | undefined> {
    const bounds = boundsOf(deployment)
    const size = sizeOf(set)
    const known = Object.entries(bounds).every(([key, value]) => set.metadata.annotations?.[key] === value)
    if (size === replicas && known) return undefined
    const metadata = { ...set.metadata, annotations: { ...set.metadata.annotations, ...bounds } }
    const next = { ...set, metadata, spec: { ...set.spec, replicas } }
    const written = await this.#deps.client.update(replicaSets, next, { signal: this.#signal })
    if (size === replicas) return written
    const direction = replicas > size ? 'up' : 'down'
    this.#event(deployment, `Scaled ${direction} replica set ${set.metadata.name} from ${size} to ${replicas}`)
    return written
  }

  async remove(set: ReplicaSet): Promise<void> {
    const { uid } = set.metadata
    await ignoreNotFound(this.#deps.client.delete(replicaSets, set.metadata, { signal: this.#signal, preconditions: { uid } }))
  }

  async condition(deployment: Deployment, condition: NewCondition, now: string): Promise<Deployment> {
    return this.#put(deployment, addCondition(deployment, condition, now))
  }

  async status(deployment: Deployment, status: DeploymentStatus): Promise<Deployment> {
    return this.#put(deployment, { ...deployment, status })
  }

  async #put(old: Deployment, next: Deployment): Promise<Deployment> {
    if (deepEqual(old.status, next.status) && deepEqual(old.metadata.annotations, next.metadata.annotations)) return old
    return this.#deps.client.updateStatus(deployments, next, { signal: this.#signal })
  }

  /**
   * The name is taken. By our own set of an earlier try: use it. By a set of another template: count a collision, so
   * that the next try gets another name.
   */
  async #sameSet(deployment: Deployment, name: string, err: unknown): Promise<ReplicaSet | undefined> {
    const { namespace } = deployment.metadata
    const existing = await this.#deps.client.get(replicaSets, { namespace, name }, this.#signal)
    const ours = controllerOf(existing)?.uid === deployment.metadata.uid
    if (ours && sameTemplate(existing.spec.template, deployment.spec.template)) return existing
    const collisionCount = (deployment.status.collisionCount ?? 0) + 1
    await this.#put(deployment, { ...deployment, status: { ...deployment.status, collisionCount } })
    throw err
  }

  async #reportRefusal(deployment: Deployment, name: string, err: unknown): Promise<void> {
    const message = `Failed to create new replica set "${name}": ${messageOf(err)}`
    this.#deps.recorder.event(deployment, 'Warning', PROGRESSING.createError, message)
    if (!hasDeadline(deployment)) return
    const condition: NewCondition = { type: 'Progressing', status: 'False', reason: PROGRESSING.createError, message }
    await this.#put(deployment, addCondition(deployment, condition, this.#now()))
  }

  #event(deployment: Deployment, message: string): void {
    this.#deps.recorder.event(deployment, 'Normal', 'ScalingReplicaSet', message)
  }

  #now(): string {
    return toTimestamp(this.#deps.clock.now())
  }
}

function setFor(
  deployment: Deployment,
  { revision, replicas }: { readonly revision: number; readonly replicas: number },
): Draft<ReplicaSet> & { readonly metadata: { readonly name: string } } {
  const { template, selector, minReadySeconds } = deployment.spec
  const hash = templateHash(template, deployment.status.collisionCount)
  const hashLabel = { [POD_TEMPLATE_HASH]: hash }
  const labels = { ...template.metadata.labels, ...hashLabel }
  return {
    metadata: {
      namespace: deployment.metadata.namespace,
      name: `${deployment.metadata.name}-${hash}`,
      labels,
      annotations: { ...annotationsForNewSet(deployment, undefined, revision), ...boundsOf(deployment) },
      ownerReferences: [controllerReference(deployments, deployment)],
    },
    spec: {
      replicas,
      minReadySeconds,
      selector: { ...selector, matchLabels: { ...selector.matchLabels, ...hashLabel } },
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
  }
}

function boundsOf(deployment: Deployment): Readonly<Record<string, string>> {
  const { replicas, maxSurge } = limitsOf(deployment)
  return { [DESIRED_REPLICAS]: String(replicas), [MAX_REPLICAS]: String(replicas + maxSurge) }
}

function withRevision(deployment: Deployment, set: ReplicaSet): Deployment {
  const revision = set.metadata.annotations?.[REVISION]
  if (revision === undefined || deployment.metadata.annotations?.[REVISION] === revision) return deployment
  return { ...deployment, metadata: { ...deployment.metadata, annotations: { ...deployment.metadata.annotations, [REVISION]: revision } } }
}

function addCondition(deployment: Deployment, condition: NewCondition, now: string): Deployment {
  return { ...deployment, status: { ...deployment.status, conditions: withCondition(deployment.status.conditions, condition, now) } }
}
