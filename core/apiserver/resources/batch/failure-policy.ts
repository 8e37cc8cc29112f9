import type { JobSpec, PodFailurePolicyRule } from '../../../api/types/batch-v1.ts'
import { duplicate, invalid, required, tooLong, tooMany } from '../../../meta/field-error.ts'
import { qualifiedNameProblems } from '../../../meta/names.ts'
import { checkEnum, checkFormat, checkNonNegative, type Problems } from '../validation/common.ts'
import { countIndexes } from './indexes.ts'

const MAX_RULES = 20
const MAX_EXIT_CODES = 255
const MAX_PATTERNS = 20
const MAX_INDEXES_LENGTH = 64 * 1024
const ACTIONS = ['Count', 'FailIndex', 'FailJob', 'Ignore']
const OPERATORS = ['In', 'NotIn']
const STATUSES = ['False', 'True', 'Unknown']

const choices = (values: readonly string[]): string => `valid values: [${values.map((value) => JSON.stringify(value)).join(' ')}]`

function checkChoice(value: string, path: string, allowed: readonly string[], problems: Problems): void {
  if (value === '') problems.push(required(path, choices(allowed)))
  else checkEnum(value, path, allowed, problems)
}

/** Source: shared validation facts, batch/PodFailurePolicy and below. */
export function checkPodFailurePolicy(spec: JobSpec, path: string, problems: Problems): void {
  const rules = spec.podFailurePolicy?.rules ?? []
  const at = `${path}.rules`
  if (rules.length > MAX_RULES) problems.push(tooMany(at, rules.length, MAX_RULES))
  const names = new Set([...spec.template.spec.containers, ...(spec.template.spec.initContainers ?? [])].map(({ name }) => name))
  rules.forEach((rule, i) => {
    const action = `${at}[${i}].action`
    checkChoice(rule.action, action, ACTIONS, problems)
    if (rule.action === 'FailIndex' && spec.backoffLimitPerIndex === undefined)
      problems.push(invalid(action, rule.action, 'requires the backoffLimitPerIndex to be set'))
    checkRule(rule, `${at}[${i}]`, names, problems)
  })
}

function checkRule(rule: PodFailurePolicyRule, path: string, names: ReadonlySet<string>, problems: Problems): void {
  const { onExitCodes, onPodConditions = [] } = rule
  if (onExitCodes !== undefined) {
    checkExitCodes(onExitCodes, `${path}.onExitCodes`, names, problems)
    if (onPodConditions.length > 0) problems.push(invalid(path, rule, 'specifying both OnExitCodes and OnPodConditions is not supported'))
  } else if (onPodConditions.length === 0)
    problems.push(invalid(path, rule, 'specifying one of OnExitCodes and OnPodConditions is required'))
  const at = `${path}.onPodConditions`
  if (onPodConditions.length > MAX_PATTERNS) problems.push(tooMany(at, onPodConditions.length, MAX_PATTERNS))
  onPodConditions.forEach(({ type, status }, i) => {
    checkFormat(type, `${at}[${i}].type`, qualifiedNameProblems, problems)
    checkChoice(status, `${at}[${i}].status`, STATUSES, problems)
  })
}

type ExitCodes = NonNullable<PodFailurePolicyRule['onExitCodes']>

function checkExitCodes(rule: ExitCodes, path: string, names: ReadonlySet<string>, problems: Problems): void {
  const { operator, values, containerName } = rule
  checkChoice(operator, `${path}.operator`, OPERATORS, problems)
  if (containerName !== undefined && !names.has(containerName))
    problems.push(
      invalid(`${path}.containerName`, containerName, 'must be one of the container or initContainer names in the pod template'),
    )
  const at = `${path}.values`
  if (values.length === 0) problems.push(invalid(at, values, 'at least one value is required'))
  else if (values.length > MAX_EXIT_CODES) problems.push(tooMany(at, values.length, MAX_EXIT_CODES))
  const seen = new Set<number>()
  values.forEach((value, i) => {
    if (operator === 'In' && value === 0) problems.push(invalid(`${at}[${i}]`, value, 'must not be 0 for the In operator'))
    if (seen.has(value)) problems.push(duplicate(`${at}[${i}]`, value))
    seen.add(value)
  })
  if (values.some((value, i) => i > 0 && value < (values[i - 1] ?? value))) problems.push(invalid(at, values, 'must be ordered'))
}

/** Source: shared validation facts, batch/SuccessPolicy and below. */
export function checkSuccessPolicy(spec: JobSpec, path: string, problems: Problems): void {
  const rules = spec.successPolicy?.rules ?? []
  const at = `${path}.rules`
  if (rules.length === 0) problems.push(required(at, 'at least one rules must be specified when the successPolicy is specified'))
  if (rules.length > MAX_RULES) problems.push(tooMany(at, rules.length, MAX_RULES))
  rules.forEach((rule, i) => {
    checkSuccessRule(rule, `${at}[${i}]`, spec.completions ?? 0, problems)
  })
}

type SuccessRule = NonNullable<JobSpec['successPolicy']>['rules'][number]

function checkSuccessRule(rule: SuccessRule, path: string, completions: number, problems: Problems): void {
  const { succeededIndexes, succeededCount } = rule
  if (succeededIndexes === undefined && succeededCount === undefined)
    problems.push(required(path, 'at least one of succeededCount or succeededIndexes must be specified'))
  const indexes = succeededIndexes === undefined ? undefined : countIndexes(succeededIndexes, completions)
  const at = `${path}.succeededIndexes`
  if ((succeededIndexes?.length ?? 0) > MAX_INDEXES_LENGTH) problems.push(tooLong(at, MAX_INDEXES_LENGTH))
  if (typeof indexes === 'string') problems.push(invalid(at, succeededIndexes, `error parsing succeededIndexes: ${indexes}`))
  if (succeededCount === undefined) return
  checkNonNegative(succeededCount, `${path}.succeededCount`, problems)
  if (succeededCount > completions)
    problems.push(
      invalid(
        `${path}.succeededCount`,
        succeededCount,
        `must be less than or equal to ${completions} (the number of specified completions)`,
      ),
    )
  if (typeof indexes === 'number' && succeededCount > indexes)
    problems.push(
      invalid(
        `${path}.succeededCount`,
        succeededCount,
        `must be less than or equal to ${indexes} (the number of indexes in the specified succeededIndexes field)`,
      ),
    )
}
