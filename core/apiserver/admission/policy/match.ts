import type { MatchResources, NamedRuleWithOperations } from '../../../api/types/admissionregistration-v1.ts'
import type { ResourceDef } from '../../resources/resource-def.ts'
import type { AdmissionAttributes } from '../admission.ts'
import { type MatchDeps, matchesNamespace, matchesObject, matchesRule } from '../webhook/match.ts'

/**
 * The version of the resource in which a policy or binding wants to see a write; undefined when it does not care.
 * Source: apiserver, admission/plugin/policy/matching.
 */
export function matchResources(match: MatchResources, attributes: AdmissionAttributes, deps: MatchDeps): ResourceDef | undefined {
  const { namespaceSelector, objectSelector, resourceRules = [], excludeResourceRules = [] } = match
  if (!matchesNamespace(namespaceSelector, attributes, deps.reader) || !matchesObject(objectSelector, attributes)) return undefined
  const isExact = match.matchPolicy === 'Exact'
  if (ruleMatch(excludeResourceRules, attributes, isExact ? undefined : deps) !== undefined) return undefined
  return resourceRules.length === 0 ? attributes.def : ruleMatch(resourceRules, attributes, isExact ? undefined : deps)
}

function ruleMatch(
  rules: readonly NamedRuleWithOperations[],
  attributes: AdmissionAttributes,
  deps: Pick<MatchDeps, 'equivalents'> | undefined,
): ResourceDef | undefined {
  if (rules.length === 0) return undefined
  const { def } = attributes
  const candidates = [def, ...(deps?.equivalents(def) ?? [])]
  return candidates.find((candidate) => rules.some((rule) => namesIt(rule, attributes) && matchesRule(rule, attributes, candidate)))
}

function namesIt({ resourceNames = [] }: NamedRuleWithOperations, { name }: AdmissionAttributes): boolean {
  return resourceNames.length === 0 || resourceNames.includes(name)
}
