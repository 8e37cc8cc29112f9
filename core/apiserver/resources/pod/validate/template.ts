import type { PodTemplateSpec } from '../../../../api/types/core-v1.ts'
import type { LabelSelector } from '../../../../api/types/meta-v1.ts'
import { forbidden, invalid, notSupported, required } from '../../../../meta/field-error.ts'
import { annotationKeyProblems } from '../../../../meta/names.ts'
import { checkFormat, type Problems } from '../../validation/common.ts'
import { checkLabels, matchesSelector } from '../../validation/labels.ts'
import { checkAnnotations } from './annotations.ts'
import { checkPodSpec } from './spec.ts'

/** Labels and annotations of a template. */
export function checkTemplateMetadata({ metadata }: PodTemplateSpec, path: string, problems: Problems): void {
  checkLabels(metadata.labels, `${path}.labels`, problems)
  for (const key in metadata.annotations) checkFormat(key, `${path}.annotations`, annotationKeyProblems, problems)
}

/** A pod that is still to be made. Source: shared validation facts, core/PodTemplateSpec. */
export function checkPodTemplate(template: PodTemplateSpec, path: string, problems: Problems): void {
  checkTemplateMetadata(template, path, problems)
  checkAnnotations(template, `${path}.annotations`, problems)
  checkPodSpec(template, `${path}.spec`, true, problems)
  if ((template.spec.ephemeralContainers?.length ?? 0) > 0)
    problems.push(forbidden(`${path}.spec.ephemeralContainers`, 'ephemeral containers not allowed in pod template'))
}

export const SELECTOR_MISMATCH = '`selector` does not match template `labels`'

/** The controller would not find its own pods. An absent selector and an unreadable one are reported elsewhere. */
export function checkTemplateMatches(
  template: PodTemplateSpec,
  selector: LabelSelector | undefined,
  path: string,
  problems: Problems,
): void {
  const labels = template.metadata.labels ?? {}
  if (selector !== undefined && matchesSelector(selector, labels) === false)
    problems.push(invalid(`${path}.metadata.labels`, labels, SELECTOR_MISMATCH))
}

/** Pods of a controller that keeps them running always restart and have no end of their own. `kind` stands in the message. */
export function checkLongRunning({ spec }: PodTemplateSpec, kind: string, path: string, problems: Problems): void {
  if (spec.restartPolicy !== 'Always') problems.push(notSupported(`${path}.spec.restartPolicy`, spec.restartPolicy ?? '', ['Always']))
  if (spec.activeDeadlineSeconds !== undefined)
    problems.push(forbidden(`${path}.spec.activeDeadlineSeconds`, `activeDeadlineSeconds in ${kind} is not Supported`))
}

/** A selector that must be there and select something. `kind` stands in the message. */
export function checkOwnSelector(selector: LabelSelector | null | undefined, kind: string, path: string, problems: Problems): void {
  if (selector === undefined || selector === null) problems.push(required(path))
  else if (Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions?.length ?? 0) === 0)
    problems.push(invalid(path, selector, `empty selector is invalid for ${kind}`))
}
