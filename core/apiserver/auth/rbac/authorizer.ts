import type { Attributes, Authorizer, Decision, UserInfo } from '../auth.ts'
import { type BindingIndex, describeGrant, type Grant } from './binding-index.ts'
import { type CompiledRule, compileRule, matchesPath, matchesResource } from './rule.ts'

type ResourceAttributes = Extract<Attributes, { readonly kind: 'resource' }>

/** What is known about one question without the object's name: an answer for all names, and answers for single ones. */
interface Outcome {
  readonly always: Decision | undefined
  readonly named: ReadonlyMap<string, Decision> | undefined
  readonly otherwise: Decision
}

interface UserDecisions {
  readonly version: number
  readonly outcomes: Map<string, Outcome>
}

/** Questions remembered a user; kept far above what a client asks, so that clearing is rare. */
const MAX_OUTCOMES = 4096

/**
 * Role based authorization. Decisions are remembered by the identity of the user record until a role or binding changes:
 * hand in the same record for the same credentials. A remembered decision costs under a microsecond.
 */
export class RbacAuthorizer implements Authorizer {
  readonly #index: BindingIndex
  readonly #decisions = new WeakMap<UserInfo, UserDecisions>()

  constructor(index: BindingIndex) {
    this.#index = index
  }

  authorize(attributes: Attributes): Decision {
    const { outcomes } = this.#decisionsOf(attributes.user)
    const key = keyOf(attributes)
    let outcome = outcomes.get(key)
    if (outcome === undefined) {
      outcome = this.#decide(attributes)
      if (outcomes.size >= MAX_OUTCOMES) outcomes.clear()
      outcomes.set(key, outcome)
    }
    if (outcome.always !== undefined) return outcome.always
    return (attributes.kind === 'resource' ? outcome.named?.get(attributes.name) : undefined) ?? outcome.otherwise
  }

  #decisionsOf(user: UserInfo): UserDecisions {
    const known = this.#decisions.get(user)
    if (known?.version === this.#index.version) return known
    const fresh = { version: this.#index.version, outcomes: new Map<string, Outcome>() }
    this.#decisions.set(user, fresh)
    return fresh
  }

  #decide(attributes: Attributes): Outcome {
    const namespace = attributes.kind === 'resource' ? attributes.namespace : ''
    const named = new Map<string, Decision>()
    const problems: string[] = []
    for (const grant of this.#index.grantsOf(attributes.user, namespace)) {
      const rules = this.#index.rulesOf(grant.roleRef, grant.namespace)
      if (typeof rules === 'string') {
        problems.push(rules)
        continue
      }
      const match = matchAny(rules.map(compileRule), attributes)
      if (match === 'all') return { always: allowedBy(grant), named: undefined, otherwise: deniedFor(problems) }
      for (const name of match) if (!named.has(name)) named.set(name, allowedBy(grant))
    }
    return { always: undefined, named: named.size === 0 ? undefined : named, otherwise: deniedFor(problems) }
  }
}

/** Whether the rules allow the question for all objects, else for which ones. */
function matchAny(rules: readonly CompiledRule[], attributes: Attributes): 'all' | readonly string[] {
  if (attributes.kind === 'path') return rules.some((rule) => matchesPath(rule, attributes.verb, attributes.path)) ? 'all' : []
  const names: string[] = []
  for (const rule of rules) {
    if (!matchesResource(rule, attributes)) continue
    if (rule.names === undefined) return 'all'
    names.push(...rule.names)
  }
  return names
}

function keyOf(attributes: Attributes): string {
  return attributes.kind === 'resource' ? resourceKey(attributes) : `${attributes.verb} ${attributes.path}`
}

/** No part of it can contain a `|`, but for what no rule matches anyway. */
function resourceKey({ verb, group, resource, subresource, namespace }: ResourceAttributes): string {
  return `${verb}|${group}|${resource}|${subresource}|${namespace}`
}

function allowedBy(grant: Grant): Decision {
  return { allowed: true, reason: `RBAC: allowed by ${describeGrant(grant)}` }
}

const DENIED: Decision = Object.freeze({ allowed: false, reason: '' })

function deniedFor(problems: readonly string[]): Decision {
  if (problems.length === 0) return DENIED
  const unique = [...new Set(problems)]
  return { allowed: false, reason: `RBAC: ${unique.length === 1 ? (unique[0] ?? '') : `[${unique.join(', ')}]`}` }
}
