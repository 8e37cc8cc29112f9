import type { UserInfo } from '../apiserver/auth/auth.ts'
import { CONTROLLER_ACCOUNTS } from '../apiserver/bootstrap/rbac/index.ts'
import { GROUPS, serviceAccountGroups, serviceAccountUser } from '../apiserver/auth/users.ts'

const NAMESPACE = 'kube-system'

/** K3s' own cloud controller; its role comes with manifests/ccm.yaml. */
export const CLOUD_CONTROLLER = 'k3ts-cloud-controller-manager'
/** What a server does to its nodes beside the cloud controller: role label, names in the cluster DNS. Role: manifests/rolebindings.yaml. */
export const NODE_MANAGER = 'system:k3ts-node-manager'
/**
 * The one part inside that is in the privileged group, as in K3s: the manifest folder applies whatever an administrator puts there,
 * and helm jobs get the role cluster-admin, which only an administrator may hand out.
 */
export const SUPERVISOR = 'system:k3ts-supervisor'

/** Who the parts of the node thread are to the API server. Each has a port of its own, and authorization applies to each. */
export const IDENTITIES = {
  /** Fills the caches that all controllers share; behind its port stand the users of `controllerUsers` as well. */
  controllers: user('system:kube-controller-manager'),
  deploy: user(SUPERVISOR, GROUPS.masters),
  scheduler: user('system:kube-scheduler'),
  proxy: user('system:kube-proxy'),
} as const

export type PortName = keyof typeof IDENTITIES | 'node'

export function nodeUser(nodeName: string): UserInfo {
  return user(`system:node:${nodeName}`, GROUPS.nodes)
}

/**
 * Users of the controllers' port by name: service accounts under the account's own name. They need no token, since the
 * main thread says who stands behind the port.
 */
export function controllerUsers(): ReadonlyMap<string, UserInfo> {
  return new Map([
    ...[...CONTROLLER_ACCOUNTS].map(
      (name) => [name, user(serviceAccountUser(NAMESPACE, name), ...serviceAccountGroups(NAMESPACE))] as const,
    ),
    [CLOUD_CONTROLLER, user(CLOUD_CONTROLLER)],
    [NODE_MANAGER, user(NODE_MANAGER)],
    [SUPERVISOR, IDENTITIES.deploy],
  ])
}

function user(name: string, ...groups: readonly string[]): UserInfo {
  return Object.freeze({ name, groups: Object.freeze([...groups, GROUPS.authenticated]) })
}
