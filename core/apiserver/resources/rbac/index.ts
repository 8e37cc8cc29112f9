import { clusterRoleBindings, clusterRoles, roleBindings, roles } from '../../../api/kinds.ts'
import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from '../../../api/types/rbac-v1.ts'
import { pathSegmentProblems } from '../../../meta/names.ts'
import { defineResource, nameRule } from '../define.ts'
import type { ResourceDef, Work } from '../resource-def.ts'
import { bindingTable } from './table.ts'
import { validateClusterRole, validateClusterRoleBinding, validateRole, validateRoleBinding } from './validate.ts'

const RBAC_GROUP = 'rbac.authorization.k8s.io'

/** Source: shared facts on defaults, rbac.authorization.k8s.io_v1. */
function defaultBinding({ roleRef, subjects }: Work<RoleBinding> | Work<ClusterRoleBinding>): void {
  roleRef.apiGroup ||= RBAC_GROUP
  for (const subject of subjects ?? []) if (subject.kind === 'User' || subject.kind === 'Group') subject.apiGroup ||= RBAC_GROUP
}

const nameProblem = nameRule(pathSegmentProblems)

export const roleDef: ResourceDef<Role> = defineResource(roles, { nameProblem, validate: validateRole, allowCreateOnUpdate: true })

export const clusterRoleDef: ResourceDef<ClusterRole> = defineResource(clusterRoles, {
  nameProblem,
  validate: validateClusterRole,
  allowCreateOnUpdate: true,
})

export const roleBindingDef: ResourceDef<RoleBinding> = defineResource(roleBindings, {
  nameProblem,
  validate: validateRoleBinding,
  allowCreateOnUpdate: true,
  applyDefaults: defaultBinding,
  table: bindingTable,
})

export const clusterRoleBindingDef: ResourceDef<ClusterRoleBinding> = defineResource(clusterRoleBindings, {
  nameProblem,
  validate: validateClusterRoleBinding,
  allowCreateOnUpdate: true,
  applyDefaults: defaultBinding,
  table: bindingTable,
})
