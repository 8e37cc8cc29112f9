import { clusterRoleBindings, clusterRoles, roleBindings, roles } from '../../../api/kinds.ts'
import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from '../../../api/types/rbac-v1.ts'
import { pathSegmentProblems } from '../../../meta/names.ts'
import { defineResource, nameRule } from '../define.ts'
import type { ResourceDef, Work } from '../resource-def.ts'
import { bindingTable } from './table.ts'

const RBAC_GROUP = 'rbac.authorization.k8s.io'

/** Source: shared facts on defaults, rbac.authorization.k8s.io_v1. */
function defaultBinding({ roleRef, subjects }: Work<RoleBinding> | Work<ClusterRoleBinding>): void {
  roleRef.apiGroup ||= RBAC_GROUP
  for (const subject of subjects ?? []) if (subject.kind === 'User' || subject.kind === 'Group') subject.apiGroup ||= RBAC_GROUP
}

const nameProblem = nameRule(pathSegmentProblems)

export const roleDef: ResourceDef<Role> = defineResource(roles, { nameProblem, allowCreateOnUpdate: true })

export const clusterRoleDef: ResourceDef<ClusterRole> = defineResource(clusterRoles, { nameProblem, allowCreateOnUpdate: true })

export const roleBindingDef: ResourceDef<RoleBinding> = defineResource(roleBindings, {
  nameProblem,
  allowCreateOnUpdate: true,
  applyDefaults: defaultBinding,
  table: bindingTable,
})

export const clusterRoleBindingDef: ResourceDef<ClusterRoleBinding> = defineResource(clusterRoleBindings, {
  nameProblem,
  allowCreateOnUpdate: true,
  applyDefaults: defaultBinding,
  table: bindingTable,
})
