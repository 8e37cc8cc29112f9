import type { CronJob, Job, JobSpec } from '../../../api/types/batch-v1.ts'
import { deepEqual } from '../../../meta/deep-equal.ts'
import { type FieldError, invalid, notSupported, required, tooLong } from '../../../meta/field-error.ts'
import { dns1123LabelProblems } from '../../../meta/names.ts'
import { checkPodTemplate, checkTemplateMatches } from '../pod/validate/template.ts'
import { checkEnum, checkImmutable, checkNonNegative, type Problems } from '../validation/common.ts'
import { checkDomainPath } from '../validation/domain-path.ts'
import { checkLabelSelector } from '../validation/labels.ts'
import { isTimeZone, scheduleProblem } from './cron-format.ts'
import { checkPodFailurePolicy, checkSuccessPolicy } from './failure-policy.ts'

const COUNTS = [
  'parallelism',
  'completions',
  'activeDeadlineSeconds',
  'backoffLimit',
  'ttlSecondsAfterFinished',
  'backoffLimitPerIndex',
  'maxFailedIndexes',
] as const
const MAX_INDEXED_PARALLELISM = 100_000
const MAX_FAILED_INDEXES = 100_000
/** Above this many completions, tracking failures by index is bounded tighter. */
const MANY_COMPLETIONS = 100_000
const MAX_WITH_MANY = 10_000
const MAX_MANAGER_LENGTH = 63

/** What jobs and the templates of cron jobs have in common. Source: shared validation facts, batch/JobSpec. */
function checkSpec(spec: JobSpec, path: string, problems: Problems): void {
  for (const field of COUNTS) checkNonNegative(spec[field], `${path}.${field}`, problems)
  if (spec.maxFailedIndexes !== undefined && spec.backoffLimitPerIndex === undefined)
    problems.push(required(`${path}.backoffLimitPerIndex`, 'when maxFailedIndexes is specified'))
  if (spec.managedBy !== undefined) checkManager(spec.managedBy, `${path}.managedBy`, problems)
  checkEnum(spec.completionMode, `${path}.completionMode`, ['Indexed', 'NonIndexed'], problems)
  if (spec.completionMode === 'Indexed') checkIndexed(spec, path, problems)
  else
    for (const field of ['backoffLimitPerIndex', 'maxFailedIndexes', 'successPolicy'] as const)
      if (spec[field] !== undefined) problems.push(invalid(`${path}.${field}`, spec[field], 'requires indexed completion mode'))
  if (spec.podFailurePolicy !== undefined) checkPodFailurePolicy(spec, `${path}.podFailurePolicy`, problems)
  if (spec.successPolicy !== undefined && spec.completionMode === 'Indexed') checkSuccessPolicy(spec, `${path}.successPolicy`, problems)
  const replacement = spec.podFailurePolicy === undefined ? ['Failed', 'TerminatingOrFailed'] : ['Failed']
  checkEnum(spec.podReplacementPolicy, `${path}.podReplacementPolicy`, replacement, problems)
  checkPodTemplate(spec.template, `${path}.template`, problems)
  checkRestartPolicy(spec, `${path}.template.spec.restartPolicy`, problems)
}

function checkManager(manager: string, path: string, problems: Problems): void {
  checkDomainPath(manager, path, problems)
  if (manager.length > MAX_MANAGER_LENGTH) problems.push(tooLong(path, MAX_MANAGER_LENGTH))
}

function checkIndexed(spec: JobSpec, path: string, problems: Problems): void {
  const { completions, parallelism = 0, maxFailedIndexes: failed } = spec
  if (completions === undefined) problems.push(required(`${path}.completions`, 'when completion mode is Indexed'))
  if (parallelism > MAX_INDEXED_PARALLELISM)
    problems.push(
      invalid(
        `${path}.parallelism`,
        parallelism,
        `must be less than or equal to ${MAX_INDEXED_PARALLELISM} when completion mode is Indexed`,
      ),
    )
  if (completions !== undefined && failed !== undefined && failed > completions)
    problems.push(invalid(`${path}.maxFailedIndexes`, failed, 'must be less than or equal to completions'))
  if (failed !== undefined && failed > MAX_FAILED_INDEXES)
    problems.push(invalid(`${path}.maxFailedIndexes`, failed, `must be less than or equal to ${MAX_FAILED_INDEXES}`))
  if ((completions ?? 0) <= MANY_COMPLETIONS || spec.backoffLimitPerIndex === undefined) return
  const text = `must be less than or equal to ${MAX_WITH_MANY} when completions are above ${MANY_COMPLETIONS} and used with backoff limit per index`
  if (failed === undefined)
    problems.push(required(`${path}.maxFailedIndexes`, `must be specified when completions is above ${MANY_COMPLETIONS}`))
  if (parallelism > MAX_WITH_MANY) problems.push(invalid(`${path}.parallelism`, parallelism, text))
  if (failed !== undefined && failed > MAX_WITH_MANY) problems.push(invalid(`${path}.maxFailedIndexes`, failed, text))
}

/** A pod of a job ends. `Always` is what defaulting puts where the user said nothing. */
function checkRestartPolicy({ template, podFailurePolicy }: JobSpec, path: string, problems: Problems): void {
  const policy = template.spec.restartPolicy ?? ''
  if ((policy as string) === '' || policy === 'Always') problems.push(required(path, 'valid values: "OnFailure", "Never"'))
  else if (policy !== 'OnFailure' && policy !== 'Never') problems.push(notSupported(path, policy, ['Never', 'OnFailure']))
  else if (podFailurePolicy !== undefined && policy !== 'Never')
    problems.push(invalid(path, policy, 'only "Never" is supported when podFailurePolicy is specified'))
}

/** Source: shared validation facts, batch/v1 Job. */
export function validateJob(job: Job, old: Job | undefined): readonly FieldError[] {
  const problems: Problems = []
  const { spec, metadata } = job
  checkGeneratedSelector(job, problems)
  checkSpec(spec, 'spec', problems)
  if (spec.selector === undefined) problems.push(required('spec.selector'))
  else checkLabelSelector(spec.selector, 'spec.selector', problems)
  checkTemplateMatches(spec.template, spec.selector, 'spec.template', problems)
  if (spec.completionMode === 'Indexed' && (spec.completions ?? 0) > 0) {
    const host = `${metadata.name}-${(spec.completions ?? 1) - 1}`
    for (const text of dns1123LabelProblems(host))
      problems.push(invalid('metadata.name', metadata.name, `will not able to create pod with invalid DNS label: ${text}`))
  }
  if (old !== undefined) checkUpdate(job, old, problems)
  return problems
}

const UID_LABEL = 'batch.kubernetes.io/controller-uid'
const EXPECTED = ['controller-uid', UID_LABEL]

function checkGeneratedSelector({ spec, metadata }: Job, problems: Problems): void {
  if (spec.manualSelector === true || spec.selector === undefined) return
  if (metadata.uid === '') problems.push(required('metadata.uid'))
  const labels = spec.template.metadata.labels ?? {}
  checkHasLabel(labels, UID_LABEL, metadata.uid, problems)
  checkHasLabel(labels, 'batch.kubernetes.io/job-name', metadata.name, problems)
  const generated = EXPECTED.some((label) => deepEqual(spec.selector?.matchLabels, { [label]: metadata.uid }))
  if (!generated || (spec.selector.matchExpressions?.length ?? 0) > 0)
    problems.push(invalid('spec.selector', spec.selector, '`selector` not auto-generated'))
}

function checkHasLabel(labels: Readonly<Record<string, string>>, key: string, expected: string, problems: Problems): void {
  const at = `spec.template.metadata.labels[${key}]`
  if (labels[key] === undefined) problems.push(required(at, `must be '${expected}'`))
  else if (labels[key] !== expected) problems.push(invalid(at, labels, `must be '${expected}'`))
}

const FROZEN = ['completionMode', 'podFailurePolicy', 'backoffLimitPerIndex', 'managedBy', 'successPolicy'] as const

function checkUpdate({ spec }: Job, old: Job, problems: Problems): void {
  checkCompletions(spec, old.spec, problems)
  checkImmutable(spec.selector, old.spec.selector, 'spec.selector', problems)
  checkImmutable(withOldDirectives(spec, old), old.spec.template, 'spec.template', problems)
  for (const field of FROZEN) checkImmutable(spec[field], old.spec[field], `spec.${field}`, problems)
}

/** An indexed job may grow and shrink, with its parallelism. */
function checkCompletions(next: JobSpec, old: JobSpec, problems: Problems): void {
  if (next.completions === old.completions) return
  const elastic = next.completionMode === 'Indexed' && next.completions !== undefined && old.completions !== undefined
  if (!elastic) checkImmutable(next.completions, old.completions, 'spec.completions', problems)
  else if (next.completions !== next.parallelism)
    problems.push(invalid('spec.completions', next.completions, 'can only be modified in tandem with spec.parallelism'))
}

/** The new template, with where its pods go put back if that may still change: while suspended and never started. */
function withOldDirectives({ template }: JobSpec, old: Job): JobSpec['template'] {
  if (old.spec.suspend !== true || old.status.startTime !== undefined) return template
  const before = old.spec.template
  const { nodeSelector, tolerations, schedulingGates } = before.spec
  const affinity = template.spec.affinity ?? before.spec.affinity
  const merged = affinity && { ...affinity, nodeAffinity: before.spec.affinity?.nodeAffinity }
  const empty = merged === undefined || Object.values(merged).every((value) => value === undefined)
  return {
    ...template,
    metadata: { ...template.metadata, labels: before.metadata.labels, annotations: before.metadata.annotations },
    spec: {
      ...template.spec,
      nodeSelector,
      tolerations,
      schedulingGates,
      affinity: empty && before.spec.affinity === undefined ? undefined : merged,
    },
  }
}

/** The job's name gets eleven characters of time appended. */
const MAX_CRON_NAME = 52

/** Source: shared validation facts, batch/v1 CronJob. */
export function validateCronJob({ metadata, spec }: CronJob, old: CronJob | undefined): readonly FieldError[] {
  const problems: Problems = []
  if (old === undefined && metadata.name.length > MAX_CRON_NAME)
    problems.push(invalid('metadata.name', metadata.name, `must be no more than ${MAX_CRON_NAME} characters`))
  if (spec.schedule === '') problems.push(required('spec.schedule'))
  else checkSchedule(spec, old?.spec.schedule, problems)
  checkNonNegative(spec.startingDeadlineSeconds, 'spec.startingDeadlineSeconds', problems)
  if (spec.timeZone !== undefined && spec.timeZone !== old?.spec.timeZone) checkTimeZone(spec.timeZone, problems)
  if ((spec.concurrencyPolicy as string | undefined) === undefined) problems.push(required('spec.concurrencyPolicy'))
  checkEnum(spec.concurrencyPolicy, 'spec.concurrencyPolicy', ['Allow', 'Forbid', 'Replace'], problems)
  const job = spec.jobTemplate.spec
  checkSpec(job, 'spec.jobTemplate.spec', problems)
  if (job.selector !== undefined)
    problems.push(invalid('spec.jobTemplate.spec.selector', job.selector, '`selector` will be auto-generated'))
  if (job.manualSelector === true) problems.push(notSupported('spec.jobTemplate.spec.manualSelector', true, ['nil', 'false']))
  checkNonNegative(spec.successfulJobsHistoryLimit, 'spec.successfulJobsHistoryLimit', problems)
  checkNonNegative(spec.failedJobsHistoryLimit, 'spec.failedJobsHistoryLimit', problems)
  return problems
}

function checkSchedule({ schedule, timeZone }: CronJob['spec'], before: string | undefined, problems: Problems): void {
  const zoned = schedule.includes('TZ')
  if (zoned && timeZone !== undefined)
    problems.push(invalid('spec.schedule', schedule, 'cannot use both timeZone field and TZ or CRON_TZ in schedule'))
  else if (zoned && schedule !== before)
    problems.push(invalid('spec.schedule', schedule, 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead'))
  const problem = scheduleProblem(schedule.replace(/^(CRON_)?TZ=\S+\s+/, ''))
  if (problem !== undefined) problems.push(invalid('spec.schedule', schedule, problem))
}

function checkTimeZone(zone: string, problems: Problems): void {
  const fail = (text: string): void => {
    problems.push(invalid('spec.timeZone', zone, text))
  }
  if (zone === '') fail('timeZone must be nil or non-empty string')
  else if (zone.toLowerCase() === 'local') fail('timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones')
  else if (!isTimeZone(zone)) fail(`unknown time zone ${zone}`)
}
