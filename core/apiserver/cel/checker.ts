import type { Entry, Expr, Item, Macro } from './ast.ts'
import type { Environment } from './environment.ts'
import { Issue } from './issue.ts'
import type { Overload } from './overload.ts'
import { qualifiedName } from './parser.ts'
import {
  assignable,
  type Bindings,
  BOOL,
  BYTES,
  DOUBLE,
  DYN,
  INT,
  joined,
  list,
  map,
  NULL,
  optional,
  STRING,
  showType,
  substitute,
  type Type,
  TYPE,
  UINT,
} from './types.ts'
import { Uint } from './values.ts'

/** Names that macros bind, innermost first. */
interface Scope {
  readonly names: Readonly<Record<string, Type>>
  readonly outer: Scope | undefined
}

/** The type of an expression. Throws Issue for the first problem. Source: CEL language definition, "Gradual type checking". */
export function check(expr: Expr, env: Environment): Type {
  return new Checker(env).type(expr, undefined)
}

class Checker {
  readonly #env: Environment
  /** Inside the arguments of `format`, whose lists may mix types. */
  #mixes = false

  constructor(env: Environment) {
    this.#env = env
  }

  type(expr: Expr, scope: Scope | undefined): Type {
    switch (expr.kind) {
      case 'literal':
        return literalType(expr.value)
      case 'name':
        return this.#name(expr, scope)
      case 'select':
        return this.#select(expr, scope)
      case 'has':
        fieldType(this.type(expr.operand, scope), expr)
        return BOOL
      case 'index':
        return this.#index(expr, scope)
      case 'call':
        return this.#call(expr, scope)
      case 'list':
        return list(this.#items(expr.items, scope))
      case 'map':
        return this.#entries(expr.entries, scope)
      case 'macro':
        return this.#macro(expr, scope)
    }
  }

  #name({ name, at }: Expr & { kind: 'name' }, scope: Scope | undefined): Type {
    for (let one = scope; one !== undefined; one = one.outer) {
      const found = Object.hasOwn(one.names, name) ? one.names[name] : undefined
      if (found !== undefined) return found
    }
    const known = this.#env.variable(name)
    if (known !== undefined) return known
    if (this.#env.typeName(name) !== undefined) return TYPE
    throw new Issue(at, `undeclared reference to '${name}' (in container '')`)
  }

  #select(expr: Expr & { kind: 'select' }, scope: Scope | undefined): Type {
    const qualified = qualifiedName(expr)
    if (qualified !== undefined && this.#env.typeName(qualified) !== undefined) return TYPE
    const operand = this.type(expr.operand, scope)
    const isChained = operand.kind === 'optional'
    const field = fieldType(isChained ? (operand.params[0] ?? DYN) : operand, expr)
    return expr.optional || isChained ? optional(field) : field
  }

  #index(expr: Expr & { kind: 'index' }, scope: Scope | undefined): Type {
    const operand = this.type(expr.operand, scope)
    const index = this.type(expr.index, scope)
    const isChained = operand.kind === 'optional'
    const found = elementType(isChained ? (operand.params[0] ?? DYN) : operand, index)
    if (found === undefined) throw mismatch(expr.at, '_[_]', [operand, index])
    return expr.optional || isChained ? optional(found) : found
  }

  #call(expr: Expr & { kind: 'call' }, scope: Scope | undefined): Type {
    const target = expr.target === undefined ? undefined : this.type(expr.target, scope)
    const { name, at } = expr
    const mixes = this.#mixes
    this.#mixes ||= name === 'format' && target?.kind === 'string'
    const args = expr.args.map((arg) => this.type(arg, scope))
    this.#mixes = mixes
    if (name === '_?_:_') return conditional(args, at)
    const overloads = this.#env.overloads(name, target !== undefined)
    if (overloads.length === 0) throw new Issue(at, `undeclared reference to '${name}' (in container '')`)
    const results = resultsOf(overloads, target === undefined ? args : [target, ...args])
    const [first] = results
    if (first === undefined) throw mismatch(at, name, args, target)
    return results.every((other) => showType(other) === showType(first)) ? first : DYN
  }

  #items(items: readonly Item[], scope: Scope | undefined): Type {
    return items.reduce<Type | undefined>((all, item) => this.#together(all, item, scope), undefined) ?? DYN
  }

  /** Literals hold values of one type. */
  #together(all: Type | undefined, { value, optional: isOptional }: Item, scope: Scope | undefined): Type {
    const own = this.type(value, scope)
    const type = isOptional && own.kind === 'optional' ? (own.params[0] ?? DYN) : own
    if (isOptional && own.kind !== 'optional' && own.kind !== 'dyn')
      throw new Issue(value.at, `expected type 'optional_type(${showType(own)})' but found '${showType(own)}'`)
    if (all === undefined) return type
    const both = joined(all, type)
    if (both === undefined && this.#mixes) return DYN
    if (both === undefined) throw new Issue(value.at, `expected type '${showType(all)}' but found '${showType(type)}'`)
    return both
  }

  #entries(entries: readonly Entry[], scope: Scope | undefined): Type {
    let key: Type | undefined
    let value: Type | undefined
    for (const entry of entries) {
      key = this.#together(key, { value: entry.key, optional: false }, scope)
      value = this.#together(value, entry, scope)
    }
    return map(key ?? DYN, value ?? DYN)
  }

  #macro(expr: Macro, scope: Scope | undefined): Type {
    const target = this.type(expr.target, scope)
    const inner: Scope = { names: namesOf(expr, target), outer: scope }
    const types = expr.args.map((arg) => this.type(arg, inner))
    const last = types.at(-1) ?? DYN
    const wantsBool = isPredicate(expr.name) ? types : types.slice(0, -1)
    wantsBool.forEach((type, index) => {
      if (type.kind !== 'bool' && type.kind !== 'dyn')
        throw new Issue(expr.args[index]?.at ?? expr.at, `expected type 'bool' but found '${showType(type)}'`)
    })
    return macroResult(expr, target, last)
  }
}

function literalType(value: unknown): Type {
  if (value === null) return NULL
  if (value instanceof Uint) return UINT
  if (value instanceof Uint8Array) return BYTES
  return { bigint: INT, number: DOUBLE, boolean: BOOL, string: STRING }[typeof value as 'bigint' | 'number' | 'boolean' | 'string']
}

function fieldType(operand: Type, { field, at }: { readonly field: string; readonly at: number }): Type {
  if (operand.kind === 'dyn') return DYN
  if (operand.kind === 'map') return operand.params[1] ?? DYN
  const found = operand.fields?.get(field)
  if (found !== undefined) return found
  if (operand.kind === 'object') throw new Issue(at, `undefined field '${field}'`)
  throw new Issue(at, `type '${showType(operand)}' does not support field selection`)
}

function elementType(operand: Type, index: Type): Type | undefined {
  if (operand.kind === 'dyn') return DYN
  if (operand.kind === 'list') return ['int', 'uint', 'double', 'dyn'].includes(index.kind) ? (operand.params[0] ?? DYN) : undefined
  if (operand.kind !== 'map') return undefined
  return assignable(operand.params[0] ?? DYN, index, new Map()) ? (operand.params[1] ?? DYN) : undefined
}

function conditional(args: readonly Type[], at: number): Type {
  const [condition = DYN, yes = DYN, no = DYN] = args
  const both = joined(yes, no)
  if (both === undefined || (condition.kind !== 'bool' && condition.kind !== 'dyn')) throw mismatch(at, '_?_:_', args)
  return both
}

function resultsOf(overloads: readonly Overload[], args: readonly Type[]): readonly Type[] {
  return overloads.flatMap(({ params, result }) => {
    const bindings: Bindings = new Map()
    const fits = params.length === args.length && params.every((type, index) => assignable(type, args[index] ?? DYN, bindings))
    return fits ? [substitute(result, bindings)] : []
  })
}

function mismatch(at: number, name: string, args: readonly Type[], target?: Type): Issue {
  const shown = `(${args.map(showType).join(', ')})`
  return new Issue(
    at,
    `found no matching overload for '${name}' applied to '${target === undefined ? '' : `${showType(target)}.`}${shown}'`,
  )
}

function isPredicate(name: string): boolean {
  return name === 'all' || name === 'filter' || name.startsWith('exists')
}

/** The types of the names that a macro binds. */
function namesOf({ name, vars, target: { at } }: Macro, target: Type): Readonly<Record<string, Type>> {
  const [first = '', second] = vars
  if (name.startsWith('opt')) {
    if (target.kind !== 'optional' && target.kind !== 'dyn') throw mismatch(at, name, [], target)
    return { [first]: target.params[0] ?? DYN }
  }
  if (target.kind === 'dyn') return { [first]: DYN, ...(second !== undefined && { [second]: DYN }) }
  const [one = DYN, two = DYN] = target.params
  if (target.kind === 'list') return second === undefined ? { [first]: one } : { [first]: INT, [second]: one }
  if (target.kind === 'map') return { [first]: one, ...(second !== undefined && { [second]: two }) }
  throw new Issue(at, `expression of type '${showType(target)}' cannot be range of a comprehension (must be list, map, or dynamic)`)
}

function macroResult({ name, args }: Macro, target: Type, last: Type): Type {
  switch (name) {
    case 'map':
    case 'transformList':
      return list(last)
    case 'filter':
      return target.kind === 'map' ? list(target.params[0] ?? DYN) : target.kind === 'list' ? target : list(DYN)
    case 'transformMap':
      return map(target.kind === 'list' ? INT : (target.params[0] ?? DYN), last)
    case 'transformMapEntry':
      if (last.kind !== 'map' && last.kind !== 'dyn')
        throw new Issue(args.at(-1)?.at ?? 0, `expected type 'map(dyn, dyn)' but found '${showType(last)}'`)
      return last
    case 'optMap':
      return optional(last)
    case 'optFlatMap':
      return last
    default:
      return BOOL
  }
}
