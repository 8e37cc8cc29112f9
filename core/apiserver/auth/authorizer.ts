import type { PolicyRule } from '../../api/types/rbac-v1.ts'
import type { ObjectReader } from '../admission/admission.ts'
import type { Attributes, Authorizer, Decision } from './auth.ts'
import { nodeAuthorizer } from './node/authorizer.ts'
import { NodeGraph } from './node/graph.ts'
import { RbacAuthorizer } from './rbac/authorizer.ts'
import { BindingIndex } from './rbac/binding-index.ts'
import { compileRule } from './rbac/rule.ts'
import { createRuleResolver, type RuleResolver } from './rbac/rule-resolver.ts'
import { GROUPS } from './users.ts'

export interface Authorization {
  readonly authorizer: Authorizer
  readonly rules: RuleResolver
}

const PRIVILEGED: Decision = Object.freeze({ allowed: true, reason: '' })

/** Privileged group, then Node, then RBAC: the first that allows wins, the reasons of all refusals are joined. */
export function createAuthorization(reader: ObjectReader, nodeRules: readonly PolicyRule[]): Authorization {
  const index = new BindingIndex(reader)
  const node = nodeAuthorizer({ graph: new NodeGraph(reader), reader, rules: nodeRules.map(compileRule) })
  const rbac = new RbacAuthorizer(index)
  return { authorizer: unionAuthorizer([node, rbac]), rules: createRuleResolver(index) }
}

/** system:masters may do everything. Else the first that allows decides; reasons of those that do not are joined. */
export function unionAuthorizer(authorizers: readonly Authorizer[]): Authorizer {
  return {
    authorize: (attributes: Attributes) => {
      if (attributes.user.groups.includes(GROUPS.masters)) return PRIVILEGED
      let refusal: Decision | undefined
      for (const authorizer of authorizers) {
        const decision = authorizer.authorize(attributes)
        if (decision.allowed) return decision
        if (decision.reason !== '' || refusal === undefined) refusal = refusal === undefined ? decision : joined(refusal, decision)
      }
      return refusal ?? { allowed: false, reason: '' }
    },
  }
}

function joined(first: Decision, second: Decision): Decision {
  return { allowed: false, reason: first.reason === '' ? second.reason : `${first.reason}\n${second.reason}` }
}
