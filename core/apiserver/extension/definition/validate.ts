import type { CustomResourceDefinition, CustomResourceDefinitionSpec } from '../../../api/types/apiextensions-v1.ts'
import { isConditionTrue } from '../../../meta/conditions.ts'
import { deepEqual } from '../../../meta/deep-equal.ts'
import { type FieldError, invalid, notSupported, required } from '../../../meta/field-error.ts'
import { dns1035LabelProblems } from '../../../meta/names.ts'
import { versionPaths } from './field-paths.ts'
import { conversionErrors } from './validate-conversion.ts'
import { nameErrors } from './validate-names.ts'
import { versionErrors } from './validate-version.ts'

/** Every problem of a definition; `old` on update. Source: shared validation facts, CustomResourceDefinition. */
export function definitionErrors(next: CustomResourceDefinition, old: CustomResourceDefinition | undefined): readonly FieldError[] {
  const changed = old === undefined || !deepEqual(next.spec, old.spec)
  return [
    ...nameErrors(next),
    ...(changed ? [...specErrors(next.spec), ...conversionErrors(next.spec, old)] : []),
    ...(old === undefined ? [] : immutableErrors(next, old)),
    ...approvalErrors(next, old),
  ]
}

function specErrors(spec: CustomResourceDefinitionSpec): readonly FieldError[] {
  const { versions, scope } = spec
  const errors: FieldError[] = []
  if (scope === '') errors.push(required('spec.scope'))
  else if (scope !== 'Cluster' && scope !== 'Namespaced') errors.push(notSupported('spec.scope', scope, ['Cluster', 'Namespaced']))
  if (spec.preserveUnknownFields === true) {
    const text = 'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead'
    errors.push(invalid('spec.preserveUnknownFields', true, text))
  }
  errors.push(...versionListErrors(spec))
  const seen = new Set<string>()
  for (const [index, version] of versions.entries()) {
    const paths = versionPaths(spec, index)
    // Parts that all versions share are judged once.
    if (!seen.has(paths.schema)) errors.push(...versionErrors(version, paths))
    seen.add(paths.schema)
  }
  return errors
}

function versionListErrors({ versions }: CustomResourceDefinitionSpec): readonly FieldError[] {
  const errors: FieldError[] = []
  const names = versions.map(({ name }) => name)
  for (const [index, version] of versions.entries()) {
    const problems = dns1035LabelProblems(version.name)
    if (problems.length > 0) errors.push(invalid(`spec.versions[${index}].name`, version.name, problems.join(',')))
    const warning = version.deprecationWarning
    for (const problem of warning === undefined ? [] : deprecationProblems(warning, version.deprecated === true))
      errors.push(invalid(`spec.versions[${index}].deprecationWarning`, warning, problem))
  }
  if (new Set(names).size < names.length) errors.push(invalid('spec.versions', names, 'must contain unique version names'))
  if (versions.filter(({ storage }) => storage).length !== 1)
    errors.push(invalid('spec.versions', names, 'must have exactly one version marked as storage version'))
  return errors
}

const MAX_WARNING = 256

/** The warning stands in a header of every answer. Source: apiextensions, validateDeprecationWarning. */
function deprecationProblems(warning: string, isDeprecated: boolean): readonly string[] {
  if (!isDeprecated) return ['can only be set for deprecated versions']
  const problems: string[] = []
  if (Buffer.byteLength(warning) > MAX_WARNING) problems.push('must be <= 256 characters long')
  if (warning === '') problems.push('must not be an empty string')
  const at = /\p{C}|(?! )\p{Z}/u.exec(warning)?.index
  if (at !== undefined)
    problems.push(
      `must only contain printable UTF-8 characters; non-printable character found at index ${Buffer.byteLength(warning.slice(0, at))}`,
    )
  return problems
}

/** Once clients use a kind, what its URLs and types are made of stays. */
function immutableErrors(next: CustomResourceDefinition, old: CustomResourceDefinition): readonly FieldError[] {
  if (!isConditionTrue(old.status.conditions, 'Established')) return []
  const pairs = [
    ['spec.scope', next.spec.scope, old.spec.scope],
    ['spec.names.kind', next.spec.names.kind, old.spec.names.kind],
    ['spec.group', next.spec.group, old.spec.group],
    ['spec.names.plural', next.spec.names.plural, old.spec.names.plural],
  ] as const
  const errors = pairs.filter(([, now, before]) => now !== before).map(([path, now]) => invalid(path, now, 'field is immutable'))
  return [...errors, ...storedErrors(next)]
}

/** Objects may still be stored in the versions that status lists. */
function storedErrors({ spec, status }: CustomResourceDefinition): readonly FieldError[] {
  const names = spec.versions.map(({ name }) => name)
  return status.storedVersions.flatMap((version, index) => {
    if (names.includes(version)) return []
    const text = `missing from spec.versions; ${version} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${version} and removes ${version} from status.storedVersions`
    return [invalid(`status.storedVersions[${index}]`, version, text)]
  })
}

const APPROVAL = 'api-approved.kubernetes.io'

/** Groups of the Kubernetes community need a word about who approved the API. */
function approvalErrors(next: CustomResourceDefinition, old: CustomResourceDefinition | undefined): readonly FieldError[] {
  const { group } = next.spec
  if (!isProtectedGroup(group)) return []
  const value = next.metadata.annotations?.[APPROVAL]
  if (old !== undefined && old.metadata.annotations?.[APPROVAL] === value) return []
  const path = `metadata.annotations[${APPROVAL}]`
  const problem = approvalProblem(value ?? '')
  if (value === undefined || value === '') return [required(path, problem ?? '')]
  return problem === undefined ? [] : [invalid(path, value, problem)]
}

/** Groups of Kubernetes' own, which need an approval annotation. */
export function isProtectedGroup(group: string): boolean {
  return group === 'k8s.io' || group === 'kubernetes.io' || group.endsWith('.k8s.io') || group.endsWith('.kubernetes.io')
}

/** Undefined for an approval or a declared lack of one. */
export function approvalProblem(value: string): string | undefined {
  if (value === '')
    return 'protected groups must have approval annotation "api-approved.kubernetes.io", see https://github.com/kubernetes/enhancements/pull/1111'
  if (value.startsWith('unapproved')) return undefined
  if (URL.canParse(value)) return undefined
  return 'protected groups must have approval annotation "api-approved.kubernetes.io" with either a URL or a reason starting with "unapproved", see https://github.com/kubernetes/enhancements/pull/1111'
}
