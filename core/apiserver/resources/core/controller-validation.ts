import type { PodTemplate, ReplicationController } from '../../../api/types/core-v1.ts'
import { type FieldError, required } from '../../../meta/field-error.ts'
import { checkLongRunning, checkPodTemplate, checkTemplateMatches } from '../pod/validate/template.ts'
import { checkNonNegative, isEmpty, type Problems } from '../validation/common.ts'
import { checkAtMost, checkCounters } from '../validation/scaling.ts'

/** Source: shared validation facts, core/v1 ReplicationController. */
export function validateReplicationController({ spec }: ReplicationController): readonly FieldError[] {
  const problems: Problems = []
  checkNonNegative(spec.minReadySeconds, 'spec.minReadySeconds', problems)
  if (isEmpty(spec.selector)) problems.push(required('spec.selector'))
  if (spec.replicas === undefined) problems.push(required('spec.replicas'))
  checkNonNegative(spec.replicas, 'spec.replicas', problems)
  if (spec.template === undefined) {
    problems.push(required('spec.template'))
    return problems
  }
  if (!isEmpty(spec.selector)) checkTemplateMatches(spec.template, { matchLabels: spec.selector }, 'spec.template', problems)
  checkPodTemplate(spec.template, 'spec.template', problems)
  checkLongRunning(spec.template, 'ReplicationController', 'spec.template', problems)
  return problems
}

export function validateReplicationControllerStatus({ status }: ReplicationController): readonly FieldError[] {
  const problems: Problems = []
  const counted = ['fullyLabeledReplicas', 'readyReplicas', 'availableReplicas']
  checkCounters(status, 'status', ['replicas', ...counted, 'observedGeneration'], problems)
  checkAtMost(status, counted, { path: 'status', limit: status.replicas, text: 'cannot be greater than status.replicas' }, problems)
  const ready = { path: 'status', limit: status.readyReplicas ?? 0, text: 'cannot be greater than readyReplicas' }
  checkAtMost(status, ['availableReplicas'], ready, problems)
  return problems
}

export function validatePodTemplateObject({ template }: PodTemplate): readonly FieldError[] {
  const problems: Problems = []
  checkPodTemplate(template, 'template', problems)
  return problems
}
