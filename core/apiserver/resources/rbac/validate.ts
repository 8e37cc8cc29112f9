import type { ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, Subject } from '../../../api/types/rbac-v1.ts'
import { deepEqual } from '../../../meta/deep-equal.ts'
import { type FieldError, invalid, notSupported, required } from '../../../meta/field-error.ts'
import { dns1123SubdomainProblems, pathSegmentProblems } from '../../../meta/names.ts'
import { checkFormat, type Problems } from '../validation/common.ts'
import { checkLabelSelector } from '../validation/labels.ts'

const RBAC_GROUP = 'rbac.authorization.k8s.io'

/** Source: shared validation facts, rbac/PolicyRule. */
function checkRule(rule: PolicyRule, path: string, namespaced: boolean, problems: Problems): void {
  const { verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs: urls = [] } = rule
  if (verbs.length === 0) problems.push(required(`${path}.verbs`, 'verbs must contain at least one value'))
  if (urls.length > 0) {
    const at = `${path}.nonResourceURLs`
    if (namespaced) problems.push(invalid(at, urls, 'namespaced rules cannot apply to non-resource URLs'))
    if (apiGroups.length > 0 || resources.length > 0 || resourceNames.length > 0)
      problems.push(invalid(at, urls, 'rules cannot apply to both regular resources and non-resource URLs'))
    return
  }
  if (apiGroups.length === 0) problems.push(required(`${path}.apiGroups`, 'resource rules must supply at least one api group'))
  if (resources.length === 0) problems.push(required(`${path}.resources`, 'resource rules must supply at least one resource'))
}

export function validateRole({ rules }: Role): readonly FieldError[] {
  const problems: Problems = []
  rules.forEach((rule, i) => {
    checkRule(rule, `rules[${i}]`, true, problems)
  })
  return problems
}

export function validateClusterRole({ rules, aggregationRule }: ClusterRole): readonly FieldError[] {
  const problems: Problems = []
  rules.forEach((rule, i) => {
    checkRule(rule, `rules[${i}]`, false, problems)
  })
  if (aggregationRule === undefined) return problems
  const selectors = aggregationRule.clusterRoleSelectors ?? []
  const at = 'aggregationRule.clusterRoleSelectors'
  if (selectors.length === 0) problems.push(required(at, 'at least one clusterRoleSelector required if aggregationRule is non-nil'))
  selectors.forEach((selector, i) => {
    checkLabelSelector(selector, `${at}[${i}]`, problems)
  })
  return problems
}

type Binding = RoleBinding | ClusterRoleBinding

/** `kinds` are those of roles that this kind of binding may name. */
function validateBinding(next: Binding, old: Binding | undefined, kinds: readonly string[], namespaced: boolean): Problems {
  const problems: Problems = []
  const { apiGroup, kind, name } = next.roleRef
  if (apiGroup !== RBAC_GROUP) problems.push(notSupported('roleRef.apiGroup', apiGroup, [RBAC_GROUP]))
  if (!kinds.includes(kind)) problems.push(notSupported('roleRef.kind', kind, kinds))
  if (name === '') problems.push(required('roleRef.name'))
  else checkFormat(name, 'roleRef.name', pathSegmentProblems, problems)
  next.subjects?.forEach((subject, i) => {
    checkSubject(subject, `subjects[${i}]`, namespaced, problems)
  })
  if (old !== undefined && !deepEqual(next.roleRef, old.roleRef)) problems.push(invalid('roleRef', next.roleRef, 'cannot change roleRef'))
  return problems
}

function checkSubject(subject: Subject, path: string, namespaced: boolean, problems: Problems): void {
  const { kind, apiGroup = '', name, namespace = '' } = subject
  if (name === '') problems.push(required(`${path}.name`))
  switch (kind) {
    case 'ServiceAccount':
      if (name !== '') checkFormat(name, `${path}.name`, dns1123SubdomainProblems, problems)
      if (apiGroup !== '') problems.push(notSupported(`${path}.apiGroup`, apiGroup, ['']))
      if (!namespaced && namespace === '') problems.push(required(`${path}.namespace`))
      break
    case 'User':
    case 'Group':
      if (apiGroup !== RBAC_GROUP) problems.push(notSupported(`${path}.apiGroup`, apiGroup, [RBAC_GROUP]))
      break
    default:
      problems.push(notSupported(`${path}.kind`, kind, ['Group', 'ServiceAccount', 'User']))
  }
}

/** Source: shared validation facts, rbac.authorization.k8s.io/v1 RoleBinding. */
export function validateRoleBinding(next: RoleBinding, old: RoleBinding | undefined): readonly FieldError[] {
  return validateBinding(next, old, ['ClusterRole', 'Role'], true)
}

export function validateClusterRoleBinding(next: ClusterRoleBinding, old: ClusterRoleBinding | undefined): readonly FieldError[] {
  return validateBinding(next, old, ['ClusterRole'], false)
}
