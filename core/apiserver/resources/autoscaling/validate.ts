import type { HorizontalPodAutoscaler, HPAScalingRules } from '../../../api/types/autoscaling-v2.ts'
import { type FieldError, invalid, required } from '../../../meta/field-error.ts'
import { parseQuantity } from '../../../meta/quantity.ts'
import { checkEnum, checkNonNegative, POSITIVE, type Problems } from '../validation/common.ts'
import { checkReference } from './reference.ts'
import { checkMetrics } from './validate-metrics.ts'

const MAX_WINDOW_SECONDS = 3_600
const MAX_PERIOD_SECONDS = 1_800

/** Source: shared validation facts, autoscaling/v2 HorizontalPodAutoscaler. */
export function validateAutoscaler({ spec }: HorizontalPodAutoscaler): readonly FieldError[] {
  const problems: Problems = []
  const { minReplicas, maxReplicas, scaleTargetRef, behavior } = spec
  if (minReplicas !== undefined && minReplicas < 1)
    problems.push(invalid('spec.minReplicas', minReplicas, 'must be greater than or equal to 1'))
  if (maxReplicas < 1) problems.push(invalid('spec.maxReplicas', maxReplicas, 'must be greater than 0'))
  if (minReplicas !== undefined && maxReplicas < minReplicas)
    problems.push(invalid('spec.maxReplicas', maxReplicas, 'must be greater than or equal to `minReplicas`'))
  checkReference(scaleTargetRef, 'spec.scaleTargetRef', problems)
  if (spec.metrics !== undefined) checkMetrics(spec.metrics, 'spec.metrics', problems)
  if (behavior?.scaleUp !== undefined) checkRules(behavior.scaleUp, 'spec.behavior.scaleUp', problems)
  if (behavior?.scaleDown !== undefined) checkRules(behavior.scaleDown, 'spec.behavior.scaleDown', problems)
  return problems
}

function checkRules(rules: HPAScalingRules, path: string, problems: Problems): void {
  const { stabilizationWindowSeconds: window, selectPolicy, policies = [], tolerance } = rules
  const at = `${path}.stabilizationWindowSeconds`
  if (window !== undefined && window < 0) problems.push(invalid(at, window, 'must be greater than or equal to zero'))
  if (window !== undefined && window > MAX_WINDOW_SECONDS)
    problems.push(invalid(at, window, `must be less than or equal to ${MAX_WINDOW_SECONDS}`))
  checkEnum(selectPolicy, `${path}.selectPolicy`, ['Disabled', 'Max', 'Min'], problems)
  if (policies.length === 0) problems.push(required(`${path}.policies`, 'must specify at least one Policy'))
  policies.forEach(({ type, value, periodSeconds: period }, i) => {
    const policyAt = `${path}.policies[${i}]`
    checkEnum(type, `${policyAt}.type`, ['Percent', 'Pods'], problems)
    if (value <= 0) problems.push(invalid(`${policyAt}.value`, value, POSITIVE))
    if (period <= 0) problems.push(invalid(`${policyAt}.periodSeconds`, period, POSITIVE))
    if (period > MAX_PERIOD_SECONDS)
      problems.push(invalid(`${policyAt}.periodSeconds`, period, `must be less than or equal to ${MAX_PERIOD_SECONDS}`))
  })
  if (tolerance !== undefined && parseQuantity(tolerance).nano < 0n)
    problems.push(invalid(`${path}.tolerance`, tolerance, 'must be greater than or equal to 0'))
}

export function validateAutoscalerStatus({ status }: HorizontalPodAutoscaler): readonly FieldError[] {
  const problems: Problems = []
  checkNonNegative(status.currentReplicas, 'status.currentReplicas', problems)
  checkNonNegative(status.desiredReplicas, 'status.desiredReplicas', problems)
  return problems
}
