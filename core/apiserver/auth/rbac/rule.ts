import type { PolicyRule } from '../../../api/types/rbac-v1.ts'
import type { Attributes } from '../auth.ts'

type ResourceAttributes = Extract<Attributes, { readonly kind: 'resource' }>

/** A PolicyRule prepared for matching; absent parts match nothing. Source: kubernetes, pkg/apis/rbac/v1/evaluation_helpers.go. */
export interface CompiledRule {
  readonly verbs: ReadonlySet<string>
  readonly groups: ReadonlySet<string>
  readonly resources: ReadonlySet<string>
  /** Undefined: every object. */
  readonly names: ReadonlySet<string> | undefined
  readonly paths: readonly string[]
}

const ALL = '*'
const compiled = new WeakMap<PolicyRule, CompiledRule>()

/** Remembered by identity: rules of cached objects never change. */
export function compileRule(rule: PolicyRule): CompiledRule {
  let result = compiled.get(rule)
  if (result === undefined) {
    const names = rule.resourceNames ?? []
    result = {
      verbs: new Set(rule.verbs),
      groups: new Set(rule.apiGroups),
      resources: new Set(rule.resources),
      names: names.length === 0 ? undefined : new Set(names),
      paths: rule.nonResourceURLs ?? [],
    }
    compiled.set(rule, result)
  }
  return result
}

/** Everything but the object's name, which `names` narrows further. */
export function matchesResource(rule: CompiledRule, { verb, group, resource, subresource }: ResourceAttributes): boolean {
  return has(rule.verbs, verb) && has(rule.groups, group) && coversResource(rule.resources, resource, subresource)
}

/** For requests that are about no resource. A pattern may end in `*`. */
export function matchesPath(rule: CompiledRule, verb: string, path: string): boolean {
  return has(rule.verbs, verb) && rule.paths.some((pattern) => matchesPattern(pattern, path))
}

/** The whole question at once, for short fixed lists of rules. */
export function allows(rule: CompiledRule, attributes: Attributes): boolean {
  if (attributes.kind === 'path') return matchesPath(rule, attributes.verb, attributes.path)
  return matchesResource(rule, attributes) && (rule.names === undefined || rule.names.has(attributes.name))
}

/** `*` alone is everything; at the end it stands for any rest. */
export function matchesPattern(pattern: string, path: string): boolean {
  if (pattern === ALL || pattern === path) return true
  return pattern.endsWith(ALL) && path.startsWith(pattern.replace(/\*+$/, ''))
}

function has(set: ReadonlySet<string>, value: string): boolean {
  return set.has(value) || set.has(ALL)
}

/** `*` covers subresources too, a plain resource does not, and `*\/scale` covers that subresource of all. */
function coversResource(set: ReadonlySet<string>, resource: string, subresource: string): boolean {
  if (set.has(ALL)) return true
  if (subresource === '') return set.has(resource)
  return set.has(`${resource}/${subresource}`) || set.has(`*/${subresource}`)
}
