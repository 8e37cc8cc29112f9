import { controllerRevisions, daemonSets, nodes, pods } from '../../../core/api/kinds.ts'
import type { ControllerRevision, DaemonSet } from '../../../core/api/types/apps-v1.ts'
import type { Node, Pod } from '../../../core/api/types/core-v1.ts'
import type { Client } from '../../../core/client/client.ts'
import type { Informer, Lister } from '../../../core/client/informer.ts'
import type { EventRecorder } from '../../../core/client/recorder.ts'
import { deepEqual } from '../../../core/meta/deep-equal.ts'
import { type Draft, type KubeObject, keyOf, type ObjectKey } from '../../../core/meta/object.ts'
import { controllerReference } from '../../../core/meta/owner.ts'
import type { ResourceType } from '../../../core/meta/resource-type.ts'
import { selectorOf } from '../../../core/meta/selector.ts'
import { ignoreNotFound } from '../../../core/meta/status-error.ts'
import type { Clock } from '../../../core/runtime/clock.ts'
import { after, type Controller, done, type ReconcileContext, type Result, watch } from '../../runtime/controller.ts'
import { Expectations } from '../../runtime/expectations.ts'
import { isNamespaceTerminating, messageOf, toError } from '../../runtime/failure.ts'
import { claim, indexByController, ownerKeys } from '../../runtime/owned.ts'
import { nextAvailabilityMs, podFromTemplate } from '../../runtime/pod.ts'
import { slowStart } from '../../runtime/slow-start.ts'
import { currentRevision, deleteRevisions, hashIn, planRevisionCleanup, REVISION_HASH } from '../revisions.ts'
import { FailedPodBackoff } from './failed-pod-backoff.ts'
import { nodeOf, podsByNode, specFor } from './placement.ts'
import { type DaemonPlan, planDaemonPods, planRollingUpdate, planStatus, type World } from './plan.ts'

/** Keeps one pod of a template on every node that fits. Source: Kubernetes documentation, "DaemonSet". */
export interface DaemonSetDeps {
  readonly client: Client
  readonly daemonSets: Lister<DaemonSet>
  readonly nodes: Lister<Node>
  readonly pods: Informer<Pod>
  readonly revisions: Informer<ControllerRevision>
  readonly recorder: EventRecorder
  readonly clock: Clock
}

const TEMPLATE_GENERATION = 'deprecated.daemonset.template.generation'
const GENERATION_LABEL = 'pod-template-generation'
/** At most so many pods are created or deleted in one reconcile. */
const BURST = 250

export function daemonSetController(deps: DaemonSetDeps): Controller {
  indexByController(deps.revisions)
  const expectations = new Expectations(indexByController(deps.pods), deps.clock)
  const backoff = new FailedPodBackoff(deps.clock)
  const seen = new Map<string, string>()
  const selectorFor = ({ spec }: DaemonSet) => selectorOf(spec.selector)
  return {
    name: 'daemonset',
    concurrency: 2,
    watches: [
      watch(daemonSets, (daemonSet) => [keyOf(daemonSet)]),
      watch(pods, ownerKeys(daemonSets, deps.daemonSets, selectorFor)),
      watch(controllerRevisions, ownerKeys(daemonSets, deps.daemonSets, selectorFor)),
      watch(nodes, (node) => (placementChanged(node, deps.nodes, seen) ? deps.daemonSets.list().map(keyOf) : [])),
    ],
    reconcile: (key, context) => new Sync(deps, { expectations, backoff }, context).reconcile(key),
  }
}

/** Nodes report often; labels and taints, which decide placement, change seldom. */
function placementChanged(node: Node, lister: Lister<Node>, seen: Map<string, string>): boolean {
  const { name } = node.metadata
  const current = lister.get(name)
  const signature = current === undefined ? undefined : JSON.stringify([current.metadata.uid, current.metadata.labels, current.spec.taints])
  if (seen.get(name) === signature) return false
  if (signature === undefined) seen.delete(name)
  else seen.set(name, signature)
  return true
}

interface State {
  readonly expectations: Expectations<Pod>
  readonly backoff: FailedPodBackoff
}

class Sync {
  readonly #deps: DaemonSetDeps
  readonly #state: State
  readonly #context: ReconcileContext

  constructor(deps: DaemonSetDeps, state: State, context: ReconcileContext) {
    this.#deps = deps
    this.#state = state
    this.#context = context
  }

  async reconcile(key: ObjectKey): Promise<Result> {
    const daemonSet = this.#deps.daemonSets.get(key)
    if (daemonSet === undefined) {
      this.#state.expectations.forget(key)
      return done
    }
    const { matchLabels, matchExpressions } = daemonSet.spec.selector
    if (Object.keys(matchLabels ?? {}).length === 0 && (matchExpressions ?? []).length === 0) {
      this.#deps.recorder.event(
        daemonSet,
        'Warning',
        'SelectingAll',
        'This daemon set is selecting all pods. A non-empty selector is required.',
      )
      return done
    }
    if (daemonSet.metadata.deletionTimestamp !== undefined) return done
    const revisions = await this.#claim(daemonSet, controllerRevisions, this.#deps.revisions)
    const current = await this.#revision(daemonSet, revisions)
    const owned = await this.#claim(daemonSet, pods, this.#deps.pods)
    const world: World = {
      daemonSet,
      nodes: this.#deps.nodes.list(),
      pods: podsByNode(owned),
      hash: hashIn(current),
      nowMs: this.#deps.clock.now(),
    }
    const failure = this.#state.expectations.satisfied(key) ? await this.#act(world, owned, key) : undefined
    if (failure === undefined) await this.#cleanUp(daemonSet, revisions, current, owned)
    await this.#report(world)
    if (failure !== undefined) throw toError(failure)
    const waitMs = nextAvailabilityMs(owned, daemonSet.spec.minReadySeconds ?? 0, world.nowMs)
    const retryMs = this.#state.backoff.nextMs(key)
    const waits = [waitMs, retryMs].filter((ms) => ms !== undefined)
    return waits.length === 0 ? done : after(Math.min(...waits))
  }

  #claim<T extends KubeObject>(owner: DaemonSet, type: ResourceType<T>, lister: Informer<T>): Promise<readonly T[]> {
    const { client } = this.#deps
    const { signal } = this.#context
    return claim({ client, ownerType: daemonSets, owner, selector: selectorOf(owner.spec.selector), type, lister, signal })
  }

  async #revision(daemonSet: DaemonSet, known: readonly ControllerRevision[]): Promise<ControllerRevision> {
    const { client } = this.#deps
    const { signal } = this.#context
    const { template } = daemonSet.spec
    const collisionCount = daemonSet.status.collisionCount ?? 0
    const labels = { ...template.metadata.labels }
    const found = await currentRevision(
      { client, ownerType: daemonSets, owner: daemonSet, labels, template, collisionCount, signal },
      known,
    )
    if (found.kind === 'revision') return found.revision
    await client.updateStatus(daemonSets, { ...daemonSet, status: { ...daemonSet.status, collisionCount: collisionCount + 1 } }, { signal })
    throw new Error('the name of the new revision is taken by another template')
  }

  /** Placement first; a rolling update moves on only when every node has what it should have. */
  async #act(world: World, owned: readonly Pod[], key: ObjectKey): Promise<unknown> {
    const placement = planDaemonPods(world)
    // Pods on nodes that no longer exist have nobody to end them but the pod garbage collector.
    const known = new Set(world.nodes.map(({ metadata }) => metadata.name))
    const lost = owned.filter(
      (pod) => !known.has(nodeOf(pod) ?? '') && pod.spec.nodeName === undefined && pod.metadata.deletionTimestamp === undefined,
    )
    const failure = await this.#carryOut(world, { ...placement, remove: [...placement.remove, ...lost] }, key)
    if (failure !== undefined || !this.#state.expectations.satisfied(key)) return failure
    return this.#carryOut(world, planRollingUpdate(world), key)
  }

  async #carryOut(world: World, plan: DaemonPlan, key: ObjectKey): Promise<unknown> {
    const errors: unknown[] = []
    for (const pod of plan.remove.slice(0, BURST)) {
      if (this.#deferred(world.daemonSet, pod, key)) continue
      try {
        const preconditions = { uid: pod.metadata.uid }
        await ignoreNotFound(this.#deps.client.delete(pods, pod.metadata, { signal: this.#context.signal, preconditions }))
        this.#state.expectations.deleted(key, pod)
        this.#deps.recorder.event(world.daemonSet, 'Normal', 'SuccessfulDelete', `Deleted pod: ${pod.metadata.name}`)
      } catch (err) {
        this.#deps.recorder.event(world.daemonSet, 'Warning', 'FailedDelete', `Error deleting: ${messageOf(err)}`)
        errors.push(err)
      }
    }
    const targets = plan.create.slice(0, BURST)
    const { error } = await slowStart(targets.length, (at) => this.#create(world, targets[at] ?? '', key))
    return errors[0] ?? error
  }

  /** A daemon that keeps failing is not started again in a tight loop. */
  #deferred(daemonSet: DaemonSet, pod: Pod, key: ObjectKey): boolean {
    const { name, namespace } = pod.metadata
    const node = nodeOf(pod) ?? ''
    if (pod.status.phase === 'Succeeded') {
      const message = `Found succeeded daemon pod ${namespace ?? ''}/${name} on node ${node}, will try to delete it`
      this.#deps.recorder.event(daemonSet, 'Normal', 'SucceededDaemonPod', message)
    }
    if (pod.status.phase !== 'Failed') return false
    if (this.#state.backoff.isWaiting(key, node)) return true
    this.#state.backoff.failed(key, node)
    const message = `Found failed daemon pod ${namespace ?? ''}/${name} on node ${node}, will try to kill it`
    this.#deps.recorder.event(daemonSet, 'Warning', 'FailedDaemonPod', message)
    return false
  }

  async #create(world: World, node: string, key: ObjectKey): Promise<void> {
    const { daemonSet, hash } = world
    try {
      const created = await this.#deps.client.create(pods, podFor(daemonSet, node, hash), { signal: this.#context.signal })
      this.#state.expectations.created(key, created)
      this.#deps.recorder.event(daemonSet, 'Normal', 'SuccessfulCreate', `Created pod: ${created.metadata.name}`)
    } catch (err) {
      if (isNamespaceTerminating(err)) return
      this.#deps.recorder.event(daemonSet, 'Warning', 'FailedCreate', `Error creating: ${messageOf(err)}`)
      throw err
    }
  }

  async #cleanUp(
    { spec }: DaemonSet,
    revisions: readonly ControllerRevision[],
    current: ControllerRevision,
    owned: readonly Pod[],
  ): Promise<void> {
    const hashes = new Set(owned.map(({ metadata }) => metadata.labels?.[REVISION_HASH]))
    const inUse = new Set([current, ...revisions.filter((revision) => hashes.has(hashIn(revision)))].map(({ metadata }) => metadata.name))
    await deleteRevisions(this.#deps.client, planRevisionCleanup(revisions, inUse, spec.revisionHistoryLimit ?? 10), this.#context.signal)
  }

  async #report(world: World): Promise<void> {
    const { daemonSet } = world
    const status = planStatus(world, daemonSet.metadata.generation)
    if (deepEqual(status, daemonSet.status)) return
    await ignoreNotFound(this.#deps.client.updateStatus(daemonSets, { ...daemonSet, status }, { signal: this.#context.signal }))
  }
}

function podFor(daemonSet: DaemonSet, node: string, hash: string): Draft<Pod> {
  const { metadata, spec } = podFromTemplate(daemonSet.spec.template)
  const generation = daemonSet.metadata.annotations?.[TEMPLATE_GENERATION]
  const labels = { ...metadata.labels, [REVISION_HASH]: hash, ...(generation !== undefined && { [GENERATION_LABEL]: generation }) }
  const { namespace, name } = daemonSet.metadata
  return {
    metadata: { ...metadata, namespace, generateName: `${name}-`, labels, ownerReferences: [controllerReference(daemonSets, daemonSet)] },
    spec: specFor(spec, node),
  }
}
