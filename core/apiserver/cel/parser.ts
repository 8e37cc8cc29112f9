import type { Entry, Expr, Item } from './ast.ts'
import { Issue } from './issue.ts'
import { MAX_INT, type Token, tokenize } from './lexer.ts'

/** Nesting beyond this is refused rather than risking the stack. */
const MAX_DEPTH = 250
const MAX_LENGTH = 100_000
/** `a && b && …`: each term is one level of the tree. */
const MAX_TERMS = 2_000

const RESERVED: ReadonlySet<string> = new Set(
  'as break const continue else for function if import let loop package namespace return var void while'.split(' '),
)
const RELATIONS: ReadonlySet<string> = new Set(['<', '<=', '>', '>=', '==', '!=', 'in'])

/** Macros: how many names they bind, by their number of arguments. */
const MACROS: Readonly<Record<string, Readonly<Record<number, number>>>> = {
  all: { 2: 1, 3: 2 },
  exists: { 2: 1, 3: 2 },
  exists_one: { 2: 1, 3: 2 },
  existsOne: { 2: 1, 3: 2 },
  map: { 2: 1, 3: 1 },
  filter: { 2: 1 },
  transformList: { 3: 2, 4: 2 },
  transformMap: { 3: 2, 4: 2 },
  transformMapEntry: { 3: 2, 4: 2 },
  optMap: { 2: 1 },
  optFlatMap: { 2: 1 },
}

/** `isFunction` knows functions with dots in their names, such as `sets.contains`. Throws Issue. Source: CEL language definition. */
export function parse(source: string, isFunction: (name: string) => boolean): Expr {
  if (source.length > MAX_LENGTH)
    throw new Issue(0, `expression code point size exceeds limit: size: ${source.length}, limit ${MAX_LENGTH}`)
  return new Parser(tokenize(source), isFunction).whole()
}

class Parser {
  readonly #tokens: readonly Token[]
  readonly #isFunction: (name: string) => boolean
  #index = 0
  #depth = 0

  constructor(tokens: readonly Token[], isFunction: (name: string) => boolean) {
    this.#tokens = tokens
    this.#isFunction = isFunction
  }

  whole(): Expr {
    const expr = this.#expression()
    if (this.#token.type !== 'end') throw this.#unexpected()
    return expr
  }

  get #token(): Token {
    return this.#tokens[this.#index] ?? { type: 'end', text: '<EOF>', value: null, at: 0 }
  }

  #unexpected(): Issue {
    const { text, at, type } = this.#token
    return new Issue(at, `Syntax error: ${type === 'end' ? `mismatched input '${text}'` : `extraneous input '${text}'`}`)
  }

  #is(text: string): boolean {
    const { type } = this.#token
    return (type === 'sign' || (type === 'name' && text === 'in')) && this.#token.text === text
  }

  #take(text: string): boolean {
    if (!this.#is(text)) return false
    this.#index++
    return true
  }

  #expect(text: string): number {
    const { at } = this.#token
    if (!this.#take(text)) throw new Issue(at, `Syntax error: mismatched input '${this.#token.text}' expecting '${text}'`)
    return at
  }

  #expression(): Expr {
    if (++this.#depth > MAX_DEPTH) throw new Issue(this.#token.at, `expression recursion limit exceeded: ${MAX_DEPTH}`)
    const condition = this.#chain(0)
    const { at } = this.#token
    let expr = condition
    if (this.#take('?')) {
      const yes = this.#chain(0)
      this.#expect(':')
      expr = { kind: 'call', name: '_?_:_', target: undefined, args: [condition, yes, this.#expression()], at }
    }
    this.#depth--
    return expr
  }

  /** Binary operators, from the loosest level to the tightest. */
  #chain(level: number): Expr {
    const operators = LEVELS[level]
    if (operators === undefined) return this.#unary()
    let left = this.#chain(level + 1)
    let terms = 1
    for (let sign = this.#token; operators.has(sign.text) && this.#is(sign.text); sign = this.#token) {
      if (++terms > MAX_TERMS) throw new Issue(sign.at, `expression recursion limit exceeded: ${MAX_TERMS}`)
      this.#index++
      const name = sign.text === 'in' ? '@in' : `_${sign.text}_`
      left = { kind: 'call', name, target: undefined, args: [left, this.#chain(level + 1)], at: sign.at }
    }
    return left
  }

  #unary(): Expr {
    const { at } = this.#token
    if (this.#is('!') || this.#is('-')) {
      const sign = this.#token.text
      this.#index++
      if (++this.#depth > MAX_DEPTH) throw new Issue(at, `expression recursion limit exceeded: ${MAX_DEPTH}`)
      const negative = sign === '-' ? this.#negativeNumber(at) : undefined
      const expr: Expr = negative ?? { kind: 'call', name: `${sign}_`, target: undefined, args: [this.#unary()], at }
      this.#depth--
      return expr
    }
    return this.#members(this.#primary())
  }

  #negativeNumber(at: number): Expr | undefined {
    const { type, value } = this.#token
    if (type !== 'value' || (typeof value !== 'bigint' && typeof value !== 'number')) return undefined
    this.#index++
    return this.#members({ kind: 'literal', value: -value, at })
  }

  #members(start: Expr): Expr {
    let expr = start
    for (let deep = 0; ; deep++) {
      const { at } = this.#token
      if (deep > MAX_DEPTH) throw new Issue(at, `expression recursion limit exceeded: ${MAX_DEPTH}`)
      if (this.#take('.')) expr = this.#member(expr)
      else if (this.#take('[')) {
        const isOptional = this.#take('?')
        expr = { kind: 'index', operand: expr, index: this.#expression(), optional: isOptional, at }
        this.#expect(']')
      } else return expr
    }
  }

  #member(operand: Expr): Expr {
    const isOptional = this.#take('?')
    const { type, text, at } = this.#token
    if (type !== 'name' || text === 'in' || text === 'true' || text === 'false' || text === 'null') throw this.#unexpected()
    this.#index++
    if (isOptional || !this.#is('(')) return { kind: 'select', operand, field: text, optional: isOptional, at: at - 1 }
    const callAt = this.#expect('(')
    const args = this.#arguments(')')
    const qualified = qualifiedName(operand)
    const name = qualified === undefined ? '' : `${qualified}.${text}`
    if (this.#isFunction(name)) return { kind: 'call', name, target: undefined, args, at: callAt }
    return macro(text, operand, args, callAt) ?? { kind: 'call', name: text, target: operand, args, at: callAt }
  }

  #arguments(close: string): Expr[] {
    const args: Expr[] = []
    if (this.#take(close)) return args
    do args.push(this.#expression())
    while (this.#take(','))
    this.#expect(close)
    return args
  }

  #primary(): Expr {
    const { type, text, value, at } = this.#token
    if (type === 'value') {
      this.#index++
      if (typeof value === 'bigint' && value > MAX_INT) throw new Issue(at, 'Syntax error: invalid int literal')
      return { kind: 'literal', value, at }
    }
    if (this.#take('(')) {
      const inner = this.#expression()
      this.#expect(')')
      return inner
    }
    if (this.#take('[')) return { kind: 'list', items: this.#items(), at }
    if (this.#take('{')) return { kind: 'map', entries: this.#entries(), at }
    if (this.#take('.')) return this.#primary()
    return type === 'name' ? this.#name(text, at) : this.#fail()
  }

  #fail(): never {
    throw this.#unexpected()
  }

  #name(text: string, at: number): Expr {
    if (text === 'true' || text === 'false') {
      this.#index++
      return { kind: 'literal', value: text === 'true', at }
    }
    if (text === 'null') {
      this.#index++
      return { kind: 'literal', value: null, at }
    }
    if (text === 'in') throw this.#unexpected()
    if (RESERVED.has(text)) throw new Issue(at, `Syntax error: reserved identifier: ${text}`)
    this.#index++
    if (!this.#is('(')) return { kind: 'name', name: text, at }
    const callAt = this.#expect('(')
    const args = this.#arguments(')')
    return text === 'has' ? has(args, callAt) : { kind: 'call', name: text, target: undefined, args, at: callAt }
  }

  #items(): readonly Item[] {
    const items: Item[] = []
    while (!this.#take(']')) {
      const isOptional = this.#take('?')
      items.push({ value: this.#expression(), optional: isOptional })
      if (!this.#is(']')) this.#expect(',')
    }
    return items
  }

  #entries(): readonly Entry[] {
    const entries: Entry[] = []
    while (!this.#take('}')) {
      const isOptional = this.#take('?')
      const key = this.#expression()
      this.#expect(':')
      entries.push({ key, value: this.#expression(), optional: isOptional })
      if (!this.#is('}')) this.#expect(',')
    }
    return entries
  }
}

const LEVELS: readonly ReadonlySet<string>[] = [new Set(['||']), new Set(['&&']), RELATIONS, new Set(['+', '-']), new Set(['*', '/', '%'])]

function has(args: readonly Expr[], at: number): Expr {
  const [field] = args
  if (args.length !== 1 || field?.kind !== 'select' || field.optional) throw new Issue(at, 'invalid argument to has() macro')
  return { kind: 'has', operand: field.operand, field: field.field, at }
}

function macro(name: string, target: Expr, args: readonly Expr[], at: number): Expr | undefined {
  const count = Object.hasOwn(MACROS, name) ? MACROS[name]?.[args.length] : undefined
  if (count === undefined) return undefined
  const vars = args.slice(0, count).map((arg) => {
    if (arg.kind !== 'name') throw new Issue(arg.at, 'argument must be a simple name')
    return arg.name
  })
  if (new Set(vars).size < vars.length) throw new Issue(at, `duplicate variable name: ${vars[0] ?? ''}`)
  return { kind: 'macro', name, target, vars, args: args.slice(count), at }
}

/** `a.b.c` for a plain chain of names. */
export function qualifiedName(expr: Expr): string | undefined {
  if (expr.kind === 'name') return expr.name
  if (expr.kind !== 'select' || expr.optional) return undefined
  const operand = qualifiedName(expr.operand)
  return operand === undefined ? undefined : `${operand}.${expr.field}`
}
