import type { ClusterRole, RoleBinding } from '../../api/types/rbac-v1.ts'
import { deepEqual } from '../../meta/deep-equal.ts'
import { assertMayBind, assertMayGrant, type EscalationDeps, type Target } from '../auth/rbac/escalation.ts'
import type { AdmissionAttributes, AdmissionPlugin } from './admission.ts'

const GROUP = 'rbac.authorization.k8s.io'

/**
 * Nobody grants rights it does not hold. Not one of Kubernetes' plugins: there the check sits in the storage of roles and bindings.
 * Source: kubernetes, pkg/registry/rbac/…/policybased.
 */
export function rbacEscalation(deps: EscalationDeps): AdmissionPlugin {
  return {
    name: 'RBACEscalation',
    handles: ({ def, operation, subresource }) =>
      def.group === GROUP && subresource === '' && (operation === 'CREATE' || operation === 'UPDATE'),
    validate: (attributes) => {
      const target = targetOf(attributes)
      if (target.resource === 'roles' || target.resource === 'clusterroles') checkRole(attributes, target, deps)
      else checkBinding(attributes, target, deps)
    },
  }
}

function targetOf({ user, def, namespace, name }: AdmissionAttributes): Target {
  return { user, resource: def.resource as Target['resource'], namespace, name }
}

function checkRole({ object, oldObject }: AdmissionAttributes, target: Target, deps: EscalationDeps): void {
  const next = object as ClusterRole
  const old = oldObject as ClusterRole | undefined
  if (old !== undefined && deepEqual(old.rules, next.rules) && deepEqual(old.aggregationRule, next.aggregationRule)) return
  assertMayGrant(target, next, deps)
}

function checkBinding({ object, oldObject }: AdmissionAttributes, target: Target, deps: EscalationDeps): void {
  const next = object as RoleBinding
  const old = oldObject as RoleBinding | undefined
  if (old !== undefined && deepEqual(old.roleRef, next.roleRef) && deepEqual(old.subjects ?? [], next.subjects ?? [])) return
  assertMayBind(target, next.roleRef, deps)
}
