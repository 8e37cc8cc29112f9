import type { Job } from '../../../api/types/batch-v1.ts'
import { type FieldError, invalid, required } from '../../../meta/field-error.ts'
import { parseTimestamp } from '../../../meta/time.ts'
import { isTrue } from '../table/cells.ts'
import { checkImmutable, type Problems } from '../validation/common.ts'
import { checkCounters } from '../validation/scaling.ts'

/** A finished job stays finished, and its counters only grow. Source: shared validation facts, batch/JobStatus and JobStatusUpdate. */
export function validateJobStatus(next: Job, old: Job): readonly FieldError[] {
  const problems: Problems = []
  const { status } = next
  checkCounters(status, 'status', ['active', 'succeeded', 'failed', 'terminating', 'ready'], problems)
  checkEnd(next, problems)
  for (const type of ['Complete', 'Failed'])
    if (isTrue(old.status.conditions, type) && !isTrue(status.conditions, type))
      problems.push(invalid('status.conditions', status.conditions ?? [], `cannot disable the terminal ${type}=True condition`))
  for (const counter of ['failed', 'succeeded'] as const)
    if ((status[counter] ?? 0) < (old.status[counter] ?? 0) && isFinishedOrIndexed(old))
      problems.push(invalid(`status.${counter}`, status[counter] ?? 0, `cannot decrease the ${counter} counter`))
  if (old.status.completionTime !== undefined)
    checkImmutable(status.completionTime, old.status.completionTime, 'status.completionTime', problems)
  return problems
}

const isFinished = ({ status }: Job): boolean => isTrue(status.conditions, 'Complete') || isTrue(status.conditions, 'Failed')

/** Indexes that are taken away when an elastic job shrinks are no longer counted. */
const isFinishedOrIndexed = (job: Job): boolean => isFinished(job) || job.spec.completionMode !== 'Indexed'

function checkEnd(job: Job, problems: Problems): void {
  const { status } = job
  const complete = isTrue(status.conditions, 'Complete')
  const failed = isTrue(status.conditions, 'Failed')
  if (complete && failed)
    problems.push(invalid('status.conditions', status.conditions, 'cannot set Complete=True and Failed=true conditions'))
  if (complete && isTrue(status.conditions, 'FailureTarget'))
    problems.push(invalid('status.conditions', status.conditions, 'cannot set Complete=True and FailureTarget=true conditions'))
  if (!complete && status.completionTime !== undefined)
    problems.push(
      invalid('status.completionTime', status.completionTime, 'cannot set completionTime when there is no Complete=True condition'),
    )
  if (complete && status.completionTime === undefined)
    problems.push(required('status.completionTime', 'completionTime is required for Complete jobs'))
  const [start, end] = [parseTimestamp(status.startTime), parseTimestamp(status.completionTime)]
  if (start !== undefined && end !== undefined && end < start)
    problems.push(invalid('status.completionTime', status.completionTime, 'must be equal to or after `startTime`'))
  if ((complete || failed) && (status.active ?? 0) > 0)
    problems.push(invalid('status.active', status.active, 'active>0 is invalid for finished job'))
  if ((complete || failed) && status.startTime === undefined)
    problems.push(required('status.startTime', 'startTime is required for finished job'))
}
