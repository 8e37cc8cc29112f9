import type { PolicyRule } from '../../../api/types/rbac-v1.ts'
import { matchesPattern } from './rule.ts'

/**
 * The parts of `wanted` that `held` does not cover, broken down to one verb, group, resource and name each and then joined
 * again by verbs. Empty: everything is covered. Source: kubernetes, component-helpers auth/rbac/validation.
 */
export function uncovered(held: readonly PolicyRule[], wanted: readonly PolicyRule[]): readonly PolicyRule[] {
  return compact(wanted.flatMap(breakDown).filter((part) => !held.some((rule) => covers(rule, part))))
}

/** `{APIGroups:["apps"], Resources:["deployments"], Verbs:["get"]}` */
export function describeRule(rule: PolicyRule): string {
  const parts = [
    part('APIGroups', rule.apiGroups),
    part('Resources', rule.resources),
    part('NonResourceURLs', rule.nonResourceURLs),
    part('ResourceNames', rule.resourceNames),
    part('Verbs', rule.verbs),
  ]
  return `{${parts.filter((text) => text !== '').join(', ')}}`
}

/** Go's %q of a list of strings. */
export function quotedList(texts: readonly string[]): string {
  return `[${texts.map((text) => JSON.stringify(text)).join(' ')}]`
}

function part(label: string, values: readonly string[] | undefined): string {
  return values === undefined || values.length === 0 ? '' : `${label}:${quotedList(values)}`
}

function breakDown(rule: PolicyRule): PolicyRule[] {
  const parts: PolicyRule[] = []
  for (const verb of rule.verbs) {
    for (const group of rule.apiGroups ?? []) {
      for (const resource of rule.resources ?? []) {
        const one = { verbs: [verb], apiGroups: [group], resources: [resource] }
        const names = rule.resourceNames ?? []
        if (names.length === 0) parts.push(one)
        else parts.push(...names.map((name) => ({ ...one, resourceNames: [name] })))
      }
    }
    for (const path of rule.nonResourceURLs ?? []) parts.push({ verbs: [verb], nonResourceURLs: [path] })
  }
  return parts
}

function covers(owner: PolicyRule, part: PolicyRule): boolean {
  return (
    hasAll(owner.verbs, part.verbs) &&
    hasAll(owner.apiGroups, part.apiGroups ?? []) &&
    coversResources(owner.resources ?? [], part.resources ?? []) &&
    (part.nonResourceURLs ?? []).every((path) => (owner.nonResourceURLs ?? []).some((pattern) => matchesPattern(pattern, path))) &&
    coversNames(owner.resourceNames ?? [], part.resourceNames ?? [])
  )
}

function hasAll(owner: readonly string[] | undefined, wanted: readonly string[]): boolean {
  return owner?.includes('*') === true || wanted.every((value) => owner?.includes(value) === true)
}

function coversResources(owner: readonly string[], wanted: readonly string[]): boolean {
  if (owner.includes('*')) return true
  return wanted.every((resource) => {
    const slash = resource.indexOf('/')
    return owner.includes(resource) || (slash >= 0 && owner.includes(`*${resource.slice(slash)}`))
  })
}

/** Rights on named objects never cover rights on all objects. */
function coversNames(owner: readonly string[], wanted: readonly string[]): boolean {
  return owner.length === 0 || (wanted.length > 0 && wanted.every((name) => owner.includes(name)))
}

/** Joins the verbs of parts that are otherwise alike. */
function compact(parts: readonly PolicyRule[]): readonly PolicyRule[] {
  const joined = new Map<string, { rule: PolicyRule; verbs: string[] }>()
  for (const rule of parts) {
    const key = describeRule({ ...rule, verbs: [] })
    const known = joined.get(key)
    if (known === undefined) joined.set(key, { rule, verbs: [...rule.verbs] })
    else known.verbs.push(...rule.verbs.filter((verb) => !known.verbs.includes(verb)))
  }
  return [...joined.values()].map(({ rule, verbs }) => ({ ...rule, verbs }))
}
