import type { MatchCondition, MatchResources, NamedRuleWithOperations, Rule } from '../../../api/types/admissionregistration-v1.ts'
import { duplicate, invalid, notSupported, required, tooMany } from '../../../meta/field-error.ts'
import { pathSegmentProblems, qualifiedNameProblems } from '../../../meta/names.ts'
import { admissionEnvironment } from '../../cel/admission.ts'
import { compile } from '../../cel/program.ts'
import { BOOL } from '../../cel/types.ts'
import { checkEnum, checkFormat, checkRequiredEnum, type Problems } from '../validation/common.ts'
import { checkLabelSelector } from '../validation/labels.ts'

const ALL = '*'
const OPERATIONS = [ALL, 'CONNECT', 'CREATE', 'DELETE', 'UPDATE']
const SCOPES = [ALL, 'Cluster', 'Namespaced']
const MAX_CONDITIONS = 64
/** Expressions that do not compile, in conditions of webhooks. */
export function checkConditionExpressions(conditions: readonly MatchCondition[], path: string, problems: Problems): void {
  const env = admissionEnvironment({ isPolicy: false })
  conditions.forEach(({ expression }, i) => {
    const compiled = expression.trim() === '' ? undefined : compile(expression, env, [BOOL])
    if (compiled !== undefined && 'problem' in compiled) problems.push(invalid(`${path}[${i}].expression`, expression, compiled.problem))
  })
}

export const FAILURE_POLICIES: readonly string[] = ['Fail', 'Ignore']
export const MATCH_POLICIES: readonly string[] = ['Equivalent', 'Exact']

type WithOperations = Rule & Pick<NamedRuleWithOperations, 'operations'>

/** Source: shared validation facts, admissionregistration/RuleWithOperations. */
export function checkRule(rule: WithOperations, path: string, problems: Problems): void {
  const { operations = [] } = rule
  if (operations.length === 0) problems.push(required(`${path}.operations`))
  if (operations.length > 1 && operations.includes(ALL))
    problems.push(invalid(`${path}.operations`, operations, "if '*' is present, must not specify other operations"))
  operations.forEach((operation, i) => {
    if (!OPERATIONS.includes(operation)) problems.push(notSupported(`${path}.operations[${i}]`, operation, OPERATIONS))
  })
  checkList(rule.apiGroups ?? [], `${path}.apiGroups`, 'API groups', problems)
  checkList(rule.apiVersions ?? [], `${path}.apiVersions`, 'API versions', problems)
  rule.apiVersions?.forEach((version, i) => {
    if (version === '') problems.push(required(`${path}.apiVersions[${i}]`))
  })
  checkResources(rule.resources ?? [], `${path}.resources`, problems)
  checkEnum(rule.scope, `${path}.scope`, SCOPES, problems)
}

function checkList(values: readonly string[], path: string, what: string, problems: Problems): void {
  if (values.length === 0) problems.push(required(path))
  if (values.length > 1 && values.includes(ALL)) problems.push(invalid(path, values, `if '*' is present, must not specify other ${what}`))
}

/** A name with a star on either side of the slash covers what it names: naming the same again is a mistake. */
function checkResources(resources: readonly string[], path: string, problems: Problems): void {
  if (resources.length === 0) problems.push(required(path))
  const whole = new Set<string>()
  const everySub = new Set<string>()
  resources.forEach((text, i) => {
    const at = `${path}[${i}]`
    if (text === '') problems.push(required(at))
    const [resource = '', sub] = text.split('/')
    if (whole.has(resource)) problems.push(invalid(at, text, `if '${resource}/*' is present, must not specify ${text}`))
    if (sub !== undefined && everySub.has(sub)) problems.push(invalid(at, text, `if '*/${sub}' is present, must not specify ${text}`))
    if (sub === ALL) whole.add(resource)
    if (resource === ALL && sub !== undefined && sub !== ALL) everySub.add(sub)
  })
  if (resources.length > 1 && resources.includes('*/*'))
    problems.push(invalid(path, resources, "if '*/*' is present, must not specify other resources"))
  if (resources.includes(ALL) && resources.some((text) => text !== ALL && !text.includes('/')))
    problems.push(invalid(path, resources, "if '*' is present, must not specify other resources without subresources"))
}

export function checkMatchConditions(conditions: readonly MatchCondition[], path: string, problems: Problems): void {
  if (conditions.length > MAX_CONDITIONS) problems.push(tooMany(path, conditions.length, MAX_CONDITIONS))
  const seen = new Set<string>()
  conditions.forEach(({ name, expression }, i) => {
    const at = `${path}[${i}]`
    if (expression.trim() === '') problems.push(required(`${at}.expression`))
    if (name === '') problems.push(required(`${at}.name`))
    else {
      checkFormat(name, `${at}.name`, qualifiedNameProblems, problems)
      if (seen.has(name)) problems.push(duplicate(`${at}.name`, name))
      seen.add(name)
    }
  })
}

/** What a policy or a binding applies to. */
export function checkMatchResources(match: MatchResources, path: string, problems: Problems): void {
  checkRequiredEnum(match.matchPolicy, `${path}.matchPolicy`, MATCH_POLICIES, problems)
  for (const field of ['namespaceSelector', 'objectSelector'] as const) {
    if (match[field] === undefined) problems.push(required(`${path}.${field}`))
    checkLabelSelector(match[field], `${path}.${field}`, problems)
  }
  for (const list of ['resourceRules', 'excludeResourceRules'] as const)
    match[list]?.forEach((rule, i) => {
      checkRule(rule, `${path}.${list}[${i}]`, problems)
      checkNames(rule.resourceNames ?? [], `${path}.${list}[${i}].resourceNames`, problems)
    })
}

function checkNames(names: readonly string[], path: string, problems: Problems): void {
  names.forEach((name, i) => {
    checkFormat(name, `${path}[${i}]`, pathSegmentProblems, problems)
    if (names.indexOf(name) < i) problems.push(duplicate(`${path}[${i}]`, name))
  })
}
