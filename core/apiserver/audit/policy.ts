import { schemaOf } from '../../api/schemas.ts'
import type { GroupResources, Policy, PolicyRule } from '../../api/types/audit-v1.ts'
import { decodeObject } from '../../meta/decode/decode.ts'
import { type FieldError, invalid, notSupported, required } from '../../meta/field-error.ts'
import { dns1123SubdomainProblems } from '../../meta/names.ts'

/** How much of a request is recorded, in rising order. */
export const LEVELS = ['None', 'Metadata', 'Request', 'RequestResponse'] as const
export type Level = (typeof LEVELS)[number]

export const STAGES = ['RequestReceived', 'ResponseStarted', 'ResponseComplete', 'Panic'] as const
export type Stage = (typeof STAGES)[number]

const VERSION = 'audit.k8s.io/v1'

/**
 * Reads a parsed policy file strictly: a misspelt field would record less than somebody believes. Throws a plain Error that names every
 * wrong field. Source: apiserver, pkg/audit/policy/reader.go and pkg/apis/audit/validation.
 */
export function readAuditPolicy(document: unknown): Policy {
  const { apiVersion, kind } = (typeof document === 'object' && document !== null ? document : {}) as Readonly<Record<string, unknown>>
  if (apiVersion !== VERSION || kind !== 'Policy')
    throw new Error(`want apiVersion ${VERSION} and kind Policy, got ${JSON.stringify(apiVersion)} and ${JSON.stringify(kind)}`)
  const decoded = decodeObject(document, schemaOf('audit.k8s.io_v1.Policy'))
  const wrong = [...decoded.errors, ...decoded.unknownFields.map((path) => `unknown field ${JSON.stringify(path)}`)]
  if (wrong.length > 0) throw new Error(wrong.join('; '))
  const policy = decoded.object as unknown as Policy
  if (policy.rules.length === 0) throw new Error('rules: Required value: a policy without rules records nothing')
  const problems = policyProblems(policy)
  if (problems.length > 0) throw new Error(problems.map(({ field, message }) => `${field}: ${message}`).join('; '))
  return policy
}

function policyProblems({ rules, omitStages = [] }: Policy): readonly FieldError[] {
  return [...stageProblems(omitStages, 'omitStages'), ...rules.flatMap((rule, i) => ruleProblems(rule, `rules[${i}]`))]
}

function ruleProblems(rule: PolicyRule, path: string): readonly FieldError[] {
  const { level, resources = [], namespaces = [], nonResourceURLs = [], omitStages = [] } = rule
  const problems: FieldError[] = []
  if (level === '') problems.push(required(`${path}.level`))
  else if (!LEVELS.some((known) => known === level)) problems.push(notSupported(`${path}.level`, level, LEVELS))
  problems.push(...nonResourceURLs.flatMap((url, i) => urlProblems(url, `${path}.nonResourceURLs[${i}]`)))
  problems.push(...resources.flatMap((group, i) => groupProblems(group, `${path}.resources[${i}]`)))
  problems.push(...stageProblems(omitStages, `${path}.omitStages`))
  if (nonResourceURLs.length > 0 && (resources.length > 0 || namespaces.length > 0)) {
    const text = 'rules cannot apply to both regular resources and non-resource URLs'
    problems.push(invalid(`${path}.nonResourceURLs`, nonResourceURLs, text))
  }
  return problems
}

function stageProblems(stages: readonly string[], path: string): readonly FieldError[] {
  return stages.flatMap((stage, i) =>
    STAGES.some((known) => known === stage) ? [] : [invalid(`${path}[${i}]`, stage, `allowed stages are ${STAGES.join(',')}`)],
  )
}

function urlProblems(url: string, path: string): readonly FieldError[] {
  if (url === '*') return []
  const problems: FieldError[] = []
  if (!url.startsWith('/')) problems.push(invalid(path, url, "non-resource URL rules must begin with a '/' character"))
  if (url.slice(0, -1).includes('*')) {
    problems.push(invalid(path, url, "non-resource URL wildcards '*' must be the final character of the rule"))
  }
  return problems
}

function groupProblems({ group = '', resources = [], resourceNames = [] }: GroupResources, path: string): readonly FieldError[] {
  const problems: FieldError[] = []
  if (group !== '') problems.push(...dns1123SubdomainProblems(group).map((text) => invalid(`${path}.group`, group, text)))
  if (resourceNames.length > 0 && resources.length === 0) {
    problems.push(invalid(`${path}.resourceNames`, resourceNames, 'using resourceNames requires at least one resource'))
  }
  return problems
}
