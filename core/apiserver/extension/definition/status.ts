import type { CustomResourceDefinition, CustomResourceDefinitionCondition } from '../../../api/types/apiextensions-v1.ts'
import { findCondition, isConditionTrue, setCondition } from '../../../meta/conditions.ts'
import { approvalProblem, isProtectedGroup } from './validate.ts'

type Conditions = readonly CustomResourceDefinitionCondition[]
type NewCondition = Omit<CustomResourceDefinitionCondition, 'lastTransitionTime'>
type Names = CustomResourceDefinition['spec']['names']
type Status = CustomResourceDefinition['status']

/** The list with the condition set; its transition time changes with its status alone. */
export function withCondition(conditions: Conditions, condition: NewCondition, now: string): Conditions {
  return setCondition<CustomResourceDefinitionCondition>(conditions, condition, now)
}

/**
 * Status that a definition ought to have: which of its names are free, and whether it is established. `others` are the
 * other definitions. The same object when nothing is to change. Source: apiextensions, naming and establishing controllers.
 */
export function planStatus(crd: CustomResourceDefinition, others: readonly CustomResourceDefinition[], now: string): Status {
  const { names, conflict } = acceptNames(crd, takenNames(crd, others))
  let { conditions } = crd.status
  const approved = approval(crd)
  if (approved !== undefined) conditions = withCondition(conditions, approved, now)
  conditions = withCondition(conditions, namesAccepted(conflict), now)
  conditions = withCondition(conditions, established(conditions, conflict), now)
  const sameNames = JSON.stringify(names) === JSON.stringify(crd.status.acceptedNames)
  if (conditions === crd.status.conditions && sameNames) return crd.status
  return { ...crd.status, conditions, acceptedNames: sameNames ? crd.status.acceptedNames : names }
}

interface Conflict {
  readonly reason: string
  readonly message: string
}

const NO_CONFLICT: NewCondition = { type: 'NamesAccepted', status: 'True', reason: 'NoConflicts', message: 'no conflicts found' }

function namesAccepted(conflict: Conflict | undefined): NewCondition {
  return conflict === undefined ? NO_CONFLICT : { type: 'NamesAccepted', status: 'False', ...conflict }
}

/** Once established, a definition stays so. */
function established(conditions: Conditions, conflict: Conflict | undefined): NewCondition {
  const before = findCondition(conditions, 'Established')
  if (before?.status === 'True') return before
  if (conflict === undefined) {
    return { type: 'Established', status: 'True', reason: 'InitialNamesAccepted', message: 'the initial names have been accepted' }
  }
  return { type: 'Established', status: 'False', reason: 'NotAccepted', message: 'not all names are accepted' }
}

function approval({ metadata, spec }: CustomResourceDefinition): NewCondition | undefined {
  if (!isProtectedGroup(spec.group)) return undefined
  const type = 'KubernetesAPIApprovalPolicyConformant'
  const value = metadata.annotations?.['api-approved.kubernetes.io'] ?? ''
  const problem = approvalProblem(value)
  if (problem !== undefined)
    return { type, status: 'False', reason: value === '' ? 'MissingAnnotation' : 'InvalidAnnotation', message: problem }
  if (value.startsWith('unapproved')) return { type, status: 'False', reason: 'UnapprovedAnnotation', message: `not approved: "${value}"` }
  return { type, status: 'True', reason: 'ApprovedAnnotation', message: `approved in ${value}` }
}

interface Taken {
  readonly resources: ReadonlySet<string>
  readonly kinds: ReadonlySet<string>
}

/** Resources and kinds that accepted definitions of the group hold. */
function takenNames(crd: CustomResourceDefinition, others: readonly CustomResourceDefinition[]): Taken {
  const accepted = others
    .filter((other) => other.spec.group === crd.spec.group && other.metadata.name !== crd.metadata.name)
    .map((other) => other.status.acceptedNames)
  const resources = accepted.flatMap((names) => [names.plural, names.singular ?? '', ...(names.shortNames ?? [])])
  return {
    resources: new Set(resources.filter((name) => name !== '')),
    kinds: new Set(accepted.flatMap((names) => [names.kind, names.listKind ?? '']).filter((name) => name !== '')),
  }
}

/** Free names are taken over, others stay as they were accepted before; the last conflict is the one that is told. */
function acceptNames(
  { spec, status }: CustomResourceDefinition,
  taken: Taken,
): { readonly names: Names; readonly conflict: Conflict | undefined } {
  const { names: wanted } = spec
  const before = status.acceptedNames
  let conflict: Conflict | undefined
  const pick = (field: 'plural' | 'singular' | 'kind' | 'listKind', used: ReadonlySet<string>): string => {
    const name = wanted[field] ?? ''
    if (!used.has(name)) return name
    conflict = { reason: `${field.charAt(0).toUpperCase()}${field.slice(1)}Conflict`, message: `${JSON.stringify(name)} is already in use` }
    return before[field] ?? ''
  }
  const plural = pick('plural', taken.resources)
  const singular = pick('singular', taken.resources)
  const short = (wanted.shortNames ?? []).filter((name) => taken.resources.has(name))
  if (short.length > 0)
    conflict = { reason: 'ShortNamesConflict', message: short.map((name) => `${JSON.stringify(name)} is already in use`).join(', ') }
  const kind = pick('kind', taken.kinds)
  const listKind = pick('listKind', taken.kinds)
  const shortNames = short.length > 0 ? before.shortNames : wanted.shortNames
  const names: Names = {
    plural,
    singular,
    ...(shortNames && { shortNames }),
    kind,
    listKind,
    ...(wanted.categories && { categories: wanted.categories }),
  }
  return { names, conflict }
}

/** Whether the kind is served. */
export function isEstablished(crd: CustomResourceDefinition): boolean {
  return isConditionTrue(crd.status.conditions, 'Established')
}
