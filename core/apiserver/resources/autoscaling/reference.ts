import { invalid } from '../../../meta/field-error.ts'
import { pathSegmentProblems } from '../../../meta/names.ts'
import { checkRequiredFormat, type Problems } from '../validation/common.ts'

interface Reference {
  readonly kind: string
  readonly name: string
  readonly apiVersion?: string | undefined
}

/** What an autoscaler scales, or takes a metric of. */
export function checkReference({ kind, name, apiVersion }: Reference, path: string, problems: Problems): void {
  checkRequiredFormat(kind, `${path}.kind`, pathSegmentProblems, problems)
  checkRequiredFormat(name, `${path}.name`, pathSegmentProblems, problems)
  if (apiVersion !== undefined && apiVersion.split('/').length > 2)
    problems.push(invalid(`${path}.apiVersion`, apiVersion, `unexpected GroupVersion string: ${apiVersion}`))
}
