import type { LabelSelector } from '../../../api/types/meta-v1.ts'
import { forbidden, invalid, required } from '../../../meta/field-error.ts'
import { labelValueProblems, qualifiedNameProblems } from '../../../meta/names.ts'
import { checkFormat, type Problems } from './common.ts'

/** Checks a map of labels; keys and values are reported under the map's own path. */
export function checkLabels(labels: Readonly<Record<string, string>> | undefined, path: string, problems: Problems): void {
  for (const key in labels) {
    checkFormat(key, path, qualifiedNameProblems, problems)
    checkFormat(labels[key] ?? '', path, labelValueProblems, problems)
  }
}

/** Label keys, taint keys and topology keys. */
export function checkLabelName(key: string, path: string, problems: Problems): void {
  checkFormat(key, path, qualifiedNameProblems, problems)
}

export function checkLabelSelector(selector: LabelSelector | undefined, path: string, problems: Problems): void {
  if (selector === undefined) return
  checkLabels(selector.matchLabels, `${path}.matchLabels`, problems)
  selector.matchExpressions?.forEach((requirement, i) => {
    checkRequirement(requirement, `${path}.matchExpressions[${i}]`, problems)
  })
}

type Requirement = NonNullable<LabelSelector['matchExpressions']>[number]

function checkRequirement({ key, operator, values = [] }: Requirement, path: string, problems: Problems): void {
  const empty = values.length === 0
  if (operator === 'In' || operator === 'NotIn') {
    if (empty) problems.push(required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'"))
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    if (!empty) problems.push(forbidden(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"))
  } else problems.push(invalid(`${path}.operator`, operator, 'not a valid selector operator'))
  checkLabelName(key, `${path}.key`, problems)
  values.forEach((value, i) => {
    checkFormat(value, `${path}.values[${i}]`, labelValueProblems, problems)
  })
}

type Labels = Readonly<Record<string, string>>

/** Whether the labels satisfy the selector; undefined when the selector cannot be read, which has been reported then. */
export function matchesSelector({ matchLabels = {}, matchExpressions = [] }: LabelSelector, labels: Labels): boolean | undefined {
  const results = matchExpressions.map((requirement) => matchesRequirement(requirement, labels))
  if (results.includes(undefined)) return undefined
  return !results.includes(false) && Object.keys(matchLabels).every((key) => labels[key] === matchLabels[key])
}

function matchesRequirement({ key, operator, values = [] }: Requirement, labels: Labels): boolean | undefined {
  const value = labels[key]
  switch (operator) {
    case 'In':
      return values.length === 0 ? undefined : value !== undefined && values.includes(value)
    case 'NotIn':
      return values.length === 0 ? undefined : value === undefined || !values.includes(value)
    case 'Exists':
      return value !== undefined
    case 'DoesNotExist':
      return value === undefined
    default:
      return undefined
  }
}
