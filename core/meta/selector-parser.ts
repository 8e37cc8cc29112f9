import { invalid } from './field-error.ts'
import { problemText, qualifiedNameProblems } from './names.ts'
import { aggregateText, type Requirement, requirementProblems, type SelectorOperator } from './requirement.ts'

type TokenKind = 'end' | 'identifier' | 'in' | 'notin' | '=' | '==' | '!=' | '!' | '>' | '<' | '(' | ')' | ','

interface Token {
  readonly kind: TokenKind
  readonly text: string
}

const SPECIAL = new Set(['=', '!', '(', ')', ',', '>', '<'])
const SPACE = /\s/

class ParseError extends Error {}

/** Parses the text of a label selector; answers the text of the first problem instead when there is one. */
export function parseRequirements(text: string): readonly Requirement[] | string {
  try {
    return new Parser(tokenize(text)).parse()
  } catch (err) {
    if (err instanceof ParseError) return err.message
    throw err
  }
}

function tokenize(text: string): Token[] {
  const tokens: Token[] = []
  let i = 0
  while (i < text.length) {
    const char = text[i] ?? ''
    if (SPACE.test(char)) {
      i += 1
      continue
    }
    const start = i
    if (SPECIAL.has(char)) {
      const two = text.slice(i, i + 2)
      const symbol = two === '==' || two === '!=' ? two : char
      tokens.push({ kind: symbol as TokenKind, text: symbol })
      i += symbol.length
      continue
    }
    while (i < text.length && !SPECIAL.has(text[i] ?? '') && !SPACE.test(text[i] ?? '')) i += 1
    const word = text.slice(start, i)
    tokens.push({ kind: word === 'in' || word === 'notin' ? word : 'identifier', text: word })
  }
  tokens.push({ kind: 'end', text: '' })
  return tokens
}

const EXACT: Partial<Record<TokenKind, SelectorOperator>> = { '=': '=', '==': '==', '!=': '!=', '>': 'gt', '<': 'lt' }

class Parser {
  readonly #tokens: readonly Token[]
  #at = 0

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
  }

  parse(): readonly Requirement[] {
    const requirements: Requirement[] = []
    for (;;) {
      const token = this.#peek()
      if (token.kind === 'end') return requirements
      if (token.kind !== 'identifier' && token.kind !== '!')
        throw new ParseError(`found '${token.text}', expected: !, identifier, or 'end of string'`)
      requirements.push(this.#requirement())
      const next = this.#take()
      if (next.kind === 'end') return requirements
      if (next.kind !== ',') throw new ParseError(`found '${next.text}', expected: ',' or 'end of string'`)
      const after = this.#peek()
      if (after.kind !== 'identifier' && after.kind !== '!') throw new ParseError(`found '${after.text}', expected: identifier after ','`)
    }
  }

  #requirement(): Requirement {
    const negated = this.#peek().kind === '!'
    if (negated) this.#take()
    const key = this.#take()
    if (key.kind !== 'identifier') throw unparsable(`found '${key.text}', expected: identifier`)
    const problem = problemText(qualifiedNameProblems(key.text))
    if (problem !== undefined) throw unparsable(`<nil>: ${invalid('', key.text, problem).message}`)
    const next = this.#peek().kind
    if (negated || next === 'end' || next === ',') return { key: key.text, operator: negated ? '!' : 'exists', values: [] }
    return this.#comparison(key.text)
  }

  #comparison(key: string): Requirement {
    const token = this.#take(true)
    const operator = token.kind === 'in' || token.kind === 'notin' ? token.kind : EXACT[token.kind]
    if (operator === undefined) throw unparsable(`found '${token.text}', expected: in, notin, =, ==, !=, gt, lt`)
    const values = operator === 'in' || operator === 'notin' ? this.#valueSet() : [this.#exactValue()]
    const requirement = { key, operator, values: [...new Set(values)].sort() }
    const problems = requirementProblems(requirement)
    if (problems.length > 0) throw unparsable(aggregateText(problems))
    return requirement
  }

  #exactValue(): string {
    const kind = this.#peek().kind
    if (kind === 'end' || kind === ',') return ''
    const token = this.#take()
    if (token.kind !== 'identifier') throw unparsable(`found '${token.text}', expected: identifier`)
    return token.text
  }

  #valueSet(): readonly string[] {
    const open = this.#take()
    if (open.kind !== '(') throw unparsable(`found '${open.text}' expected: '('`)
    const first = this.#peek()
    if (first.kind === ')') {
      this.#take()
      return []
    }
    if (first.kind !== 'identifier' && first.kind !== ',') throw unparsable(`found '${first.text}', expected: ',', ')' or identifier`)
    const values = this.#identifiers()
    const close = this.#take()
    if (close.kind !== ')') throw unparsable(`found '${close.text}', expected: ')'`)
    return values
  }

  /** An empty place between commas stands for the empty string. */
  #identifiers(): readonly string[] {
    const values: string[] = []
    for (;;) {
      const token = this.#take()
      if (token.kind === 'identifier') {
        values.push(token.text)
        const next = this.#peek()
        if (next.kind === ')') return values
        if (next.kind !== ',') throw unparsable(`found '${next.text}', expected: ',' or ')'`)
      } else if (token.kind === ',') {
        if (values.length === 0) values.push('')
        const next = this.#peek()
        if (next.kind === ')') return [...values, '']
        if (next.kind === ',') {
          this.#take()
          values.push('')
        }
      } else throw unparsable(`found '${token.text}', expected: ',', or identifier`)
    }
  }

  #peek(): Token {
    return this.#asValue(this.#tokens[Math.min(this.#at, this.#tokens.length - 1)])
  }

  /** `in` and `notin` are ordinary words except where an operator must stand. */
  #take(operatorExpected = false): Token {
    const token = this.#tokens[Math.min(this.#at, this.#tokens.length - 1)]
    this.#at += 1
    return operatorExpected ? (token ?? END) : this.#asValue(token)
  }

  #asValue(token: Token = END): Token {
    return token.kind === 'in' || token.kind === 'notin' ? { kind: 'identifier', text: token.text } : token
  }
}

const END: Token = { kind: 'end', text: '' }

function unparsable(text: string): ParseError {
  return new ParseError(`unable to parse requirement: ${text}`)
}
