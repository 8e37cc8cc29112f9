import type { ControllerRevision, Deployment, DeploymentStrategy, ReplicaSet } from '../../../api/types/apps-v1.ts'
import type { PodTemplateSpec } from '../../../api/types/core-v1.ts'
import type { LabelSelector } from '../../../api/types/meta-v1.ts'
import { type FieldError, forbidden, invalid, notSupported, required } from '../../../meta/field-error.ts'
import { checkLongRunning, checkOwnSelector, checkPodTemplate, checkTemplateMatches } from '../pod/validate/template.ts'
import { checkImmutable, checkNonNegative, type Problems } from '../validation/common.ts'
import { checkLabelSelector, matchesSelector } from '../validation/labels.ts'
import { checkAtMost, checkAtMostAll, checkCounters, checkIntOrPercent, checkNotDecremented, plainAmount } from '../validation/scaling.ts'

interface ReplicatedSpec {
  readonly replicas?: number | undefined
  readonly minReadySeconds?: number | undefined
  readonly selector: LabelSelector
  readonly template: PodTemplateSpec
}

/** Selector and template of deployments and replica sets, whose messages are the same. */
function checkReplicated({ selector, template }: ReplicatedSpec, problems: Problems): void {
  // A pointer in Go that is always written: decoding leaves an absent one null.
  const given = (selector as LabelSelector | null) ?? undefined
  checkLabelSelector(given, 'spec.selector', problems)
  checkOwnSelector(given, 'deployment', 'spec.selector', problems)
  if (given !== undefined && matchesSelector(given, {}) === undefined) {
    problems.push(invalid('spec.selector', given, 'invalid label selector'))
    return
  }
  checkTemplateMatches(template, given, 'spec.template', problems)
  checkPodTemplate(template, 'spec.template', problems)
  checkLongRunning(template, 'ReplicaSet', 'spec.template', problems)
}

/** Source: shared validation facts, apps/v1 Deployment. */
export function validateDeployment({ spec }: Deployment, old: Deployment | undefined): readonly FieldError[] {
  const problems: Problems = []
  checkNonNegative(spec.replicas, 'spec.replicas', problems)
  checkReplicated(spec, problems)
  checkStrategy(spec.strategy, 'spec.strategy', problems)
  checkNonNegative(spec.minReadySeconds, 'spec.minReadySeconds', problems)
  checkNonNegative(spec.revisionHistoryLimit, 'spec.revisionHistoryLimit', problems)
  const deadline = spec.progressDeadlineSeconds
  checkNonNegative(deadline, 'spec.progressDeadlineSeconds', problems)
  if (deadline !== undefined && deadline <= (spec.minReadySeconds ?? 0))
    problems.push(invalid('spec.progressDeadlineSeconds', deadline, 'must be greater than minReadySeconds'))
  if (old !== undefined) checkImmutable(spec.selector, old.spec.selector, 'spec.selector', problems)
  return problems
}

function checkStrategy(strategy: DeploymentStrategy, path: string, problems: Problems): void {
  const { type, rollingUpdate } = strategy
  if (type === 'Recreate') {
    if (rollingUpdate !== undefined)
      problems.push(forbidden(`${path}.rollingUpdate`, "may not be specified when strategy `type` is 'Recreate'"))
  } else if (type !== 'RollingUpdate') problems.push(notSupported(path, strategy, ['Recreate', 'RollingUpdate']))
  else if (rollingUpdate === undefined) problems.push(required(`${path}.rollingUpdate`, 'this should be defaulted and never be nil'))
  else {
    const { maxUnavailable, maxSurge } = rollingUpdate
    const at = `${path}.rollingUpdate`
    checkIntOrPercent(maxUnavailable, `${at}.maxUnavailable`, problems)
    checkIntOrPercent(maxSurge, `${at}.maxSurge`, problems)
    if (plainAmount(maxUnavailable) === 0 && plainAmount(maxSurge) === 0)
      problems.push(invalid(`${at}.maxUnavailable`, maxUnavailable, 'may not be 0 when `maxSurge` is 0'))
    checkAtMostAll(maxUnavailable, `${at}.maxUnavailable`, problems)
  }
}

const COUNTERS = ['replicas', 'updatedReplicas', 'readyReplicas', 'availableReplicas', 'unavailableReplicas', 'collisionCount']
const ABOVE_REPLICAS = 'cannot be greater than status.replicas'
const ABOVE_READY = 'cannot be greater than readyReplicas'

export function validateDeploymentStatus({ status }: Deployment, old: Deployment): readonly FieldError[] {
  const problems: Problems = []
  checkCounters(status, 'status', ['observedGeneration', ...COUNTERS], problems)
  const all = { path: 'status', limit: status.replicas ?? 0, text: ABOVE_REPLICAS }
  checkAtMost(status, ['updatedReplicas', 'readyReplicas', 'availableReplicas'], all, problems)
  checkAtMost(status, ['availableReplicas'], { path: 'status', limit: status.readyReplicas ?? 0, text: ABOVE_READY }, problems)
  checkNotDecremented(status.collisionCount, old.status.collisionCount, 'status.collisionCount', problems)
  return problems
}

/** Source: shared validation facts, apps/v1 ReplicaSet. */
export function validateReplicaSet({ spec }: ReplicaSet, old: ReplicaSet | undefined): readonly FieldError[] {
  const problems: Problems = []
  checkNonNegative(spec.replicas, 'spec.replicas', problems)
  checkNonNegative(spec.minReadySeconds, 'spec.minReadySeconds', problems)
  checkReplicated(spec, problems)
  if (old !== undefined) checkImmutable(spec.selector, old.spec.selector, 'spec.selector', problems)
  return problems
}

export function validateReplicaSetStatus({ status }: ReplicaSet): readonly FieldError[] {
  const problems: Problems = []
  const counted = ['fullyLabeledReplicas', 'readyReplicas', 'availableReplicas']
  checkCounters(status, 'status', ['replicas', ...counted, 'observedGeneration'], problems)
  checkAtMost(status, counted, { path: 'status', limit: status.replicas, text: ABOVE_REPLICAS }, problems)
  checkAtMost(status, ['availableReplicas'], { path: 'status', limit: status.readyReplicas ?? 0, text: ABOVE_READY }, problems)
  return problems
}

/** The data is a snapshot: written once, never changed. Source: shared validation facts, apps/v1 ControllerRevision. */
export function validateControllerRevision(next: ControllerRevision, old: ControllerRevision | undefined): readonly FieldError[] {
  const problems: Problems = []
  const { data } = next
  if (data === undefined || data === null) problems.push(required('data', 'data is mandatory'))
  else if (typeof data !== 'object' || Array.isArray(data)) problems.push(required('data', 'data must be a valid JSON object'))
  checkNonNegative(next.revision, 'revision', problems)
  if (old !== undefined) checkImmutable(next.data, old.data, 'data', problems)
  return problems
}
