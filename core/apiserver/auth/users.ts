import type { UserInfo } from './auth.ts'

/** Names of users and groups that have a meaning of their own. Source: apiserver, authentication/user. */
export const GROUPS = {
  masters: 'system:masters',
  authenticated: 'system:authenticated',
  unauthenticated: 'system:unauthenticated',
  nodes: 'system:nodes',
  serviceAccounts: 'system:serviceaccounts',
} as const

export const ANONYMOUS: UserInfo = Object.freeze({ name: 'system:anonymous', groups: Object.freeze([GROUPS.unauthenticated]) })
/** The server's own requests: bootstrap objects, garbage collection of its own making. Bypasses authorization. */
export const APISERVER_USER: UserInfo = Object.freeze({
  name: 'system:apiserver',
  groups: Object.freeze([GROUPS.masters, GROUPS.authenticated]),
})

const SERVICE_ACCOUNT_PREFIX = 'system:serviceaccount:'
const NODE_PREFIX = 'system:node:'

export function serviceAccountUser(namespace: string, name: string): string {
  return `${SERVICE_ACCOUNT_PREFIX}${namespace}:${name}`
}

export function serviceAccountGroups(namespace: string): readonly string[] {
  return [GROUPS.serviceAccounts, `${GROUPS.serviceAccounts}:${namespace}`]
}

/** Undefined for names that are no service account's. */
export function splitServiceAccountUser(userName: string): { readonly namespace: string; readonly name: string } | undefined {
  if (!userName.startsWith(SERVICE_ACCOUNT_PREFIX)) return undefined
  const [namespace, name, ...rest] = userName.slice(SERVICE_ACCOUNT_PREFIX.length).split(':')
  return namespace === undefined || namespace === '' || name === undefined || name === '' || rest.length > 0
    ? undefined
    : { namespace, name }
}

/** Name of the node a kubelet speaks for; empty when it is in the nodes' group without a node's name; undefined for others. */
export function nodeNameOf(user: UserInfo): string | undefined {
  if (!user.name.startsWith(NODE_PREFIX) || !user.groups.includes(GROUPS.nodes)) return undefined
  return user.name.slice(NODE_PREFIX.length)
}

/** Adds the group every authenticated user is in; anonymous users stay as they are. */
export function withAuthenticatedGroup(user: UserInfo): UserInfo {
  if (user.groups.includes(GROUPS.authenticated) || user.groups.includes(GROUPS.unauthenticated)) return user
  return { ...user, groups: [...user.groups, GROUPS.authenticated] }
}
