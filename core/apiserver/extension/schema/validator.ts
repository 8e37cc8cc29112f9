import { RE2JS } from 're2js'
import { deepEqual } from '../../../meta/deep-equal.ts'
import type { FieldError } from '../../../meta/field-error.ts'
import { STRING_FORMATS } from './formats.ts'
import { additionalOf, isObject, itemsOf, type Json, type JsonSchema } from './json-schema.ts'
import { listTypeRule } from './list-types.ts'
import {
  childPath,
  combinationError,
  enumError,
  indexPath,
  missingError,
  type Path,
  ruleError,
  tooLongError,
  tooManyError,
  typeError,
} from './value-errors.ts'

/** One value in its place. `old` is what stood there before, for updates. */
export interface Visit {
  readonly path: Path
  readonly value: unknown
  readonly old?: unknown
  readonly errors: FieldError[]
}

export type Rule = (visit: Visit) => void

/**
 * Compiles the value rules of a schema: types, ranges, patterns, combinations, uniqueness of list items. Unchanged parts of
 * an object are not judged again on update, so that a stricter schema does not lock stored objects.
 * Texts are those of Kubernetes. Source: kube-openapi validation; apiextensions, validation ratcheting.
 */
export function compileValidator(schema: JsonSchema): (value: unknown, old?: unknown) => FieldError[] {
  const rule = compile(schema)
  return (value, old) => {
    const errors: FieldError[] = []
    rule({ path: '', value, old, errors })
    return errors
  }
}

function compile(schema: JsonSchema): Rule {
  const rules = [
    typeRule(schema),
    ...combinations(schema),
    ...stringRules(schema),
    ...numberRules(schema),
    ...listRules(schema),
    ...enumRule(schema),
    ...objectRules(schema),
  ]
  return (visit) => {
    if (visit.old !== undefined && deepEqual(visit.value, visit.old)) return
    for (const rule of rules) rule(visit)
  }
}

function jsonType(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number'
  return typeof value
}

function typeRule(schema: JsonSchema): Rule {
  const types = schema['x-kubernetes-int-or-string'] === true ? ['integer', 'string'] : schema.type === undefined ? [] : [schema.type]
  return ({ path, value, errors }) => {
    if (types.length === 0 || (value === null && schema.nullable === true)) return
    const type = jsonType(value)
    if (types.includes(type) || (type === 'integer' && types.includes('number'))) return
    errors.push(typeError(path, types.join(','), type))
  }
}

function enumRule({ enum: allowed }: JsonSchema): readonly Rule[] {
  if (allowed === undefined || allowed.length === 0) return []
  return [
    ({ path, value, errors }) => {
      if (!allowed.some((entry) => deepEqual(entry, value))) errors.push(enumError(path, value, allowed))
    },
  ]
}

function stringRules({ minLength, maxLength, pattern, format }: JsonSchema): readonly Rule[] {
  const rules: ((value: string, path: Path) => FieldError | undefined)[] = []
  if (maxLength !== undefined) rules.push((value, path) => (lengthOf(value) > maxLength ? tooLongError(path, maxLength) : undefined))
  if (minLength !== undefined)
    rules.push((value, path) =>
      lengthOf(value) < minLength ? ruleError(path, value, `should be at least ${minLength} chars long`) : undefined,
    )
  if (pattern !== undefined && pattern !== '') {
    const regexp = RE2JS.compile(pattern)
    rules.push((value, path) => (regexp.matcher(value).find() ? undefined : ruleError(path, value, `should match '${pattern}'`)))
  }
  const isFormat = format === undefined ? undefined : STRING_FORMATS[format]
  if (isFormat !== undefined && format !== undefined)
    rules.push((value, path) => (isFormat(value) ? undefined : typeError(path, format, value)))
  if (rules.length === 0) return []
  return [
    ({ path, value, errors }) => {
      if (typeof value === 'string') pushAll(errors, rules, (rule) => rule(value, path))
    },
  ]
}

const SURROGATE_PAIR = /[\ud800-\udbff][\udc00-\udfff]/g

/** Unicode code points, as Go counts. */
function lengthOf(text: string): number {
  return text.length - (text.match(SURROGATE_PAIR)?.length ?? 0)
}

function pushAll<R>(errors: FieldError[], rules: readonly R[], run: (rule: R) => FieldError | undefined): void {
  for (const rule of rules) {
    const error = run(rule)
    if (error !== undefined) errors.push(error)
  }
}

const INT_RANGES: Readonly<Record<string, readonly [number, number]>> = { int32: [-(2 ** 31), 2 ** 31 - 1], int64: [-(2 ** 63), 2 ** 63] }

function numberRules(schema: JsonSchema): readonly Rule[] {
  const { minimum, maximum, multipleOf, format = '' } = schema
  const rules: ((value: number) => string | undefined)[] = []
  const range = schema.type === 'integer' ? INT_RANGES[format] : undefined
  if (range !== undefined)
    rules.push((value) => (value < range[0] || value > range[1] ? `must be of type integer with format ${format}` : undefined))
  if (multipleOf !== undefined) rules.push((value) => (isMultiple(value, multipleOf) ? undefined : `should be a multiple of ${multipleOf}`))
  if (maximum !== undefined) {
    const exclusive = schema.exclusiveMaximum === true
    rules.push((value) =>
      (exclusive ? value < maximum : value <= maximum) ? undefined : `should be less than ${exclusive ? '' : 'or equal to '}${maximum}`,
    )
  }
  if (minimum !== undefined) {
    const exclusive = schema.exclusiveMinimum === true
    rules.push((value) =>
      (exclusive ? value > minimum : value >= minimum) ? undefined : `should be greater than ${exclusive ? '' : 'or equal to '}${minimum}`,
    )
  }
  if (rules.length === 0) return []
  return [
    ({ path, value, errors }) => {
      if (typeof value !== 'number') return
      pushAll(errors, rules, (rule) => {
        const text = rule(value)
        return text === undefined ? undefined : ruleError(path, value, text)
      })
    },
  ]
}

function isMultiple(value: number, factor: number): boolean {
  const quotient = value / factor
  return Math.abs(quotient - Math.round(quotient)) < 1e-9
}

function listRules(schema: JsonSchema): readonly Rule[] {
  const { minItems, maxItems } = schema
  const items = itemsOf(schema)
  const item = items === undefined ? undefined : compile(items)
  const unique = listTypeRule(schema)
  if (item === undefined && unique === undefined && minItems === undefined && maxItems === undefined) return []
  return [
    ({ path, value, old, errors }) => {
      if (!Array.isArray(value)) return
      const list = value as readonly unknown[]
      const before = correlate(schema, list, old)
      if (item !== undefined)
        for (const [i, entry] of list.entries()) item({ path: indexPath(path, i), value: entry, old: before(i), errors })
      if (minItems !== undefined && list.length < minItems)
        errors.push(ruleError(path, list.length, `should have at least ${minItems} items`))
      if (maxItems !== undefined && list.length > maxItems) errors.push(tooManyError(path, list.length, maxItems))
      unique?.(list, path, errors)
    },
  ]
}

/** The old item of a new one: by key in map lists; other lists are judged as a whole. */
function correlate(schema: JsonSchema, list: readonly unknown[], old: unknown): (index: number) => unknown {
  const keys = schema['x-kubernetes-list-map-keys']
  if (schema['x-kubernetes-list-type'] !== 'map' || keys === undefined || !Array.isArray(old)) return () => undefined
  const keyOf = (item: unknown): string => JSON.stringify(isObject(item) ? keys.map((key) => item[key] ?? null) : item)
  const before = new Map((old as readonly unknown[]).map((item) => [keyOf(item), item]))
  return (index) => before.get(keyOf(list[index]))
}

function objectRules(schema: JsonSchema): readonly Rule[] {
  const { required = [] } = schema
  const properties = new Map(Object.entries(schema.properties ?? {}).map(([name, property]) => [name, compile(property)]))
  const additional = additionalOf(schema)
  const others = additional === undefined || additional === true ? undefined : compile(additional)
  const members: Rule = ({ path, value, old, errors }) => {
    if (!isObject(value)) return
    const before: Json = isObject(old) ? old : {}
    for (const name of required) if (value[name] === undefined) errors.push(missingError(childPath(path, name)))
    for (const key in value) {
      const rule = properties.get(key) ?? others
      if (value[key] !== undefined) rule?.({ path: childPath(path, key), value: value[key], old: before[key], errors })
    }
  }
  const isOpen = required.length === 0 && properties.size === 0 && others === undefined
  return [...sizeRules(schema), ...(isOpen ? [] : [members])]
}

function sizeRules({ minProperties, maxProperties }: JsonSchema): readonly Rule[] {
  if (minProperties === undefined && maxProperties === undefined) return []
  return [
    ({ path, value, errors }) => {
      if (!isObject(value)) return
      const count = Object.keys(value).length
      if (minProperties !== undefined && count < minProperties)
        errors.push(ruleError(path, count, `should have at least ${minProperties} properties`))
      if (maxProperties !== undefined && count > maxProperties) errors.push(tooManyError(path, count, maxProperties))
    },
  ]
}

function combinations(schema: JsonSchema): readonly Rule[] {
  const rules: Rule[] = []
  const { allOf = [], anyOf = [], oneOf = [], not } = schema
  if (anyOf.length > 0) rules.push(anyOfRule(anyOf.map(compileFragment)))
  if (oneOf.length > 0) rules.push(oneOfRule(oneOf.map(compileFragment)))
  if (allOf.length > 0) rules.push(allOfRule(allOf.map(compileFragment)))
  if (not !== undefined) {
    const rule = compileFragment(not)
    rules.push((visit) => {
      if (errorsOf(rule, visit).length === 0) visit.errors.push(combinationError(visit.path, 'must not validate the schema (not)'))
    })
  }
  return rules
}

/** Fragments judge the value as it is, since which of them holds may change with any part of it. */
function compileFragment(schema: JsonSchema): Rule {
  const rule = compile(schema)
  return ({ path, value, errors }) => rule({ path, value, errors })
}

function errorsOf(rule: Rule, visit: Visit): FieldError[] {
  const errors: FieldError[] = []
  rule({ ...visit, errors })
  return errors
}

function anyOfRule(rules: readonly Rule[]): Rule {
  return (visit) => {
    const results = rules.map((rule) => errorsOf(rule, visit))
    if (results.some((errors) => errors.length === 0)) return
    visit.errors.push(combinationError(visit.path, 'must validate at least one schema (anyOf)'), ...fewest(results))
  }
}

function oneOfRule(rules: readonly Rule[]): Rule {
  return (visit) => {
    const results = rules.map((rule) => errorsOf(rule, visit))
    const valid = results.filter((errors) => errors.length === 0).length
    if (valid === 1) return
    const found = valid === 0 ? 'Found none valid' : `Found ${valid} valid alternatives`
    visit.errors.push(combinationError(visit.path, `must validate one and only one schema (oneOf). ${found}`))
    if (valid === 0) visit.errors.push(...fewest(results))
  }
}

function allOfRule(rules: readonly Rule[]): Rule {
  return (visit) => {
    const results = rules.map((rule) => errorsOf(rule, visit))
    const failed = results.filter((errors) => errors.length > 0)
    if (failed.length === 0) return
    const suffix = failed.length === results.length ? '. None validated' : ''
    visit.errors.push(...failed.flat(), combinationError(visit.path, `must validate all the schemas (allOf)${suffix}`))
  }
}

/** The alternative that came closest explains most. */
function fewest(results: readonly FieldError[][]): readonly FieldError[] {
  return results.reduce<readonly FieldError[]>((best, errors) => (errors.length < best.length ? errors : best), results[0] ?? [])
}
