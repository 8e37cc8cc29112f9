import type { Event } from '../../../api/types/core-v1.ts'
import { type FieldError, invalid, required } from '../../../meta/field-error.ts'
import { qualifiedNameProblems } from '../../../meta/names.ts'
import { checkFormat, type Problems } from '../validation/common.ts'

const MAX_FIELD = 128
const MAX_MESSAGE = 1_024

/** Decoding leaves the time null where the client sent none. */
const isNewStyle = ({ eventTime }: Event): boolean => ((eventTime as string | null | undefined) ?? '') !== ''

/** Rules of both versions. `controllerField` is the name that the client's version has for it. Source: shared validation facts, core/v1 Event. */
export function validateEvent(event: Event, controllerField = 'reportingComponent'): readonly FieldError[] {
  const problems: Problems = []
  checkNamespace(event, problems)
  if (!isNewStyle(event)) return problems
  if (event.reportingComponent === '') problems.push(required(controllerField))
  checkFormat(event.reportingComponent, controllerField, qualifiedNameProblems, problems)
  checkText(event.reportingInstance, 'reportingInstance', problems)
  checkText(event.action ?? '', 'action', problems)
  checkText(event.reason ?? '', 'reason', problems)
  if ((event.message ?? '').length > MAX_MESSAGE) problems.push(invalid('message', '', `can have at most ${MAX_MESSAGE} characters`))
  return problems
}

/** Events live where their object lives; those of cluster-wide objects in default (or kube-system). */
function checkNamespace(event: Event, problems: Problems): void {
  const own = event.metadata.namespace ?? ''
  const subject = event.involvedObject.namespace ?? ''
  const allowed = subject !== '' ? [subject] : isNewStyle(event) ? ['default', 'kube-system'] : ['', 'default']
  if (subject !== '' && isNewStyle(event)) return
  if (!allowed.includes(own)) problems.push(invalid('involvedObject.namespace', subject, 'does not match event.namespace'))
}

function checkText(text: string, path: string, problems: Problems): void {
  if (text === '') problems.push(required(path))
  if (text.length > MAX_FIELD) problems.push(invalid(path, '', `can have at most ${MAX_FIELD} characters`))
}

/** What a create through events.k8s.io must look like besides: new in every respect. */
export function validateNewEvent(event: Event): readonly FieldError[] {
  const problems: Problems = [...validateEvent(event, 'reportingController')]
  if (!isNewStyle(event)) problems.push(required('eventTime'))
  if (event.type !== 'Normal' && event.type !== 'Warning') problems.push(invalid('type', '', `has invalid value: ${event.type ?? ''}`))
  const old = { firstTimestamp: event.firstTimestamp, lastTimestamp: event.lastTimestamp, count: event.count }
  for (const [field, value] of Object.entries(old)) if (value !== undefined) problems.push(invalid(field, '', 'needs to be unset'))
  if (Object.values(event.source).some((value) => value !== undefined)) problems.push(invalid('source', '', 'needs to be unset'))
  if (event.series !== undefined) {
    if ((event.series.count ?? 0) < 2) problems.push(invalid('series.count', '', 'should be at least 2'))
    if ((event.series.lastObservedTime ?? '') === '') problems.push(required('series.lastObservedTime'))
  }
  return problems
}
