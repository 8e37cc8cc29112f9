import {
  aggregateText,
  formatRequirement,
  type Labels,
  matchesRequirement,
  type Requirement,
  requirementProblems,
  type SelectorOperator,
} from './requirement.ts'
import { parseRequirements } from './selector-parser.ts'
import { StatusError } from './status-error.ts'

/** All requirements must hold; none at all matches everything. */
export interface Selector {
  readonly requirements: readonly Requirement[]
  /** Matches no object whatever the requirements say: what an absent LabelSelector means. */
  readonly nothing?: boolean
}

/** Structural twin of meta/v1 LabelSelector. */
export interface LabelSelectorLike {
  readonly matchLabels?: Readonly<Record<string, string>> | undefined
  readonly matchExpressions?:
    | readonly { readonly key: string; readonly operator: string; readonly values?: readonly string[] | undefined }[]
    | undefined
}

export const EVERYTHING: Selector = Object.freeze({ requirements: [] })
export const NOTHING: Selector = Object.freeze({ requirements: [], nothing: true })

/**
 * Parses the string form (`a=b,c in (d,e),!f,g>1`). Throws StatusError BadRequest with Kubernetes' text.
 * Source: Kubernetes documentation, "Labels and Selectors".
 */
export function parseLabelSelector(text: string): Selector {
  if (text.trim() === '') return EVERYTHING
  const parsed = parseRequirements(text)
  if (typeof parsed === 'string') throw new StatusError('BadRequest', parsed)
  return { requirements: [...parsed].sort((a, b) => compare(a.key, b.key)) }
}

/** Requirements from a plain map, as Services and ReplicationControllers select. Empty or absent matches nothing when `emptyMatches` is false. */
export function selectorOfMap(map: Labels, emptyMatches = true): Selector {
  const keys = Object.keys(map ?? {})
  if (keys.length === 0) return emptyMatches ? EVERYTHING : NOTHING
  return { requirements: keys.sort().map((key) => ({ key, operator: '=', values: [map?.[key] ?? ''] })) }
}

const converted = new WeakMap<object, Selector>()

/**
 * From a LabelSelector object; absent matches nothing, empty matches everything. Throws StatusError BadRequest for what the string
 * form would reject. Results are remembered by identity: pass objects that never change.
 */
export function selectorOf(source: LabelSelectorLike | undefined): Selector {
  if (source === undefined) return NOTHING
  const known = converted.get(source)
  if (known !== undefined) return known
  const requirements: Requirement[] = Object.entries(source.matchLabels ?? {}).map(([key, value]) => required(key, '=', [value]))
  for (const { key, operator, values } of source.matchExpressions ?? [])
    requirements.push(required(key, operatorOf(operator), values ?? []))
  const selector = requirements.length === 0 ? EVERYTHING : { requirements: requirements.sort((a, b) => compare(a.key, b.key)) }
  converted.set(source, selector)
  return selector
}

/** All requirements must hold; a selector of none matches everything, unless it says `nothing`. */
export function matchesLabels(selector: Selector, labels: Labels): boolean {
  if (selector.nothing === true) return false
  for (const requirement of selector.requirements) if (!matchesRequirement(requirement, labels)) return false
  return true
}

/** The string form that `parseLabelSelector` reads back. */
export function formatSelector(selector: Selector): string {
  return selector.requirements.map(formatRequirement).join(',')
}

/** What `kubectl` prints for a LabelSelector: `<none>` when empty, `<error>` when it cannot be read. */
export function formatLabelSelector(source: LabelSelectorLike | undefined): string {
  try {
    const text = formatSelector(selectorOf(source))
    return text === '' ? '<none>' : text
  } catch {
    // Only an operator or a value that validation rejects ends here; printing goes on.
    return '<error>'
  }
}

function required(key: string, operator: SelectorOperator, values: readonly string[]): Requirement {
  const requirement = { key, operator, values: [...new Set(values)].sort(compare) }
  const problems = requirementProblems(requirement)
  if (problems.length > 0) throw new StatusError('BadRequest', aggregateText(problems))
  return requirement
}

function operatorOf(operator: string): SelectorOperator {
  switch (operator) {
    case 'In':
      return 'in'
    case 'NotIn':
      return 'notin'
    case 'Exists':
      return 'exists'
    case 'DoesNotExist':
      return '!'
    default:
      throw new StatusError('BadRequest', `${JSON.stringify(operator)} is not a valid label selector operator`)
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
