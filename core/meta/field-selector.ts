import { StatusError } from './status-error.ts'

export interface FieldRequirement {
  readonly field: string
  readonly operator: '=' | '!='
  readonly value: string
}

/** All must hold; the empty list matches everything. */
export type FieldSelector = readonly FieldRequirement[]

/**
 * Parses `metadata.name=a,status.phase!=Running`; `\,`, `\=` and `\\` escape within values.
 * Throws StatusError BadRequest. Whether the fields can be selected is the resource's business.
 * Source: Kubernetes documentation, "Field Selectors".
 */
export function parseFieldSelector(text: string): FieldSelector {
  const requirements: FieldRequirement[] = []
  for (const term of splitTerms(text).sort()) {
    if (term === '') continue
    const parts = splitTerm(term)
    if (parts === undefined) throw new StatusError('BadRequest', `invalid selector: '${text}'; can't understand '${term}'`)
    requirements.push({ field: parts.field, operator: parts.operator === '!=' ? '!=' : '=', value: unescapeValue(parts.value) })
  }
  return requirements
}

/** `valueOf` answers the value of a field of one object; an unknown or absent field counts as empty. */
export function matchesFields(selector: FieldSelector, valueOf: (field: string) => string | undefined): boolean {
  for (const { field, operator, value } of selector) if (((valueOf(field) ?? '') === value) !== (operator === '=')) return false
  return true
}

/** The value that `field` must have, when the selector fixes one: lets a list of one name be a get. */
export function requiredFieldValue(selector: FieldSelector, field: string): string | undefined {
  return selector.find((r) => r.field === field && r.operator === '=')?.value
}

export function formatFieldSelector(selector: FieldSelector): string {
  return selector.map(({ field, operator, value }) => `${field}${operator}${escapeFieldValue(value)}`).join(',')
}

/** Backslashes before what would end a value. */
export function escapeFieldValue(value: string): string {
  return value.replace(/[\\,=]/g, '\\$&')
}

function splitTerms(text: string): string[] {
  const terms: string[] = []
  let start = 0
  for (let i = 0; i < text.length; i += 1) {
    if (text[i] === '\\') i += 1
    else if (text[i] === ',') {
      terms.push(text.slice(start, i))
      start = i + 1
    }
  }
  terms.push(text.slice(start))
  return terms
}

function splitTerm(term: string): { field: string; operator: string; value: string } | undefined {
  for (let i = 0; i < term.length; i += 1) {
    const operator = ['!=', '==', '='].find((symbol) => term.startsWith(symbol, i))
    if (operator !== undefined) return { field: term.slice(0, i), operator, value: term.slice(i + operator.length) }
  }
  return undefined
}

function unescapeValue(text: string): string {
  let value = ''
  for (let i = 0; i < text.length; i += 1) {
    const char = text[i] ?? ''
    if (char === '\\') {
      i += 1
      const escaped = text[i]
      if (escaped !== '\\' && escaped !== ',' && escaped !== '=')
        throw new StatusError('BadRequest', `invalid field selector: invalid escape sequence: \\${escaped ?? ''}`)
      value += escaped
    } else if (char === ',' || char === '=')
      throw new StatusError('BadRequest', `invalid field selector: unescaped character in value: ${char.charCodeAt(0)}`)
    else value += char
  }
  return value
}
