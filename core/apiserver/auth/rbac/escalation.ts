import type { ClusterRole, PolicyRule, RoleRef } from '../../../api/types/rbac-v1.ts'
import { StatusError } from '../../../meta/status-error.ts'
import { forbidden } from '../../errors.ts'
import type { Authorizer, UserInfo } from '../auth.ts'
import { GROUPS } from '../users.ts'
import { describeRule, quotedList, uncovered } from './cover.ts'
import type { RuleResolver } from './rule-resolver.ts'

const GROUP = 'rbac.authorization.k8s.io'
/** What it takes to write an aggregation rule: it can collect any rule there is. */
const EVERYTHING: readonly PolicyRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
]

export interface EscalationDeps {
  readonly authorizer: Authorizer
  readonly rules: RuleResolver
}

/** The role or binding that is about to be written. */
export interface Target {
  readonly user: UserInfo
  readonly resource: 'roles' | 'clusterroles' | 'rolebindings' | 'clusterrolebindings'
  readonly namespace: string
  readonly name: string
}

/** Throws StatusError Forbidden when the user would grant rights it does not hold itself and may not `escalate`. */
export function assertMayGrant(target: Target, role: Pick<ClusterRole, 'rules' | 'aggregationRule'>, deps: EscalationDeps): void {
  if (isExempt(target, deps, 'escalate', target)) return
  const problem = missingRights(target, role.rules, deps)
  if (problem !== undefined) throw forbidden({ group: GROUP, resource: target.resource }, target.name, problem)
  if (role.aggregationRule === undefined) return
  const wide = missingRights(target, EVERYTHING, deps)
  if (wide !== undefined) {
    const text = `must have cluster-admin privileges to use an aggregationRule: ${wide}`
    throw forbidden({ group: GROUP, resource: target.resource }, target.name, text)
  }
}

/** Throws StatusError Forbidden when the user would bind a role whose rights it does not hold and which it may not `bind`. */
export function assertMayBind(target: Target, roleRef: RoleRef, deps: EscalationDeps): void {
  const resource = roleRef.kind === 'ClusterRole' ? 'clusterroles' : 'roles'
  if (isExempt(target, deps, 'bind', { resource, name: roleRef.name, namespace: target.namespace })) return
  const rules = deps.rules.rulesOfRole(roleRef, target.namespace)
  if (typeof rules === 'string') {
    throw new StatusError('NotFound', rules, { name: roleRef.name, group: GROUP, kind: resource.slice(0, -1) })
  }
  const problem = missingRights(target, rules, deps)
  if (problem !== undefined) throw forbidden({ group: GROUP, resource: target.resource }, target.name, problem)
}

function isExempt(
  { user }: Target,
  { authorizer }: EscalationDeps,
  verb: 'escalate' | 'bind',
  on: { readonly resource: string; readonly name: string; readonly namespace: string },
): boolean {
  if (user.groups.includes(GROUPS.masters)) return true
  return authorizer.authorize({ kind: 'resource', user, verb, group: GROUP, version: '*', subresource: '', ...pick(on) }).allowed
}

function pick({ resource, name, namespace }: { readonly resource: string; readonly name: string; readonly namespace: string }): {
  readonly resource: string
  readonly name: string
  readonly namespace: string
} {
  return { resource, name, namespace }
}

function missingRights({ user, namespace }: Target, wanted: readonly PolicyRule[], { rules }: EscalationDeps): string | undefined {
  const held = rules.rulesFor(user, namespace)
  const missing = uncovered(held.rules, wanted)
  if (missing.length === 0) return undefined
  const lines = [...new Set(missing.map(describeRule))].sort()
  const who = `user ${JSON.stringify(user.name)} (groups=${quotedList(user.groups)})`
  const problems = held.problems.length === 0 ? '' : `; resolution errors: [${held.problems.join(', ')}]`
  return `${who} is attempting to grant RBAC permissions not currently held:\n${lines.join('\n')}${problems}`
}
