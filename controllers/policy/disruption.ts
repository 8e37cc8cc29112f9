import { deployments, podDisruptionBudgets, pods, replicaSets, replicationControllers, statefulSets } from '../../core/api/kinds.ts'
import type { Deployment, ReplicaSet, StatefulSet } from '../../core/api/types/apps-v1.ts'
import type { Pod, ReplicationController } from '../../core/api/types/core-v1.ts'
import type { Condition } from '../../core/api/types/meta-v1.ts'
import type { PodDisruptionBudget, PodDisruptionBudgetStatus } from '../../core/api/types/policy-v1.ts'
import type { Client } from '../../core/client/client.ts'
import type { Discovery } from '../../core/client/discovery.ts'
import type { Lister } from '../../core/client/informer.ts'
import type { EventRecorder } from '../../core/client/recorder.ts'
import { setCondition } from '../../core/meta/conditions.ts'
import { deepEqual } from '../../core/meta/deep-equal.ts'
import { resolveIntOrPercent } from '../../core/meta/int-or-string.ts'
import { type KubeObject, keyOf, type ObjectKey, objectKey, type OwnerReferenceLike } from '../../core/meta/object.ts'
import { controllerOf } from '../../core/meta/owner.ts'
import { matchesLabels, selectorOf } from '../../core/meta/selector.ts'
import { ignoreNotFound } from '../../core/meta/status-error.ts'
import { type Clock, toTimestamp } from '../../core/runtime/clock.ts'
import { after, type Controller, done, type ReconcileContext, type Result, watch } from '../runtime/controller.ts'
import { messageOf, toError } from '../runtime/failure.ts'
import { isReady } from '../runtime/pod.ts'

/**
 * Keeps count of how many pods of a budget may be evicted; the eviction subresource spends from it.
 * Source: Kubernetes documentation, "Disruptions" and "Specifying a Disruption Budget".
 */
export interface DisruptionDeps {
  readonly client: Client
  readonly discovery: Discovery
  readonly budgets: Lister<PodDisruptionBudget>
  readonly pods: Lister<Pod>
  readonly replicaSets: Lister<ReplicaSet>
  readonly deployments: Lister<Deployment>
  readonly statefulSets: Lister<StatefulSet>
  readonly replicationControllers: Lister<ReplicationController>
  readonly recorder: EventRecorder
  readonly clock: Clock
}

/** An eviction that was granted and not carried out counts again after this. */
const EVICTION_TIMEOUT_MS = 120_000

export function disruptionController(deps: DisruptionDeps): Controller {
  const scaled = (object: KubeObject): readonly ObjectKey[] => deps.budgets.list(object.metadata.namespace ?? '').map(keyOf)
  return {
    name: 'disruption',
    concurrency: 2,
    watches: [
      watch(podDisruptionBudgets, (budget) => [keyOf(budget)]),
      watch(pods, (pod) => scaled(pod).filter((key) => selects(deps.budgets.get(key), pod))),
      watch(deployments, scaled),
      watch(replicaSets, scaled),
      watch(statefulSets, scaled),
      watch(replicationControllers, scaled),
    ],
    reconcile: (key, context) => reconcile(key, deps, context),
  }
}

function selects(budget: PodDisruptionBudget | undefined, { metadata }: Pod): boolean {
  return budget !== undefined && matchesLabels(selectorOf(budget.spec.selector), metadata.labels)
}

async function reconcile(key: ObjectKey, deps: DisruptionDeps, { signal }: ReconcileContext): Promise<Result> {
  const budget = deps.budgets.get(key)
  if (budget === undefined) return done
  const covered = deps.pods.list(budget.metadata.namespace ?? '').filter((pod) => selects(budget, pod))
  const nowMs = deps.clock.now()
  let status: PodDisruptionBudgetStatus
  let failure: unknown
  try {
    const scale = needsScale(budget) ? await totalScale(covered, deps, signal) : covered.length
    status = planStatus(budget, covered, scale, nowMs)
  } catch (err) {
    signal.throwIfAborted()
    failure = err
    deps.recorder.event(
      budget,
      'Warning',
      'CalculateExpectedPodCountFailed',
      `Failed to calculate the number of expected pods: ${messageOf(err)}`,
    )
    status = planFailSafe(budget, messageOf(err), nowMs)
  }
  if (!deepEqual(status, budget.status)) {
    await ignoreNotFound(deps.client.updateStatus(podDisruptionBudgets, { ...budget, status }, { signal }))
  }
  if (failure !== undefined) throw toError(failure)
  const expiries = Object.values(status.disruptedPods ?? {}).map((at) => Date.parse(at) + EVICTION_TIMEOUT_MS - nowMs)
  return expiries.length === 0 ? done : after(Math.max(1_000, Math.min(...expiries)))
}

/** Percentages and maxUnavailable relate to how many pods there should be, not to how many there are. */
function needsScale({ spec }: PodDisruptionBudget): boolean {
  return spec.maxUnavailable !== undefined || typeof spec.minAvailable === 'string'
}

/** Sum of the wanted replicas of all controllers of the pods. */
async function totalScale(covered: readonly Pod[], deps: DisruptionDeps, signal: AbortSignal): Promise<number> {
  const controllers = new Map<string, { readonly reference: OwnerReferenceLike; readonly namespace: string | undefined }>()
  for (const pod of covered) {
    const reference = controllerOf(pod)
    // A bare pod is its own measure: it cannot be more than one.
    if (reference !== undefined) controllers.set(reference.uid, { reference, namespace: pod.metadata.namespace })
  }
  let total = covered.filter((pod) => controllerOf(pod) === undefined).length
  const counted = new Set<string>()
  for (const { reference, namespace } of controllers.values()) {
    const scaled = await scaleOf(reference, namespace, deps, signal)
    if (counted.has(scaled.uid)) continue
    counted.add(scaled.uid)
    total += scaled.replicas
  }
  return total
}

interface Scaled {
  readonly uid: string
  readonly replicas: number
}

async function scaleOf(
  reference: OwnerReferenceLike,
  namespace: string | undefined,
  deps: DisruptionDeps,
  signal: AbortSignal,
): Promise<Scaled> {
  const key = objectKey(namespace, reference.name)
  const known = builtInScale(reference, key, deps)
  if (known !== undefined) return known
  const { resources } = await deps.discovery.resources(signal)
  const [group = ''] = reference.apiVersion.includes('/') ? reference.apiVersion.split('/') : ['']
  const type = resources.find((found) => found.type.group === group && found.type.kind === reference.kind)?.type
  // Any kind has a scale to those who may know nothing else of it.
  const name = { namespace, name: reference.name, subresource: 'scale' }
  const scale = type === undefined ? undefined : await ignoreNotFound(deps.client.get(type, name, signal))
  const replicas = (scale as { readonly spec?: { readonly replicas?: number } } | undefined)?.spec?.replicas ?? 0
  if (scale?.metadata.uid !== reference.uid) {
    throw new Error(`${reference.kind.toLowerCase()}s.${group} does not implement the scale subresource`)
  }
  return { uid: reference.uid, replicas }
}

function builtInScale({ kind, uid, apiVersion }: OwnerReferenceLike, key: ObjectKey, deps: DisruptionDeps): Scaled | undefined {
  if (kind === 'ReplicationController' && apiVersion === 'v1') return scaledBy(deps.replicationControllers.get(key), uid)
  if (!apiVersion.startsWith('apps/')) return undefined
  if (kind === 'StatefulSet') return scaledBy(deps.statefulSets.get(key), uid)
  const set = kind === 'ReplicaSet' ? deps.replicaSets.get(key) : undefined
  if (set?.metadata.uid !== uid) return undefined
  const owner = controllerOf(set)
  // During a rollout several sets share the size of their Deployment.
  if (owner?.kind !== 'Deployment') return scaledBy(set, uid)
  return scaledBy(deps.deployments.get(objectKey(set.metadata.namespace, owner.name)), owner.uid)
}

function scaledBy(
  object: { readonly metadata: { readonly uid: string }; readonly spec: { readonly replicas?: number | undefined } } | undefined,
  uid: string,
): Scaled | undefined {
  return object?.metadata.uid === uid ? { uid, replicas: object.spec.replicas ?? 1 } : undefined
}

/** How many of the covered pods may go now. Evictions that were granted but do not show yet count as gone. */
export function planStatus(
  budget: PodDisruptionBudget,
  covered: readonly Pod[],
  expectedPods: number,
  nowMs: number,
): PodDisruptionBudgetStatus {
  const { minAvailable, maxUnavailable } = budget.spec
  const desiredHealthy =
    maxUnavailable !== undefined
      ? Math.max(0, expectedPods - (resolveIntOrPercent(maxUnavailable, expectedPods, 'up') ?? 0))
      : (resolveIntOrPercent(minAvailable ?? 0, expectedPods, 'up') ?? 0)
  const disruptedPods = pendingEvictions(budget, covered, nowMs)
  const currentHealthy = covered.filter(
    (pod) => pod.metadata.deletionTimestamp === undefined && disruptedPods[pod.metadata.name] === undefined && isReady(pod),
  ).length
  const disruptionsAllowed = expectedPods <= 0 ? 0 : Math.max(0, currentHealthy - desiredHealthy)
  const allowed = disruptionsAllowed > 0
  const condition: Condition = {
    type: 'DisruptionAllowed',
    status: allowed ? 'True' : 'False',
    reason: allowed ? 'SufficientPods' : 'InsufficientPods',
    message: '',
    observedGeneration: budget.metadata.generation,
    lastTransitionTime: '',
  }
  return {
    observedGeneration: budget.metadata.generation,
    ...(Object.keys(disruptedPods).length > 0 && { disruptedPods }),
    disruptionsAllowed,
    currentHealthy,
    desiredHealthy,
    expectedPods,
    conditions: setCondition(budget.status.conditions, condition, toTimestamp(nowMs)),
  }
}

/** Granted evictions whose pod is still there and not being deleted. */
function pendingEvictions({ status }: PodDisruptionBudget, covered: readonly Pod[], nowMs: number): Readonly<Record<string, string>> {
  const waiting = new Set(covered.filter(({ metadata }) => metadata.deletionTimestamp === undefined).map(({ metadata }) => metadata.name))
  return Object.fromEntries(
    Object.entries(status.disruptedPods ?? {}).filter(([name, at]) => waiting.has(name) && Date.parse(at) + EVICTION_TIMEOUT_MS > nowMs),
  )
}

/** Nothing may be evicted while the count is unknown. */
function planFailSafe({ metadata, status }: PodDisruptionBudget, message: string, nowMs: number): PodDisruptionBudgetStatus {
  const { generation } = metadata
  const condition: Condition = {
    type: 'DisruptionAllowed',
    status: 'False',
    reason: 'SyncFailed',
    message,
    observedGeneration: generation,
    lastTransitionTime: '',
  }
  return { ...status, disruptionsAllowed: 0, conditions: setCondition(status.conditions, condition, toTimestamp(nowMs)) }
}
