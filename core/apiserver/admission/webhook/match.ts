import type { RuleWithOperations } from '../../../api/types/admissionregistration-v1.ts'
import type { Namespace } from '../../../api/types/core-v1.ts'
import { type LabelSelectorLike, matchesLabels, selectorOf } from '../../../meta/selector.ts'
import { notFound } from '../../errors.ts'
import type { ResourceDef } from '../../resources/resource-def.ts'
import type { AdmissionAttributes, ObjectReader } from '../admission.ts'
import { denied } from '../denied.ts'
import { requestVariables, type VariableDeps } from '../request-variables.ts'
import { isResource, NAMESPACES } from '../target.ts'
import type { Hook } from './hook.ts'

/** What a webhook is asked about: the resource its rule names, which may be another version than the request's. */
export interface Match {
  readonly def: ResourceDef
}

export interface MatchDeps extends VariableDeps {
  /** Other served versions of the same stored objects; rules with matchPolicy Equivalent match them too. */
  readonly equivalents: (def: ResourceDef) => readonly ResourceDef[]
}

/** A broken webhook must stay repairable, so nobody is asked about these. */
const EXEMPT: ReadonlySet<string> = new Set(
  [
    'mutatingwebhookconfigurations',
    'validatingwebhookconfigurations',
    'validatingadmissionpolicies',
    'validatingadmissionpolicybindings',
    'mutatingadmissionpolicies',
    'mutatingadmissionpolicybindings',
  ].map((resource) => `admissionregistration.k8s.io/${resource}`),
)

/** Configurations of webhooks and policies: a broken one must not keep itself from being mended. */
export function isExempt({ def }: AdmissionAttributes): boolean {
  return EXEMPT.has(`${def.group}/${def.resource}`)
}

/** Throws StatusError NotFound when the namespace, whose labels decide, is gone. Source: apiserver, plugin/webhook/generic, predicates. */
export function matchHook(hook: Hook, attributes: AdmissionAttributes, deps: MatchDeps): Match | undefined {
  const { reader, equivalents } = deps
  const def = matchRules(hook, attributes, equivalents)
  if (def === undefined) return undefined
  if (!matchesNamespace(hook.namespaceSelector, attributes, reader)) return undefined
  if (!matchesObject(hook.objectSelector, attributes)) return undefined
  return holds(hook, attributes, { def }, deps) ? { def } : undefined
}

/** Conditions that cannot be evaluated count as the failure policy says. Throws StatusError Forbidden. */
function holds({ conditions, failurePolicy }: Hook, attributes: AdmissionAttributes, { def }: Match, deps: MatchDeps): boolean {
  const verdict = conditions?.()(requestVariables(attributes, def, deps))
  if (verdict === undefined) return true
  if (verdict.problem === undefined) return verdict.matches
  if (failurePolicy === 'Ignore') return false
  throw denied(attributes, verdict.problem)
}

function matchRules(hook: Hook, attributes: AdmissionAttributes, equivalents: MatchDeps['equivalents']): ResourceDef | undefined {
  const rules = hook.rules ?? []
  if (rules.some((rule) => matchesRule(rule, attributes, attributes.def))) return attributes.def
  if (hook.matchPolicy === 'Exact') return undefined
  return equivalents(attributes.def).find((other) => rules.some((rule) => matchesRule(rule, attributes, other)))
}

/** `def` is the version looked at, which may be another one than was asked for. */
export function matchesRule(
  rule: RuleWithOperations,
  { operation, subresource, namespace }: AdmissionAttributes,
  def: Pick<ResourceDef, 'group' | 'version' | 'resource' | 'kind'>,
): boolean {
  return (
    matchesScope(rule.scope, namespace, def) &&
    includes(rule.operations, operation) &&
    includes(rule.apiGroups, def.group) &&
    includes(rule.apiVersions, def.version) &&
    (rule.resources ?? []).some((pattern) => matchesResource(pattern, def.resource, subresource))
  )
}

/** A namespace itself counts as cluster-scoped although its labels decide. */
function matchesScope(scope: RuleWithOperations['scope'], namespace: string, def: Pick<ResourceDef, 'group' | 'kind'>): boolean {
  const isNamespaced = namespace !== '' && !(def.group === '' && def.kind === 'Namespace')
  if (scope === 'Namespaced') return isNamespaced
  if (scope === 'Cluster') return !isNamespaced
  return true
}

function includes(values: readonly string[] | undefined, value: string): boolean {
  return values?.includes('*') === true || values?.includes(value) === true
}

/** `pods`, `pods/status`, `pods/*`, `*` (no subresources), `*\/scale`, `*\/*`. */
function matchesResource(pattern: string, resource: string, subresource: string): boolean {
  const [wanted = '', wantedSub = ''] = pattern.split('/')
  return (wanted === '*' || wanted === resource) && (wantedSub === '*' || wantedSub === subresource)
}

/** Objects without a namespace match every selector; a Namespace is judged by its own labels. Throws StatusError NotFound. */
export function matchesNamespace(selector: LabelSelectorLike | undefined, attributes: AdmissionAttributes, reader: ObjectReader): boolean {
  const parsed = selectorOf(selector ?? {})
  if (parsed.requirements.length === 0) return true
  if (isResource(attributes, NAMESPACES)) {
    const own = attributes.operation === 'DELETE' ? attributes.oldObject : attributes.object
    return matchesLabels(parsed, own?.metadata.labels)
  }
  const { namespace } = attributes
  if (namespace === '') return true
  const found = reader.get<Namespace>(NAMESPACES, '', namespace)
  if (found === undefined) throw notFound(NAMESPACES, namespace)
  return matchesLabels(parsed, found.metadata.labels)
}

/** Old or new object: a change of labels must not slip past. */
export function matchesObject(selector: LabelSelectorLike | undefined, { object, oldObject }: AdmissionAttributes): boolean {
  const parsed = selectorOf(selector ?? {})
  if (parsed.requirements.length === 0) return true
  return [object, oldObject].some((one) => one !== undefined && matchesLabels(parsed, one.metadata.labels))
}
