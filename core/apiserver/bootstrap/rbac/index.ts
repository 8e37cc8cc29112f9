import { CLUSTER_ROLE_BINDINGS, ROLE_BINDINGS } from './bindings.ts'
import { CLUSTER_ROLES } from './cluster-roles.ts'
import { CONTROLLER_ROLES } from './controller-roles.ts'
import type { BootstrapObject } from './form.ts'
import { account, bindingObject, roleObject } from './form.ts'
import { NAMESPACED_ROLES } from './namespaced-roles.ts'

const CONTROLLER_PREFIX = 'system:controller:'

/** Service accounts of kube-system that have a role of a controller. */
export const CONTROLLER_ACCOUNTS: ReadonlySet<string> = new Set([
  ...CONTROLLER_ROLES.map(({ name }) => name.slice(CONTROLLER_PREFIX.length)),
  ...ROLE_BINDINGS.filter(({ role }) => role.startsWith(CONTROLLER_PREFIX)).flatMap(({ subjects }) => subjects.map(({ name }) => name)),
])

/** Roles before bindings. */
export function rbacObjects(): { readonly roles: readonly BootstrapObject[]; readonly bindings: readonly BootstrapObject[] } {
  const controllerBindings = CONTROLLER_ROLES.map(({ name }) => ({
    name,
    role: name,
    subjects: [account('kube-system', name.slice(CONTROLLER_PREFIX.length))],
  }))
  return {
    roles: [...CLUSTER_ROLES, ...CONTROLLER_ROLES, ...NAMESPACED_ROLES].map(roleObject),
    bindings: [...CLUSTER_ROLE_BINDINGS, ...controllerBindings, ...ROLE_BINDINGS].map(bindingObject),
  }
}

/** Rules of kubelets for what is not divided by node: those of the ClusterRole system:node. */
export const NODE_RULES = CLUSTER_ROLES.find(({ name }) => name === 'system:node')?.rules ?? []
