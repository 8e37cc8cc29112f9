import type { Lease } from '../../api/types/coordination-v1.ts'
import type { RuntimeClass } from '../../api/types/node-v1.ts'
import type { PodDisruptionBudget } from '../../api/types/policy-v1.ts'
import type { PriorityClass } from '../../api/types/scheduling-v1.ts'
import { duplicate, type FieldError, forbidden, invalid } from '../../meta/field-error.ts'
import { dns1123LabelProblems } from '../../meta/names.ts'
import { checkRequirements } from './pod/validate/resources.ts'
import { checkTolerations } from './pod/validate/tolerations.ts'
import { checkEnum, checkFormat, checkImmutable, checkNonNegative, type Problems } from './validation/common.ts'
import { checkLabelSelector, checkLabels } from './validation/labels.ts'
import { checkAtMostAll, checkCounters, checkIntOrPercent } from './validation/scaling.ts'

/** Kinds of one-kind groups whose rules are few. */

/** Source: shared validation facts, policy/v1 PodDisruptionBudget. */
export function validatePodDisruptionBudget({ spec }: PodDisruptionBudget): readonly FieldError[] {
  const problems: Problems = []
  const { minAvailable, maxUnavailable } = spec
  if (minAvailable !== undefined && maxUnavailable !== undefined)
    problems.push(invalid('spec', spec, 'minAvailable and maxUnavailable cannot be both set'))
  checkIntOrPercent(minAvailable, 'spec.minAvailable', problems)
  checkAtMostAll(minAvailable, 'spec.minAvailable', problems)
  checkIntOrPercent(maxUnavailable, 'spec.maxUnavailable', problems)
  checkAtMostAll(maxUnavailable, 'spec.maxUnavailable', problems)
  checkLabelSelector(spec.selector, 'spec.selector', problems)
  checkEnum(spec.unhealthyPodEvictionPolicy, 'spec.unhealthyPodEvictionPolicy', ['AlwaysAllow', 'IfHealthyBudget'], problems)
  return problems
}

export function validatePodDisruptionBudgetStatus({ status }: PodDisruptionBudget): readonly FieldError[] {
  const problems: Problems = []
  checkCounters(status, 'status', ['disruptionsAllowed', 'currentHealthy', 'desiredHealthy', 'expectedPods'], problems)
  return problems
}

const STRATEGIES = ['OldestEmulationVersion']

/** Source: shared validation facts, coordination/LeaseSpec. */
export function validateLease({ spec }: Lease): readonly FieldError[] {
  const problems: Problems = []
  const { leaseDurationSeconds: seconds, strategy, preferredHolder } = spec
  if (seconds !== undefined && seconds <= 0) problems.push(invalid('spec.leaseDurationSeconds', seconds, 'must be greater than 0'))
  checkNonNegative(spec.leaseTransitions, 'spec.leaseTransitions', problems)
  if (strategy !== undefined && !strategy.includes('/')) checkEnum(strategy, 'spec.strategy', STRATEGIES, problems)
  if ((preferredHolder ?? '') !== '' && (strategy ?? '') === '')
    problems.push(forbidden('spec.preferredHolder', 'may only be specified if `strategy` is defined'))
  return problems
}

/** Source: shared validation facts, node.k8s.io/v1 RuntimeClass. */
export function validateRuntimeClass(next: RuntimeClass, old: RuntimeClass | undefined): readonly FieldError[] {
  const problems: Problems = []
  checkFormat(next.handler, 'handler', dns1123LabelProblems, problems)
  if (next.overhead?.podFixed !== undefined) checkRequirements({ limits: next.overhead.podFixed }, 'overhead.podFixed', new Set(), problems)
  const { nodeSelector, tolerations = [] } = next.scheduling ?? {}
  checkLabels(nodeSelector, 'scheduling.nodeSelector', problems)
  checkTolerations(tolerations, 'scheduling.tolerations', problems)
  tolerations.forEach((toleration, i) => {
    const text = JSON.stringify(toleration)
    if (tolerations.slice(0, i).some((other) => JSON.stringify(other) === text))
      problems.push(duplicate(`scheduling.tolerations[${i}]`, toleration))
  })
  if (old !== undefined) checkImmutable(next.handler, old.handler, 'handler', problems)
  return problems
}

const HIGHEST_USER_PRIORITY = 1_000_000_000
const SYSTEM_CLASSES: Readonly<Record<string, number>> = {
  'system-cluster-critical': 2_000_000_000,
  'system-node-critical': 2_000_001_000,
}

/** Source: shared validation facts, scheduling.k8s.io/v1 PriorityClass. */
export function validatePriorityClass(next: PriorityClass, old: PriorityClass | undefined): readonly FieldError[] {
  const problems: Problems = []
  const { name } = next.metadata
  if (name.startsWith('system-')) {
    const reason = systemProblem(next)
    if (reason !== undefined)
      problems.push(
        forbidden('metadata.name', `priority class names with 'system-' prefix are reserved for system use only. error: ${reason}`),
      )
  } else if (next.value > HIGHEST_USER_PRIORITY)
    problems.push(forbidden('value', `maximum allowed value of a user defined priority is ${HIGHEST_USER_PRIORITY}`))
  checkEnum(next.preemptionPolicy, 'preemptionPolicy', ['Never', 'PreemptLowerPriority'], problems)
  if (old === undefined) return problems
  if (next.value !== old.value) problems.push(forbidden('value', 'may not be changed in an update.'))
  checkImmutable(next.preemptionPolicy, old.preemptionPolicy, 'preemptionPolicy', problems)
  return problems
}

function systemProblem({ metadata, value, globalDefault }: PriorityClass): string | undefined {
  const known = SYSTEM_CLASSES[metadata.name]
  if (known === undefined) return `${metadata.name} is not a known system priority class`
  if (value !== known) return `value of ${metadata.name} PriorityClass must be ${known}`
  return globalDefault === true ? `globalDefault of ${metadata.name} PriorityClass must be false` : undefined
}
