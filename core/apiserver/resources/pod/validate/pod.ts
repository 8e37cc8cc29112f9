import type { Pod } from '../../../../api/types/core-v1.ts'
import { type FieldError, forbidden, invalid } from '../../../../meta/field-error.ts'
import type { Problems } from '../../validation/common.ts'
import { checkAnnotations, checkProfilesAgree, MIRROR } from './annotations.ts'
import { checkPodSpec } from './spec.ts'
import { checkPodUpdate } from './update.ts'

/** Every problem of a pod as a whole. Source: shared validation facts, core/v1 Pod. */
export function validatePod(pod: Pod, old: Pod | undefined): readonly FieldError[] {
  const problems: Problems = []
  checkAnnotations(pod, 'metadata.annotations', problems)
  checkPodSpec(pod, 'spec', false, problems)
  if ((pod.spec.serviceAccountName ?? '') === '') checkNoTokens(pod, problems)
  if (old === undefined) checkCreate(pod, problems)
  else checkPodUpdate(pod, old, problems)
  return problems
}

/** There is nobody that a token could be of. */
function checkNoTokens({ spec }: Pod, problems: Problems): void {
  spec.volumes?.forEach(({ projected }, i) => {
    projected?.sources.forEach(({ serviceAccountToken }, j) => {
      if (serviceAccountToken !== undefined)
        problems.push(
          forbidden(
            `spec.volumes[${i}].projected.sources[${j}].serviceAccountToken`,
            'must not be specified when serviceAccountName is not set',
          ),
        )
    })
  })
}

function checkCreate(pod: Pod, problems: Problems): void {
  const { spec, metadata } = pod
  checkProfilesAgree(pod, 'spec', problems)
  if ((spec.ephemeralContainers?.length ?? 0) > 0) problems.push(forbidden('spec.ephemeralContainers', 'cannot be set on create'))
  if ((spec.nodeName ?? '') !== '' && (spec.schedulingGates?.length ?? 0) > 0)
    problems.push(forbidden('spec.nodeName', 'cannot be set until all schedulingGates have been cleared'))
  checkImages(spec.containers, 'spec.containers', problems)
  checkImages(spec.initContainers, 'spec.initContainers', problems)
  if (metadata.annotations?.[MIRROR] !== undefined && spec.resourceClaims !== undefined)
    problems.push(forbidden('spec.resourceClaims', 'static pods do not support resource claims'))
}

/** In pods only: templates that are stored already may have such an image, and update must not fail for it. */
function checkImages(containers: Pod['spec']['initContainers'], path: string, problems: Problems): void {
  containers?.forEach(({ image = '' }, i) => {
    if (image !== image.trim()) problems.push(invalid(`${path}[${i}].image`, image, 'must not have leading or trailing whitespace'))
  })
}
