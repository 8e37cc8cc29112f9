import type { ValidationRule } from '../../../api/types/apiextensions-v1.ts'
import { deepEqual } from '../../../meta/deep-equal.ts'
import { type FieldError, forbidden, invalid, required } from '../../../meta/field-error.ts'
import { Environment } from '../../cel/environment.ts'
import type { Shape } from '../../cel/json.ts'
import { Meter } from '../../cel/meter.ts'
import { type Compiled, compile, evaluateWithin, OUT_OF_BUDGET, type Outcome, type Program } from '../../cel/program.ts'
import { BOOL, optional, STRING } from '../../cel/types.ts'
import { Optional, type Value } from '../../cel/values.ts'
import { shapeOf } from './cel-shape.ts'
import { additionalOf, isObject, itemsOf, type JsonSchema } from './json-schema.ts'
import { rulePath } from './rule-path.ts'
import { childPath, fieldOf, indexPath, type Path } from './value-errors.ts'

/** Units of work, about 0.1 µs each. Source: apiserver, apis/cel/config.go. */
const OBJECT_LIMIT = 10_000_000
/** Setting a rule up takes time as well: a list may have a hundred thousand items. */
const RULE_COST = 10

/** Judges a value by the rules of its schema. `old` is what stood there before. Never throws. */
export type Rules = (value: unknown, old?: unknown) => readonly FieldError[]

/** The rules of a schema and all below it (x-kubernetes-validations); undefined when it has none. Rules that do not compile are left out. */
export function compileRules(schema: JsonSchema, isResource = true): Rules | undefined {
  const judge = compileNode(schema, isResource)
  if (judge === undefined) return undefined
  return (value, old) => {
    const run: Run = { errors: [], meter: new Meter(OBJECT_LIMIT), isOver: false }
    judge({ value, old, path: '' }, run)
    return run.errors
  }
}

interface Run {
  readonly errors: FieldError[]
  readonly meter: Meter
  /** The work that one object may cause is used up. */
  isOver: boolean
}

interface Place {
  readonly value: unknown
  readonly old: unknown
  readonly path: Path
}

type Judge = (place: Place, run: Run) => void

function compileNode(schema: JsonSchema, isResource: boolean): Judge | undefined {
  const own = ownRules(schema, isResource)
  const below = [...objectNodes(schema), ...listNodes(schema)]
  if (own === undefined && below.length === 0) return undefined
  return (place, run) => {
    if (place.value === null || place.value === undefined) return
    if (!run.isOver) own?.(place, run)
    for (const judge of below) if (!run.isOver) judge(place, run)
  }
}

function objectNodes(schema: JsonSchema): readonly Judge[] {
  const properties = Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const judge = compileNode(property, false)
    return judge === undefined ? [] : [{ name, judge }]
  })
  const additional = additionalOf(schema)
  const every = additional === undefined || additional === true ? undefined : compileNode(additional, false)
  if (properties.length === 0 && every === undefined) return []
  return [
    ({ value, old, path }, run) => {
      if (!isObject(value)) return
      const before = isObject(old) ? old : {}
      for (const { name, judge } of properties) judge({ value: value[name], old: before[name], path: childPath(path, name) }, run)
      if (every === undefined) return
      for (const key of Object.keys(value)) every({ value: value[key], old: before[key], path: `${path}[${key}]` }, run)
    },
  ]
}

function listNodes(schema: JsonSchema): readonly Judge[] {
  const items = itemsOf(schema)
  const judge = items === undefined ? undefined : compileNode(items, false)
  if (judge === undefined) return []
  const keys = schema['x-kubernetes-list-type'] === 'map' ? (schema['x-kubernetes-list-map-keys'] ?? []) : undefined
  const keyOf = (item: unknown): string => JSON.stringify(isObject(item) ? keys?.map((key) => item[key] ?? null) : item)
  return [
    ({ value, old, path }, run) => {
      if (!Array.isArray(value)) return
      const before = new Map(keys === undefined || !Array.isArray(old) ? [] : old.map((item: unknown) => [keyOf(item), item] as const))
      for (const [index, item] of value.entries()) judge({ value: item, old: before.get(keyOf(item)), path: indexPath(path, index) }, run)
    },
  ]
}

/** One rule, ready to run. */
interface OwnRule {
  readonly rule: ValidationRule
  readonly program: Program
  readonly message: Program | undefined
  readonly isTransition: boolean
}

function ownRules(schema: JsonSchema, isResource: boolean): Judge | undefined {
  const shape = (schema['x-kubernetes-validations'] ?? []).length === 0 ? undefined : shapeOf(schema, isResource)
  if (shape === undefined) return undefined
  const rules = (schema['x-kubernetes-validations'] ?? []).flatMap((rule): readonly OwnRule[] => {
    const [compiled, message] = [compileRule(rule, shape), compileMessage(rule, shape)]
    if ('problem' in compiled) return []
    const { program } = compiled
    return [
      { rule, program, message: message && 'program' in message ? message.program : undefined, isTransition: program.uses.has('oldSelf') },
    ]
  })
  const typeName = schema.type ?? ''
  return (place, run) => {
    for (const rule of rules) if (!run.isOver) judgeRule(rule, { ...place, shape, typeName }, run)
  }
}

interface RulePlace extends Place {
  readonly shape: Shape
  readonly typeName: string
}

function judgeRule(own: OwnRule, place: RulePlace, run: Run): void {
  const { rule, program, isTransition } = own
  const { value, old, path, typeName } = place
  if (isTransition && rule.optionalOldSelf !== true && (old === undefined || old === null)) return
  const variable = variables(rule, place)
  const outcome = evaluateWithin(program, variable, run.meter)
  run.meter.charge(RULE_COST)
  if ('value' in outcome && outcome.value === true) return
  if (run.meter.left <= 0) {
    run.isOver = true
    run.errors.push(invalid(fieldOf(path), typeName, OUT_OF_BUDGET))
    return
  }
  // A part that did not change is not judged anew, so that a stricter rule does not lock stored objects.
  if (!isTransition && old !== undefined && deepEqual(value, old)) return
  run.errors.push('error' in outcome ? failure(outcome, rule, place) : ruleError(rule, place, messageOf(own, variable, run.meter)))
}

function variables({ optionalOldSelf }: ValidationRule, { value, old, shape }: RulePlace): (name: string) => Value | undefined {
  return (name) => {
    if (name === 'self') return shape.read(value)
    if (optionalOldSelf !== true) return shape.read(old)
    return Optional.of(old === undefined || old === null ? undefined : shape.read(old))
  }
}

function failure({ error }: Outcome & { error: string }, rule: ValidationRule, { path, typeName }: RulePlace): FieldError {
  const shown = ruleText(rule)
  if (error.startsWith('no such overload'))
    return invalid(
      fieldOf(path),
      typeName,
      `'${error}': call arguments did not match a supported operator, function or macro signature for rule: ${shown}`,
    )
  if (error.startsWith('operation cancelled'))
    return invalid(
      fieldOf(path),
      typeName,
      `'${error}': no further validation rules will be run due to call cost exceeds limit for rule: ${shown}`,
    )
  return invalid(fieldOf(path), typeName, `${error} evaluating rule: ${shown}`)
}

function ruleText({ rule, message = '' }: ValidationRule): string {
  return message === '' ? rule.trim() : message
}

const MAX_MESSAGE = 5_120

/** The message that an expression gives, when it gives a usable one. */
function messageOf({ rule, message }: OwnRule, variable: (name: string) => Value | undefined, meter: Meter): string {
  const fallback = rule.message === undefined || rule.message === '' ? `failed rule: ${rule.rule.trim()}` : rule.message.trim()
  const outcome = message === undefined ? undefined : evaluateWithin(message, variable, meter)
  if (outcome === undefined || 'error' in outcome || typeof outcome.value !== 'string') return fallback
  const text = outcome.value.trim()
  return text === '' || text.includes('\n') || text.length > MAX_MESSAGE ? fallback : text
}

function ruleError({ reason, fieldPath }: ValidationRule, { value, path, typeName }: RulePlace, text: string): FieldError {
  const field = fieldOf(fieldPath === undefined || fieldPath === '' ? path : path + below(path, fieldPath))
  if (reason === 'FieldValueForbidden') return forbidden(field, text)
  if (reason === 'FieldValueRequired') return required(field, text)
  if (reason === 'FieldValueDuplicate')
    return { reason, field, message: `Duplicate value: ${JSON.stringify(isObject(value) ? typeName : value)}` }
  return invalid(field, typeName, text)
}

function below(path: Path, fieldPath: string): string {
  const text = rulePath(fieldPath)
    .map((part) => (part.isKey ? `[${part.name}]` : `.${part.name}`))
    .join('')
  return path === '' ? text.replace(/^\./, '') : text
}

/** Answers the program or its error; never throws. */
export function compileRule({ rule, optionalOldSelf }: ValidationRule, { type }: Shape): Compiled {
  return compile(rule, new Environment({ self: type, oldSelf: optionalOldSelf === true ? optional(type) : type }), [BOOL])
}

export function compileMessage({ messageExpression, optionalOldSelf }: ValidationRule, { type }: Shape): Compiled | undefined {
  if (messageExpression === undefined || messageExpression === '') return undefined
  return compile(messageExpression, new Environment({ self: type, oldSelf: optionalOldSelf === true ? optional(type) : type }), [STRING])
}
