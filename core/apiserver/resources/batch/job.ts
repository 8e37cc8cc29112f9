import { jobs } from '../../../api/kinds.ts'
import type { Job } from '../../../api/types/batch-v1.ts'
import { humanDuration } from '../../../meta/duration.ts'
import { defineResource } from '../define.ts'
import type { ResourceDef, Work } from '../resource-def.ts'
import { statusSubresource } from '../strategy.ts'
import { containerImages, containerNames, isTrue, selectorText } from '../table/cells.ts'
import { column, created, name, table, wide } from '../table/table.ts'
import { jobWarnings } from '../warnings.ts'
import { defaultJob } from './defaults.ts'
import { validateJob } from './validate.ts'
import { validateJobStatus } from './validate-status.ts'

function state({ status, metadata }: Job): string {
  const is = (type: string): boolean => isTrue(status.conditions, type)
  if (is('Complete')) return 'Complete'
  if (is('Failed')) return 'Failed'
  if (metadata.deletionTimestamp !== undefined) return 'Terminating'
  return ['Suspended', 'FailureTarget', 'SuccessCriteriaMet'].find(is) ?? 'Running'
}

function completions({ spec, status }: Job): string {
  const succeeded = status.succeeded ?? 0
  if (spec.completions !== undefined) return `${succeeded}/${spec.completions}`
  const parallelism = spec.parallelism ?? 0
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`
}

function duration({ status }: Job, nowMs: number): string {
  if (status.startTime === undefined) return ''
  const end = status.completionTime === undefined ? nowMs : Date.parse(status.completionTime)
  return humanDuration(end - Date.parse(status.startTime))
}

const NAME_LABELS = ['job-name', 'batch.kubernetes.io/job-name']
const UID_LABELS = ['controller-uid', 'batch.kubernetes.io/controller-uid']

/** Unless the user took over, pods of a job are found by its uid, which no other job can have. */
function generateSelector({ metadata, spec }: Work<Job>): void {
  if (spec.manualSelector === true) return
  const labels: Record<string, string> = { ...spec.template.metadata.labels }
  for (const label of NAME_LABELS) labels[label] ??= metadata.name
  for (const label of UID_LABELS) labels[label] ??= metadata.uid
  spec.template.metadata.labels = labels
  const own = 'batch.kubernetes.io/controller-uid'
  spec.selector = { ...spec.selector, matchLabels: { [own]: metadata.uid, ...spec.selector?.matchLabels } }
}

export const jobDef: ResourceDef<Job> = defineResource(jobs, {
  defaultDeletion: 'orphan',
  applyDefaults: defaultJob,
  validate: validateJob,
  warnings: jobWarnings,
  subresources: { status: statusSubresource({ validate: validateJobStatus }) },
  strategy: {
    status: 'controlled',
    generation: ['spec'],
    create: (job) => {
      generateSelector(job)
    },
  },
  table: table<Job>(
    name,
    column('Status', state),
    column('Completions', completions),
    column('Duration', duration),
    created,
    wide('Containers', ({ spec }) => containerNames(spec.template.spec.containers)),
    wide('Images', ({ spec }) => containerImages(spec.template.spec.containers)),
    wide('Selector', ({ spec }) => selectorText(spec.selector ?? {})),
  ),
  fields: ({ status }) => ({ 'status.successful': String(status.succeeded ?? 0) }),
})
