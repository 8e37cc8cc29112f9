import type {
  FlowSchema,
  LimitResponse,
  NonResourcePolicyRule,
  PolicyRulesWithSubjects,
  PriorityLevelConfiguration,
  QueuingConfiguration,
  ResourcePolicyRule,
  Subject,
} from '../../api/types/flowcontrol-v1.ts'
import { duplicate, type FieldError, forbidden, invalid, notSupported, required } from '../../meta/field-error.ts'
import { dns1123LabelProblems, dns1123SubdomainProblems } from '../../meta/names.ts'
import { checkEnum, checkFormat, checkRequired, type Problems } from './validation/common.ts'

const MAX_PRECEDENCE = 10_000
const VERBS = ['*', 'create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch', 'proxy']
const HTTP_VERBS = ['*', 'get', 'head', 'post', 'put', 'patch', 'delete', 'options']
const ALL = '*'

/** Source: shared validation facts, flowcontrol/FlowSchemaSpec and below. */
export function validateFlowSchema({ metadata, spec }: FlowSchema): readonly FieldError[] {
  const problems: Problems = []
  const { matchingPrecedence: precedence, distinguisherMethod, priorityLevelConfiguration: level } = spec
  const at = 'spec.matchingPrecedence'
  if (precedence <= 0) problems.push(invalid(at, precedence, 'must be a positive value'))
  if (precedence > MAX_PRECEDENCE) problems.push(invalid(at, precedence, `must not be greater than ${MAX_PRECEDENCE}`))
  if (precedence === 1 && metadata.name !== 'exempt')
    problems.push(invalid(at, precedence, "only the schema named 'exempt' may have matchingPrecedence 1"))
  checkEnum(distinguisherMethod?.type, 'spec.distinguisherMethod.type', ['ByNamespace', 'ByUser'], problems)
  if (level.name === '') problems.push(required('spec.priorityLevelConfiguration.name', 'must reference a priority level'))
  else checkFormat(level.name, 'spec.priorityLevelConfiguration.name', dns1123SubdomainProblems, problems)
  spec.rules?.forEach((rule, i) => {
    checkRule(rule, `spec.rules[${i}]`, problems)
  })
  return problems
}

function checkRule(
  { subjects, resourceRules = [], nonResourceRules = [] }: PolicyRulesWithSubjects,
  path: string,
  problems: Problems,
): void {
  if (subjects.length === 0) problems.push(required(`${path}.subjects`, 'subjects must contain at least one value'))
  subjects.forEach((subject, i) => {
    checkSubject(subject, `${path}.subjects[${i}]`, problems)
  })
  if (resourceRules.length === 0 && nonResourceRules.length === 0)
    problems.push(required(path, 'at least one of resourceRules and nonResourceRules has to be non-empty'))
  resourceRules.forEach((rule, i) => {
    checkResourceRule(rule, `${path}.resourceRules[${i}]`, problems)
  })
  nonResourceRules.forEach((rule, i) => {
    checkNonResourceRule(rule, `${path}.nonResourceRules[${i}]`, problems)
  })
}

const SUBJECT_FIELDS = { user: 'User', group: 'Group', serviceAccount: 'ServiceAccount' } as const

function checkSubject(subject: Subject, path: string, problems: Problems): void {
  const kinds: readonly string[] = Object.values(SUBJECT_FIELDS)
  if (!kinds.includes(subject.kind)) problems.push(notSupported(`${path}.kind`, subject.kind, kinds))
  else
    for (const field of ['user', 'group', 'serviceAccount'] as const) {
      const [kind, value] = [SUBJECT_FIELDS[field], subject[field]]
      const at = `${path}.${field}`
      if (kind !== subject.kind) {
        if (value !== undefined) problems.push(forbidden(at, `${field} is forbidden when subject kind is not '${kind}'`))
      } else if (value === undefined) problems.push(required(at, `${field} is required when subject kind is '${kind}'`))
      else checkSubjectName(value, field, at, problems)
    }
}

interface Named {
  readonly name: string
  readonly namespace?: string
}

function checkSubjectName({ name, namespace = '' }: Named, field: string, path: string, problems: Problems): void {
  checkRequired(name, `${path}.name`, problems)
  if (field !== 'serviceAccount') return
  if (name !== '' && name !== ALL) checkFormat(name, `${path}.name`, dns1123SubdomainProblems, problems)
  if (namespace === '') problems.push(required(`${path}.namespace`, 'must specify namespace for service account'))
  else checkFormat(namespace, `${path}.namespace`, dns1123LabelProblems, problems)
}

interface ListRule {
  readonly path: string
  readonly empty: string
  readonly others: string
}

/** A list that needs a member, and in which a star stands alone. */
function checkStarList(values: readonly string[], { path, empty, others }: ListRule, problems: Problems): void {
  if (values.length === 0) problems.push(required(path, empty))
  else if (values.length > 1 && values.includes(ALL))
    problems.push(invalid(path, values, `if '*' is present, must not specify other ${others}`))
}

function checkVerbs(verbs: readonly string[], path: string, known: readonly string[], problems: Problems): void {
  checkStarList(verbs, { path, empty: 'verbs must contain at least one value', others: 'verbs' }, problems)
  if (verbs.some((verb) => !known.includes(verb))) problems.push(notSupported(path, verbs, known))
}

function checkResourceRule(rule: ResourcePolicyRule, path: string, problems: Problems): void {
  checkVerbs(rule.verbs, `${path}.verbs`, VERBS, problems)
  const groups = { path: `${path}.apiGroups`, empty: 'resource rules must supply at least one api group', others: 'api groups' }
  checkStarList(rule.apiGroups, groups, problems)
  const resources = { path: `${path}.resources`, empty: 'resource rules must supply at least one resource', others: 'resources' }
  checkStarList(rule.resources, resources, problems)
  const empty = 'resource rules that are not cluster scoped must supply at least one namespace'
  if (rule.namespaces.length > 0 || rule.clusterScope !== true)
    checkStarList(rule.namespaces, { path: `${path}.namespaces`, empty, others: 'namespaces' }, problems)
  rule.namespaces.forEach((namespace, i) => {
    if (namespace !== ALL) checkFormat(namespace, `${path}.namespaces[${i}]`, dns1123LabelProblems, problems)
  })
}

function checkNonResourceRule({ verbs, nonResourceURLs: urls }: NonResourcePolicyRule, path: string, problems: Problems): void {
  checkVerbs(verbs, `${path}.verbs`, HTTP_VERBS, problems)
  const at = `${path}.nonResourceURLs`
  checkStarList(urls, { path: at, empty: 'nonResourceURLs must contain at least one value', others: 'non-resource URLs' }, problems)
  urls.forEach((url, i) => {
    const text = urlProblem(url)
    if (text !== undefined) problems.push(invalid(`${at}[${i}]`, url, text))
  })
}

function urlProblem(url: string): string | undefined {
  if (url === '') return 'must not be empty'
  if (url === ALL || url === '/') return undefined
  if (!url.startsWith('/')) return 'must start with slash'
  if (/\s/.test(url)) return 'must not contain white-space'
  if (url.includes('//')) return 'must not contain double slash'
  const star = url.indexOf(ALL)
  return star >= 0 && !(star === url.length - 1 && url.endsWith('/*')) ? 'wildcard can only do suffix matching' : undefined
}

/** Source: shared validation facts, flowcontrol/PriorityLevelConfigurationSpec and below. */
export function validatePriorityLevel({ metadata, spec }: PriorityLevelConfiguration): readonly FieldError[] {
  const problems: Problems = []
  const { type, limited, exempt } = spec
  if ((metadata.name === 'exempt') !== (type === 'Exempt'))
    problems.push(invalid('spec.type', type, "must be 'Exempt' if and only if `name` is 'exempt'"))
  if (type === 'Exempt') {
    if (limited !== undefined) problems.push(forbidden('spec.limited', 'must be nil if the type is not Limited'))
    if (exempt !== undefined) checkShares(exempt, 'spec.exempt', problems)
  } else if (type === 'Limited') {
    if (exempt !== undefined) problems.push(forbidden('spec.exempt', 'must be nil if the type is Limited'))
    if (limited === undefined) problems.push(required('spec.limited', 'must not be empty when type is Limited'))
    else checkLimited(limited, 'spec.limited', problems)
  } else problems.push(notSupported('spec.type', type, ['Exempt', 'Limited']))
  return problems
}

interface Shares {
  readonly nominalConcurrencyShares?: number | undefined
  readonly lendablePercent?: number | undefined
}

function checkShares({ nominalConcurrencyShares: shares, lendablePercent }: Shares, path: string, problems: Problems): void {
  if (shares !== undefined && shares < 0)
    problems.push(invalid(`${path}.nominalConcurrencyShares`, shares, 'must be a non-negative integer'))
  if (lendablePercent !== undefined && (lendablePercent < 0 || lendablePercent > 100))
    problems.push(invalid(`${path}.lendablePercent`, lendablePercent, 'must be between 0 and 100, inclusive'))
}

type Limited = NonNullable<PriorityLevelConfiguration['spec']['limited']>

function checkLimited(limited: Limited, path: string, problems: Problems): void {
  checkShares(limited, path, problems)
  checkResponse(limited.limitResponse, `${path}.limitResponse`, problems)
  const borrowing = limited.borrowingLimitPercent
  if (borrowing !== undefined && borrowing < 0)
    problems.push(invalid(`${path}.borrowingLimitPercent`, borrowing, 'if specified, must be a non-negative integer'))
}

function checkResponse({ type, queuing }: LimitResponse, path: string, problems: Problems): void {
  const at = `${path}.queuing`
  if (type === 'Reject') {
    if (queuing !== undefined) problems.push(forbidden(at, 'must be nil if limited.limitResponse.type is not Limited'))
  } else if (type !== 'Queue') problems.push(notSupported(`${path}.type`, type, ['Queue', 'Reject']))
  else if (queuing === undefined) problems.push(required(at, 'must not be empty if limited.limitResponse.type is Limited'))
  else checkQueuing(queuing, at, problems)
}

const MAX_QUEUES = 10_000_000
/** Shuffle sharding deals hands from a 64-bit hash and keeps four bits to spare. */
const MAX_ENTROPY_BITS = 60

function checkQueuing({ queues, handSize, queueLengthLimit }: QueuingConfiguration, path: string, problems: Problems): void {
  if (queueLengthLimit <= 0) problems.push(invalid(`${path}.queueLengthLimit`, queueLengthLimit, 'must be positive'))
  if (queues <= 0) problems.push(invalid(`${path}.queues`, queues, 'must be positive'))
  else if (queues > MAX_QUEUES) problems.push(invalid(`${path}.queues`, queues, `must not be greater than ${MAX_QUEUES}`))
  const at = `${path}.handSize`
  if (handSize <= 0) problems.push(invalid(at, handSize, 'must be positive'))
  else if (handSize > queues) problems.push(invalid(at, handSize, `should not be greater than queues (${queues})`))
  else if (entropyBits(queues, handSize) > MAX_ENTROPY_BITS)
    problems.push(
      invalid(
        at,
        handSize,
        `required entropy bits of deckSize ${queues} and handSize ${handSize} should not be greater than ${MAX_ENTROPY_BITS}`,
      ),
    )
}

/** Bits that tell all hands of this size from the deck apart. */
function entropyBits(deck: number, hand: number): number {
  let bits = 0
  for (let i = 0; i < hand; i++) bits += Math.log2(deck - i)
  return Math.ceil(bits)
}

/** Conditions of both kinds: each of its own type. */
export function validateFlowControlStatus({ status }: FlowSchema | PriorityLevelConfiguration): readonly FieldError[] {
  const problems: Problems = []
  const seen = new Set<string>()
  status.conditions?.forEach(({ type = '' }, i) => {
    const at = `status.conditions[${i}].type`
    if (seen.has(type)) problems.push(duplicate(at, type))
    seen.add(type)
    if (type === '') problems.push(required(at))
  })
  return problems
}
