import type { Entry, Expr, Item, Macro } from './ast.ts'
import { dispatch, type Environment } from './environment.ts'
import { contains, equals } from './equality.ts'
import { CostError, EvaluationError } from './issue.ts'
import { type Frame, isTrue, type Run } from './frame.ts'
import { comprehension } from './macros.ts'
import type { Meter } from './meter.ts'
import { qualifiedName } from './parser.ts'
import { typeNameOf } from './types.ts'
import { ListValue, MapValue, NativeList, NativeMap, Opaque, Optional, TypeValue, Uint, type Value } from './values.ts'

/** Turns a checked expression into a function. Adds the variables it names to `used`. */
export function link(expr: Expr, env: Environment, used: Set<string>): Run {
  return linkAt(expr, { env, used, locals: [] })
}

function linkAt(expr: Expr, place: Place): Run {
  const run = linkNode(expr, place)
  return (frame) => {
    frame.meter.spend(1)
    return run(frame)
  }
}

interface Place {
  readonly env: Environment
  readonly used: Set<string>
  readonly locals: readonly string[]
}

function linkNode(expr: Expr, place: Place): Run {
  switch (expr.kind) {
    case 'literal': {
      const { value } = expr
      return () => value
    }
    case 'name':
      return linkName(expr.name, place)
    case 'select':
      return linkSelect(expr, place)
    case 'has': {
      const operand = linkAt(expr.operand, place)
      return (frame) => paidFor(find(operand(frame), expr.field), frame.meter) !== undefined
    }
    case 'index':
      return linkIndex(expr, place)
    case 'call':
      return linkCall(expr, place)
    case 'list':
      return linkList(expr.items, place)
    case 'map':
      return linkMap(expr.entries, place)
    case 'macro':
      return linkMacro(expr, place)
  }
}

function linkName(name: string, { env, locals, used }: Place): Run {
  const slot = locals.lastIndexOf(name)
  if (slot >= 0) return (frame) => frame.locals[slot] ?? null
  if (env.variable(name) === undefined) {
    const type = new TypeValue(env.typeName(name) ?? name)
    return () => type
  }
  used.add(name)
  return (frame) => {
    const value = frame.variable(name)
    if (value === undefined) throw new EvaluationError(`no such attribute(s): ${name}`)
    return value
  }
}

function linkSelect(expr: Expr & { kind: 'select' }, place: Place): Run {
  const type = place.env.typeName(qualifiedName(expr) ?? '')
  if (type !== undefined) {
    const value = new TypeValue(type)
    return () => value
  }
  const operand = linkAt(expr.operand, place)
  const { field } = expr
  return (frame) =>
    reach(operand(frame), (value) => paidFor(find(value, field), frame.meter), {
      isOptional: expr.optional,
      problem: `no such key: ${field}`,
    })
}

function linkIndex(expr: Expr & { kind: 'index' }, place: Place): Run {
  const operand = linkAt(expr.operand, place)
  const index = linkAt(expr.index, place)
  return (frame) => {
    const [from, key] = [operand(frame), index(frame)]
    const problem = (from instanceof Optional ? from.value : from) instanceof ListValue ? 'index out of bounds' : 'no such key'
    return reach(from, (value) => paidFor(element(value, key), frame.meter), {
      isOptional: expr.optional,
      problem: `${problem}: ${showKey(key)}`,
    })
  }
}

interface Access {
  readonly isOptional: boolean
  readonly problem: string
}

/** Selection, in its plain form and in its optional one, which an optional operand spreads. */
function reach(from: Value, take: (value: Value) => Value | undefined, { isOptional, problem }: Access): Value {
  if (from instanceof Optional) return from.value === undefined ? from : Optional.of(take(from.value))
  const found = take(from)
  if (isOptional) return Optional.of(found)
  if (found === undefined) throw new EvaluationError(problem)
  return found
}

/** Bytes are decoded anew whenever their field is read. */
function paidFor(value: Value | undefined, meter: Meter): Value | undefined {
  if (value instanceof Uint8Array) meter.spend(value.length * 0.1)
  return value
}

function find(value: Value, field: string): Value | undefined {
  if (value instanceof MapValue) return value.get(field)
  if (value instanceof Optional) return value.value === undefined ? undefined : find(value.value, field)
  if (value instanceof Opaque && value.fields !== undefined) return value.fields.get(field)
  throw new EvaluationError(`no such overload: ${typeNameOf(value)} has no field '${field}'`)
}

function element(value: Value, key: Value): Value | undefined {
  if (value instanceof MapValue) return value.get(key)
  if (!(value instanceof ListValue)) throw new EvaluationError(`no such overload: ${typeNameOf(value)}[${typeNameOf(key)}]`)
  const index = key instanceof Uint ? Number(key.value) : typeof key === 'bigint' ? Number(key) : key
  if (typeof index !== 'number' || !Number.isInteger(index))
    throw new EvaluationError(`unsupported index type '${typeNameOf(key)}' in list`)
  return index >= 0 && index < value.length ? value.at(index) : undefined
}

function showKey(key: Value): string {
  return key instanceof Uint ? String(key.value) : typeof key === 'object' ? typeNameOf(key) : String(key)
}

function linkCall(expr: Expr & { kind: 'call' }, place: Place): Run {
  const args = (expr.target === undefined ? expr.args : [expr.target, ...expr.args]).map((arg) => linkAt(arg, place))
  const [a, b, c] = args
  if (a !== undefined && b !== undefined) {
    if (c !== undefined && expr.name === '_?_:_') return (frame) => (isTrue(a(frame)) ? b(frame) : c(frame))
    if (expr.name === '_&&_') return (frame) => decide(frame, [a, b], false)
    if (expr.name === '_||_') return (frame) => decide(frame, [a, b], true)
    if (expr.name === '_==_') return (frame) => equals(a(frame), b(frame), frame.meter)
    if (expr.name === '_!=_') return (frame) => !equals(a(frame), b(frame), frame.meter)
    if (expr.name === '@in') return (frame) => inside(a(frame), b(frame), frame.meter)
  }
  const overloads = place.env.overloads(expr.name, expr.target !== undefined)
  return (frame) => {
    const values = args.map((arg) => arg(frame))
    spendOn(values, frame.meter)
    const result = dispatch(overloads, values, frame.meter)
    spendOn([result], frame.meter)
    return result
  }
}

const inside = (value: Value, collection: Value, meter: Meter): boolean => contains(collection, value, meter)

/** Functions look at long strings and lists as a whole, as a rule. */
function spendOn(args: readonly Value[], meter: Meter): void {
  for (const arg of args)
    if (typeof arg === 'string' || arg instanceof Uint8Array) meter.spend(arg.length * 0.1)
    else if (arg instanceof NativeList) meter.spend(arg.length * 0.1)
    else if (arg instanceof Opaque) meter.spend(arg.size * 0.1)
}

/** `&&` and `||`: a side that decides alone makes up for a failure of the other. */
function decide(frame: Frame, [left, right]: readonly [Run, Run], decisive: boolean): boolean {
  let failure: unknown
  try {
    if (isTrue(left(frame)) === decisive) return decisive
  } catch (err) {
    if (err instanceof CostError) throw err
    failure = err
  }
  if (isTrue(right(frame)) === decisive) return decisive
  if (failure !== undefined) throw failure as Error
  return !decisive
}

function linkList(items: readonly Item[], place: Place): Run {
  const runs = items.map(({ value, optional }) => ({ run: linkAt(value, place), optional }))
  return (frame) => new NativeList(runs.flatMap(({ run, optional }) => unwrapped(run(frame), optional)))
}

function unwrapped(value: Value, isOptional: boolean): readonly Value[] {
  if (!isOptional) return [value]
  if (!(value instanceof Optional)) throw new EvaluationError(`cannot initialize optional list element from non-optional value`)
  return value.value === undefined ? [] : [value.value]
}

function linkMap(entries: readonly Entry[], place: Place): Run {
  const runs = entries.map(({ key, value, optional }) => ({ key: linkAt(key, place), value: linkAt(value, place), optional }))
  return (frame) =>
    new NativeMap(
      runs.flatMap(({ key, value, optional }) => {
        const name = key(frame)
        return unwrapped(value(frame), optional).map((one) => [name, one] as const)
      }),
    )
}

function linkMacro(expr: Macro, place: Place): Run {
  const target = linkAt(expr.target, place)
  const inner: Place = { ...place, locals: [...place.locals, ...expr.vars] }
  return comprehension(expr, { target, args: expr.args.map((arg) => linkAt(arg, inner)), slot: place.locals.length })
}
