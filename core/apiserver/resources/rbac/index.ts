import { clusterRoleBindings, clusterRoles, roleBindings, roles } from '../../../api/kinds.ts'
import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from '../../../api/types/rbac-v1.ts'
import { pathSegmentProblems } from '../../../meta/names.ts'
import { defineResource, nameRule } from '../define.ts'
import type { ResourceDef } from '../resource-def.ts'
import { bindingTable } from './table.ts'

const nameProblem = nameRule(pathSegmentProblems)

export const roleDef: ResourceDef<Role> = defineResource(roles, { nameProblem, allowCreateOnUpdate: true })

export const clusterRoleDef: ResourceDef<ClusterRole> = defineResource(clusterRoles, { nameProblem, allowCreateOnUpdate: true })

export const roleBindingDef: ResourceDef<RoleBinding> = defineResource(roleBindings, {
  nameProblem,
  allowCreateOnUpdate: true,
  table: bindingTable,
})

export const clusterRoleBindingDef: ResourceDef<ClusterRoleBinding> = defineResource(clusterRoleBindings, {
  nameProblem,
  allowCreateOnUpdate: true,
  table: bindingTable,
})
