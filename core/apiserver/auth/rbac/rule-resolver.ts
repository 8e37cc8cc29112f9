import type { PolicyRule, RoleRef } from '../../../api/types/rbac-v1.ts'
import type { UserInfo } from '../auth.ts'
import { nodeNameOf } from '../users.ts'
import type { BindingIndex } from './binding-index.ts'

/** Everything a user may do in a namespace, as far as roles tell. */
export interface ResolvedRules {
  readonly rules: readonly PolicyRule[]
  /** Rights exist that rules cannot express: those of nodes. */
  readonly incomplete: boolean
  readonly problems: readonly string[]
}

export interface RuleResolver {
  /** An empty namespace asks for cluster-wide rights only. */
  rulesFor(user: UserInfo, namespace: string): ResolvedRules
  /** The rules of a role; a text when it does not exist. */
  rulesOfRole(roleRef: RoleRef, namespace: string): readonly PolicyRule[] | string
}

/** Rules of a user, for reviews and escalation checks. */
export function createRuleResolver(index: BindingIndex): RuleResolver {
  return {
    rulesFor: (user, namespace) => {
      const rules: PolicyRule[] = []
      const problems: string[] = []
      const isNode = nodeNameOf(user) !== undefined
      if (isNode) problems.push('node authorizer does not support user rule resolution')
      for (const grant of index.grantsOf(user, namespace)) {
        const found = index.rulesOf(grant.roleRef, grant.namespace)
        if (typeof found === 'string') problems.push(found)
        else rules.push(...found)
      }
      return { rules, incomplete: isNode, problems }
    },
    rulesOfRole: (roleRef, namespace) => index.rulesOf(roleRef, namespace),
  }
}
