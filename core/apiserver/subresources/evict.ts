import type { Pod } from '../../api/types/core-v1.ts'
import type { Eviction, PodDisruptionBudget } from '../../api/types/policy-v1.ts'
import { isConditionTrue, setCondition } from '../../meta/conditions.ts'
import { matchesLabels, selectorOf } from '../../meta/selector.ts'
import { StatusError } from '../../meta/status-error.ts'
import { toTimestamp } from '../../meta/time.ts'
import type { ObjectReader } from '../admission/admission.ts'
import { badRequest, forbidden, internalError, notFound } from '../errors.ts'
import { deleteObject } from '../pipeline/delete.ts'
import { checkedDeleteOptions, type DeleteOptions } from '../pipeline/delete-options.ts'
import type { ResourceDef } from '../resources/resource-def.ts'
import { deleteWriteOptions } from '../rest/delete.ts'
import { type RestHandler, type RestRequest, writeContextOf } from '../rest/rest-context.ts'
import { created } from './bind.ts'
import { writeDirectly } from './direct-write.ts'
import { type BodyType, sentObject } from './sent-object.ts'

const EVICTION: BodyType = { group: 'policy', version: 'v1', kind: 'Eviction', schemaName: 'policy_v1.Eviction' }
const BUDGETS = { group: 'policy', resource: 'poddisruptionbudgets' } as const
/** More evictions than this may not be under way for one budget. Source: kubernetes, MaxDisruptedPodSize. */
const MAX_DISRUPTED_PODS = 2000
const RETRY_SECONDS = 10

export interface EvictDeps {
  readonly reader: ObjectReader
  readonly budgets: () => ResourceDef | undefined
}

/** POST pods/NAME/eviction: a delete that respects disruption budgets. Source: kubernetes, registry/core/pod/storage/eviction.go. */
export function evictPod({ reader, budgets }: EvictDeps): RestHandler {
  return async (rest) => {
    const { object: eviction, context } = await sentObject<Eviction>(rest, EVICTION)
    if (eviction.metadata.name !== rest.info.name) throw badRequest('name in URL does not match name in Eviction object')
    const options = { ...checkedDeleteOptions(eviction.deleteOptions ?? {}), ...(context.options.dryRun && { dryRun: true }) }
    const entry = rest.services.cacheOf(rest.def).get(rest.info.namespace, rest.info.name)
    if (entry === undefined) throw notFound(rest.def, rest.info.name)
    const pod = entry.object() as Pod
    if (!isDisposable(pod)) {
      const budget = budgetOf(pod, reader)
      if (budget !== undefined && !isExempt(pod, budget)) await takeFromBudget(rest, budgets(), budget.metadata.name, options)
    }
    if (!options.dryRun && !isEnding(pod)) await markDisrupted(rest, pod.metadata.uid)
    await remove(rest, options, pod)
    return created(rest)
  }
}

/** Pods that do not run, or go already, cost no budget. */
function isDisposable(pod: Pod): boolean {
  return isEnding(pod) || pod.status.phase === 'Pending'
}

function isEnding({ metadata, status }: Pod): boolean {
  return metadata.deletionTimestamp !== undefined || status.phase === 'Succeeded' || status.phase === 'Failed'
}

/** Tells why the pod goes, so that a Job's failure policy can tell a disruption from a failure. Another pod of the name is left alone. */
async function markDisrupted(rest: RestRequest, uid: string): Promise<void> {
  const { namespace, name } = rest.info
  const now = toTimestamp(rest.services.clock.now())
  const condition = { type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI', message: 'Eviction API: evicting' }
  await writeDirectly(rest.services, {
    def: rest.def,
    namespace,
    name,
    dryRun: false,
    change: (current) => {
      const pod = current as Pod
      if (pod.metadata.uid !== uid) return pod
      return { ...pod, status: { ...pod.status, conditions: setCondition(pod.status.conditions, condition, now) } }
    },
  })
}

function budgetOf(pod: Pod, reader: ObjectReader): PodDisruptionBudget | undefined {
  const matching = reader
    .list<PodDisruptionBudget>(BUDGETS, pod.metadata.namespace ?? '')
    .filter(({ spec }) => spec.selector !== undefined && matchesLabels(selectorOf(spec.selector), pod.metadata.labels))
  if (matching.length > 1)
    throw internalError('This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.')
  return matching[0]
}

/** A pod that is not ready is no loss: always, or when enough others are healthy. */
function isExempt(pod: Pod, { spec, status }: PodDisruptionBudget): boolean {
  if (isConditionTrue(pod.status.conditions, 'Ready')) return false
  if (spec.unhealthyPodEvictionPolicy === 'AlwaysAllow') return true
  return status.currentHealthy >= status.desiredHealthy && status.desiredHealthy > 0
}

async function takeFromBudget(rest: RestRequest, def: ResourceDef | undefined, budget: string, options: DeleteOptions): Promise<void> {
  if (def === undefined) return
  const { namespace, name } = rest.info
  const now = toTimestamp(rest.services.clock.now())
  await writeDirectly(rest.services, {
    def,
    namespace,
    name: budget,
    dryRun: options.dryRun,
    change: (current) => withOneLess(current as PodDisruptionBudget, name, now),
  })
}

/** Throws the 429 that asks to come again, or the 403 of a budget that cannot be right. */
function withOneLess(budget: PodDisruptionBudget, pod: string, now: string): PodDisruptionBudget {
  const { metadata, status } = budget
  const refuse = (text: string): Error => forbidden(BUDGETS, metadata.name, text)
  if ((status.observedGeneration ?? 0) < (metadata.generation ?? 0))
    throw disrupted(`The disruption budget ${metadata.name} is still being processed by the server.`, RETRY_SECONDS)
  if (status.disruptionsAllowed < 0) throw refuse('pdb disruptions allowed is negative')
  if (Object.keys(status.disruptedPods ?? {}).length > MAX_DISRUPTED_PODS)
    throw refuse('DisruptedPods map too big - too many evictions not confirmed by PDB controller')
  if (status.disruptionsAllowed === 0)
    throw disrupted(
      `The disruption budget ${metadata.name} needs ${status.desiredHealthy} healthy pods and has ${status.currentHealthy} currently`,
      0,
    )
  const disruptedPods = { ...status.disruptedPods, [pod]: now }
  return { ...budget, status: { ...status, disruptionsAllowed: status.disruptionsAllowed - 1, disruptedPods } }
}

function disrupted(cause: string, retryAfterSeconds: number): StatusError {
  return new StatusError('TooManyRequests', "Cannot evict pod as it would violate the pod's disruption budget.", {
    causes: [{ reason: 'DisruptionBudget', message: cause }],
    ...(retryAfterSeconds > 0 && { retryAfterSeconds }),
  })
}

async function remove(rest: RestRequest, options: DeleteOptions, pod: Pod): Promise<void> {
  const context = { ...writeContextOf(rest, deleteWriteOptions(options)), subresource: '' }
  await deleteObject(rest.services, { ...options, uid: options.uid ?? pod.metadata.uid }, context)
}
