import type { GroupResources, Policy, PolicyRule } from '../../api/types/audit-v1.ts'
import type { UserInfo } from '../auth/auth.ts'
import type { RequestInfo, ResourceRequest } from '../request-info.ts'
import type { Level } from './policy.ts'

/** What the first rule that fits says about a request. */
export interface AuditRule {
  readonly level: Level
  readonly omitStages: ReadonlySet<string>
  readonly omitManagedFields: boolean
}

/** Answers for the user who sent the request, not for the one he acts as. Source: apiserver, pkg/audit/policy/checker.go. */
export function auditRules(policy: Policy): (user: UserInfo, info: RequestInfo) => AuditRule {
  const everywhere = policy.omitStages ?? []
  const compiled = policy.rules.map((rule) => ({
    rule,
    result: {
      // NOTE: the reader of the policy has checked it.
      level: rule.level as Level,
      omitStages: new Set([...everywhere, ...(rule.omitStages ?? [])]),
      omitManagedFields: rule.omitManagedFields ?? policy.omitManagedFields ?? false,
    },
  }))
  const otherwise: AuditRule = { level: 'None', omitStages: new Set(everywhere), omitManagedFields: false }
  return (user, info) => compiled.find(({ rule }) => matches(rule, user, info))?.result ?? otherwise
}

function matches(rule: PolicyRule, user: UserInfo, info: RequestInfo): boolean {
  const { users = [], userGroups = [], verbs = [], namespaces = [], resources = [], nonResourceURLs = [] } = rule
  if (users.length > 0 && !users.includes(user.name)) return false
  if (userGroups.length > 0 && !user.groups.some((group) => userGroups.includes(group))) return false
  if (verbs.length > 0 && !verbs.includes(info.verb)) return false
  if (namespaces.length > 0 || resources.length > 0) return info.kind === 'resource' && matchesResource(rule, info)
  if (nonResourceURLs.length > 0) return info.kind === 'path' && nonResourceURLs.some((url) => matchesPath(url, info.path))
  return true
}

function matchesPath(url: string, path: string): boolean {
  if (url === '*' || url === path) return true
  return url.endsWith('*') && path.startsWith(url.slice(0, -1))
}

/** Objects outside of namespaces have the empty one. */
function matchesResource({ namespaces = [], resources = [] }: PolicyRule, info: ResourceRequest): boolean {
  if (namespaces.length > 0 && !namespaces.includes(info.namespace)) return false
  return resources.length === 0 || resources.some((group) => matchesGroup(group, info))
}

function matchesGroup({ group = '', resources = [], resourceNames = [] }: GroupResources, info: ResourceRequest): boolean {
  if (group !== info.group) return false
  if (resources.length === 0) return true
  if (resourceNames.length > 0 && !resourceNames.includes(info.name)) return false
  return resources.some((pattern) => matchesName(pattern, info))
}

/** `pods` alone does not mean `pods/log`; `*` means everything. */
function matchesName(pattern: string, { resource, subresource }: ResourceRequest): boolean {
  if (pattern === '*' || pattern === (subresource === '' ? resource : `${resource}/${subresource}`)) return true
  if (subresource !== '' && pattern === `*/${subresource}`) return true
  return pattern === `${resource}/*`
}
