import type {
  FlowSchema,
  NonResourcePolicyRule,
  PolicyRulesWithSubjects,
  PriorityLevelConfiguration,
  ResourcePolicyRule,
  Subject,
} from '../../api/types/flowcontrol-v1.ts'
import type { ObjectReader } from '../admission/admission.ts'
import type { UserInfo } from '../auth/auth.ts'
import type { RequestInfo } from '../request-info.ts'

const GROUP = 'flowcontrol.apiserver.k8s.io'
const SCHEMAS = { group: GROUP, resource: 'flowschemas' } as const
const LEVELS = { group: GROUP, resource: 'prioritylevelconfigurations' } as const

/**
 * The response headers that tell which flow schema a request belongs to. Clients take them as the sign that the server
 * guards itself, and then leave their own rate limits off.
 */
export type FlowHeaders = Readonly<Record<string, string>>

/** Finds the flow schema of a request; undefined when none matches. Source: KEP-1040, apiserver, util/flowcontrol. */
export type ClassifyFlow = (user: UserInfo, info: RequestInfo) => FlowHeaders | undefined

/** Answers remembered for one user. */
const REMEMBERED = 500

/** Remembers answers by user and kind of request until a schema or level changes. */
export function createFlowClassifier(reader: ObjectReader): ClassifyFlow {
  let schemas: readonly Compiled[] | undefined
  let known = new WeakMap<UserInfo, Map<string, FlowHeaders | undefined>>()
  const forget = (): void => {
    schemas = undefined
    known = new WeakMap()
  }
  reader.onChange(SCHEMAS, forget)
  reader.onChange(LEVELS, forget)
  return (user, info) => {
    let answers = known.get(user)
    if (answers === undefined) known.set(user, (answers = new Map<string, FlowHeaders | undefined>()))
    const key = keyOf(info)
    if (answers.has(key)) return answers.get(key)
    schemas ??= compile(reader)
    const found = schemas.find(({ rules }) => rules.some((rule) => matches(rule, user, info)))?.headers
    if (answers.size < REMEMBERED) answers.set(key, found)
    return found
  }
}

interface Compiled {
  readonly rules: readonly PolicyRulesWithSubjects[]
  readonly headers: FlowHeaders
}

/** Lower precedence first, then by name. */
function compile(reader: ObjectReader): readonly Compiled[] {
  const order = (schema: FlowSchema): number => schema.spec.matchingPrecedence
  return reader
    .list<FlowSchema>(SCHEMAS)
    .toSorted((a, b) => order(a) - order(b) || (a.metadata.name < b.metadata.name ? -1 : 1))
    .flatMap(({ metadata, spec }) => {
      const level = reader.get<PriorityLevelConfiguration>(LEVELS, '', spec.priorityLevelConfiguration.name)
      if (level === undefined) return []
      const headers = { 'x-kubernetes-pf-flowschema-uid': metadata.uid, 'x-kubernetes-pf-prioritylevel-uid': level.metadata.uid }
      return [{ rules: spec.rules ?? [], headers }]
    })
}

function keyOf(info: RequestInfo): string {
  if (info.kind === 'path') return `${info.verb} ${info.path}`
  return `${info.verb} ${info.group}/${info.resource}/${info.subresource} ${info.namespace}`
}

function matches(
  { subjects, resourceRules = [], nonResourceRules = [] }: PolicyRulesWithSubjects,
  user: UserInfo,
  info: RequestInfo,
): boolean {
  if (!subjects.some((subject) => isSubject(subject, user))) return false
  return info.kind === 'path'
    ? nonResourceRules.some((rule) => coversPath(rule, info.verb, info.path))
    : resourceRules.some((rule) => coversResource(rule, info))
}

function isSubject({ kind, user, group, serviceAccount }: Subject, { name, groups }: UserInfo): boolean {
  switch (kind) {
    case 'User':
      return user !== undefined && (user.name === '*' || user.name === name)
    case 'Group':
      return group !== undefined && (group.name === '*' || groups.includes(group.name))
    case 'ServiceAccount': {
      if (serviceAccount === undefined) return false
      const prefix = `system:serviceaccount:${serviceAccount.namespace}:`
      return name.startsWith(prefix) && (serviceAccount.name === '*' || name === prefix + serviceAccount.name)
    }
    default:
      return false
  }
}

function coversResource(rule: ResourcePolicyRule, info: Extract<RequestInfo, { kind: 'resource' }>): boolean {
  const resource = info.subresource === '' ? info.resource : `${info.resource}/${info.subresource}`
  if (!has(rule.verbs, info.verb) || !has(rule.apiGroups, info.group) || !has(rule.resources, resource)) return false
  return info.namespace === '' ? rule.clusterScope === true : has(rule.namespaces, info.namespace)
}

function coversPath({ verbs, nonResourceURLs }: NonResourcePolicyRule, verb: string, path: string): boolean {
  return has(verbs, verb) && nonResourceURLs.some((url) => url === path || (url.endsWith('*') && path.startsWith(url.slice(0, -1))))
}

function has(allowed: readonly string[], value: string): boolean {
  return allowed.includes('*') || allowed.includes(value)
}
