import type { DaemonSet, DaemonSetUpdateStrategy, StatefulSet, StatefulSetUpdateStrategy } from '../../../api/types/apps-v1.ts'
import type { LabelSelector } from '../../../api/types/meta-v1.ts'
import { deepEqual } from '../../../meta/deep-equal.ts'
import { type FieldError, forbidden, invalid, notSupported, required } from '../../../meta/field-error.ts'
import { dns1123LabelProblems } from '../../../meta/names.ts'
import {
  checkLongRunning,
  checkOwnSelector,
  checkPodTemplate,
  checkTemplateMatches,
  checkTemplateMetadata,
  SELECTOR_MISMATCH,
} from '../pod/validate/template.ts'
import { checkEnum, checkFormat, checkImmutable, checkNonNegative, type Problems } from '../validation/common.ts'
import { checkLabelSelector, matchesSelector } from '../validation/labels.ts'
import { checkAtMost, checkAtMostAll, checkCounters, checkIntOrPercent, checkNotDecremented, plainAmount } from '../validation/scaling.ts'

/** Source: shared validation facts, apps/v1 DaemonSet. */
export function validateDaemonSet({ spec }: DaemonSet, old: DaemonSet | undefined): readonly FieldError[] {
  const problems: Problems = []
  const selector = (spec.selector as LabelSelector | null) ?? undefined
  checkLabelSelector(selector, 'spec.selector', problems)
  // An absent selector selects nothing and so not the template either.
  if (selector === undefined)
    problems.push(invalid('spec.template.metadata.labels', spec.template.metadata.labels ?? {}, SELECTOR_MISMATCH))
  else checkOwnSelector(selector, 'daemonset', 'spec.selector', problems)
  checkTemplateMatches(spec.template, selector, 'spec.template', problems)
  checkPodTemplate(spec.template, 'spec.template', problems)
  checkLongRunning(spec.template, 'DaemonSet', 'spec.template', problems)
  checkNonNegative(spec.minReadySeconds, 'spec.minReadySeconds', problems)
  checkDaemonStrategy(spec.updateStrategy, 'spec.updateStrategy', problems)
  checkNonNegative(spec.revisionHistoryLimit, 'spec.revisionHistoryLimit', problems)
  if (old !== undefined) checkImmutable(spec.selector, old.spec.selector, 'spec.selector', problems)
  return problems
}

function checkDaemonStrategy(strategy: DaemonSetUpdateStrategy, path: string, problems: Problems): void {
  const { type, rollingUpdate } = strategy
  if (type === 'OnDelete') return
  if (type !== 'RollingUpdate') problems.push(notSupported(path, strategy, ['OnDelete', 'RollingUpdate']))
  else if (rollingUpdate === undefined) problems.push(required(`${path}.rollingUpdate`))
  else {
    const { maxUnavailable, maxSurge } = rollingUpdate
    const at = `${path}.rollingUpdate`
    checkIntOrPercent(maxUnavailable, `${at}.maxUnavailable`, problems)
    checkIntOrPercent(maxSurge, `${at}.maxSurge`, problems)
    checkAtMostAll(maxUnavailable, `${at}.maxUnavailable`, problems)
    checkAtMostAll(maxSurge, `${at}.maxSurge`, problems)
    const [unavailable, surge] = [plainAmount(maxUnavailable) !== 0, plainAmount(maxSurge) !== 0]
    if (unavailable && surge) problems.push(invalid(`${at}.maxSurge`, maxSurge, 'may not be set when maxUnavailable is non-zero'))
    if (!unavailable && !surge) problems.push(required(`${at}.maxUnavailable`, 'cannot be 0 when maxSurge is 0'))
  }
}

const DAEMON_COUNTERS = [
  'currentNumberScheduled',
  'numberMisscheduled',
  'desiredNumberScheduled',
  'numberReady',
  'observedGeneration',
  'updatedNumberScheduled',
  'numberAvailable',
  'numberUnavailable',
  'collisionCount',
]

export function validateDaemonSetStatus({ status }: DaemonSet, old: DaemonSet): readonly FieldError[] {
  const problems: Problems = []
  checkCounters(status, 'status', DAEMON_COUNTERS, problems)
  checkNotDecremented(status.collisionCount, old.status.collisionCount, 'status.collisionCount', problems)
  return problems
}

const MUTABLE = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
] as const
const MUTABLE_TEXT = `updates to statefulset spec for fields other than ${MUTABLE.slice(0, -1)
  .map((field) => `'${field}'`)
  .join(', ')} and 'minReadySeconds' are forbidden`

/**
 * Source: shared validation facts, apps/v1 StatefulSet. The pod spec of the template is not looked at: its volumes come
 * from the claim templates in part, so that only the pods can be judged.
 */
export function validateStatefulSet({ spec }: StatefulSet, old: StatefulSet | undefined): readonly FieldError[] {
  const problems: Problems = []
  checkManagement(spec.podManagementPolicy, problems)
  checkStatefulStrategy(spec.updateStrategy, 'spec.updateStrategy', problems)
  const retention = spec.persistentVolumeClaimRetentionPolicy
  for (const field of ['whenDeleted', 'whenScaled'] as const)
    checkEnum(retention?.[field], `spec.persistentVolumeClaimRetentionPolicy.${field}`, ['Delete', 'Retain'], problems)
  checkNonNegative(spec.replicas, 'spec.replicas', problems)
  checkNonNegative(spec.minReadySeconds, 'spec.minReadySeconds', problems)
  checkNonNegative(spec.ordinals?.start, 'spec.ordinals.start', problems)
  checkNonNegative(spec.revisionHistoryLimit, 'spec.revisionHistoryLimit', problems)
  if (spec.serviceName !== '') checkFormat(spec.serviceName, 'spec.serviceName', dns1123LabelProblems, problems)
  const selector = (spec.selector as LabelSelector | null) ?? undefined
  checkLabelSelector(selector, 'spec.selector', problems)
  checkOwnSelector(selector, 'statefulset', 'spec.selector', problems)
  if (selector !== undefined && matchesSelector(selector, {}) === undefined) problems.push(invalid('spec.selector', selector, ''))
  else {
    checkTemplateMatches(spec.template, selector, 'spec.template', problems)
    checkTemplateMetadata(spec.template, 'spec.template', problems)
  }
  checkLongRunning(spec.template, 'StatefulSet', 'spec.template', problems)
  if (old !== undefined) checkStatefulUpdate(spec, old.spec, problems)
  return problems
}

function checkManagement(policy: string | undefined, problems: Problems): void {
  const at = 'spec.podManagementPolicy'
  if (policy === undefined || policy === '') problems.push(required(at))
  else if (policy !== 'OrderedReady' && policy !== 'Parallel') problems.push(invalid(at, policy, "must be 'OrderedReady' or 'Parallel'"))
}

function checkStatefulStrategy(strategy: StatefulSetUpdateStrategy, path: string, problems: Problems): void {
  const { type, rollingUpdate } = strategy
  if ((type ?? '') === '') problems.push(required(path))
  else if (type === 'OnDelete') {
    if (rollingUpdate !== undefined)
      problems.push(invalid(`${path}.rollingUpdate`, rollingUpdate, "only allowed for updateStrategy 'RollingUpdate'"))
  } else if (type !== 'RollingUpdate') problems.push(invalid(path, strategy, "must be 'RollingUpdate' or 'OnDelete'"))
  else if (rollingUpdate !== undefined) {
    const at = `${path}.rollingUpdate`
    checkNonNegative(rollingUpdate.partition, `${at}.partition`, problems)
    const { maxUnavailable } = rollingUpdate
    if (maxUnavailable === undefined) return
    checkIntOrPercent(maxUnavailable, `${at}.maxUnavailable`, problems)
    if (plainAmount(maxUnavailable) === 0) problems.push(invalid(`${at}.maxUnavailable`, maxUnavailable, 'cannot be 0'))
    checkAtMostAll(maxUnavailable, `${at}.maxUnavailable`, problems)
  }
}

function checkStatefulUpdate(next: StatefulSet['spec'], old: StatefulSet['spec'], problems: Problems): void {
  const rest = { ...next, ...Object.fromEntries(MUTABLE.map((field) => [field, old[field]])) }
  if (!deepEqual(rest, old)) problems.push(forbidden('spec', MUTABLE_TEXT))
}

export function validateStatefulSetStatus({ status }: StatefulSet, old: StatefulSet): readonly FieldError[] {
  const problems: Problems = []
  const counted = ['readyReplicas', 'currentReplicas', 'updatedReplicas', 'availableReplicas']
  checkCounters(status, 'status', ['replicas', ...counted, 'observedGeneration', 'collisionCount'], problems)
  checkAtMost(status, counted, { path: 'status', limit: status.replicas, text: 'cannot be greater than status.replicas' }, problems)
  const ready = { path: 'status', limit: status.readyReplicas ?? 0, text: 'cannot be greater than status.readyReplicas' }
  checkAtMost(status, ['availableReplicas'], ready, problems)
  checkNotDecremented(status.collisionCount, old.status.collisionCount, 'status.collisionCount', problems)
  return problems
}
