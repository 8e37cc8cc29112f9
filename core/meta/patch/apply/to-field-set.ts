import type { ListSchema, Schema } from '../../schema.ts'
import { childSchema, isNamedField, shapeOf } from './child-schema.ts'
import { type FieldSet, LEAF, SELF } from './field-set.ts'
import { elementOf, elementText, isAssociative, isObject, type JsonObject, pathText } from './path-element.ts'

/** What a configuration claims: its leaves, its list items, the keys of its maps; not the structs that merely lead there. */
export function toFieldSet(schema: Schema, object: JsonObject): FieldSet {
  return setOfMap(schema, object)
}

function setOfMap(schema: Schema | undefined, object: JsonObject): FieldSet {
  const set: Record<string, FieldSet> = {}
  for (const key in object) {
    const value = object[key]
    if (value === undefined) continue
    const child = childSchema(schema, key)
    const isWhole = value === null || (isObject(value) && isEmptyObject(value)) || !isNamedField(schema, key)
    const node = nodeOf(child, value, isWhole)
    if (node !== undefined) set[`f:${key}`] = node
  }
  return set
}

function nodeOf(schema: Schema | undefined, value: unknown, isMember: boolean): FieldSet | undefined {
  const shape = shapeOf(schema, value)
  if (shape === 'leaf') return LEAF
  let children: FieldSet = LEAF
  if (shape === 'map' && isObject(value)) children = setOfMap(schema, value)
  if (shape === 'list' && Array.isArray(value) && schema !== undefined && isAssociative(schema)) children = setOfList(schema, value)
  if (isEmptyObject(children)) return isMember ? LEAF : undefined
  return isMember ? { [SELF]: LEAF, ...children } : children
}

function setOfList(schema: ListSchema, items: readonly unknown[]): FieldSet {
  const set: Record<string, FieldSet> = {}
  for (const item of items) {
    const element = elementOf(schema, item)
    if (element === undefined) continue
    set[element] = element in set ? LEAF : (nodeOf(schema.items, item, true) ?? LEAF)
  }
  return set
}

function isEmptyObject(value: object): boolean {
  for (const _ in value) return false
  return true
}

/**
 * The set together with the named fields on the way to its members: who owns `spec.a.b` also wants `spec` and `a` to exist.
 * Keys of maps and list items are left as they are.
 */
export function withNamedFields(schema: Schema | undefined, set: FieldSet): FieldSet {
  const result: Record<string, FieldSet> = {}
  for (const key in set) {
    const node = set[key] as FieldSet
    if (key === SELF) continue
    const field = key.startsWith('f:') ? key.slice(2) : undefined
    const child = field === undefined ? itemSchema(schema) : childSchema(schema, field)
    const inner = withNamedFields(child, node)
    const isMember = SELF in node || isEmptyObject(node) || (field !== undefined && isNamedField(schema, field))
    result[key] = isEmptyObject(inner) ? LEAF : isMember ? { [SELF]: LEAF, ...inner } : inner
  }
  return result
}

function itemSchema(schema: Schema | undefined): Schema | undefined {
  return schema?.type === 'list' ? schema.items : undefined
}

/** Why a configuration does not fit its schema, each as `<path>: <problem>`; checked before it is merged. */
export function configurationProblems(schema: Schema, object: JsonObject): readonly string[] {
  const check: Check = { path: [], problems: [] }
  checkMap(check, schema, object)
  return check.problems
}

/** The place of the walk, as path elements, and what was found so far. */
interface Check {
  readonly path: string[]
  readonly problems: string[]
}

function report({ path, problems }: Check, problem: string): void {
  problems.push(`${pathText(path)}: ${problem}`)
}

function checkMap(check: Check, schema: Schema | undefined, object: JsonObject): void {
  if (schema === undefined) return
  for (const key in object) {
    check.path.push(`f:${key}`)
    const child = childSchema(schema, key)
    if (child !== undefined) checkValue(check, child, object[key])
    else if (schema.type === 'object' && !allowsUnknown(schema, key)) report(check, 'field not declared in schema')
    check.path.pop()
  }
}

const EMBEDDED_KEYS = new Set(['apiVersion', 'kind', 'metadata'])

function allowsUnknown(schema: Schema & { readonly type: 'object' }, key: string): boolean {
  return schema.preserveUnknown === true || (schema.embeddedResource === true && EMBEDDED_KEYS.has(key))
}

function checkValue(check: Check, schema: Schema, value: unknown): void {
  if (value === null || value === undefined || schema.type === 'any') return
  if (schema.type === 'object' || schema.type === 'map') {
    if (isObject(value)) checkMap(check, schema, value)
    else report(check, `expected map, got ${goValue(value)}`)
  } else if (schema.type === 'list') {
    if (Array.isArray(value)) checkList(check, schema, value)
    else report(check, `expected list, got ${goValue(value)}`)
  } else {
    const expected = expectedScalar(schema.type, value)
    if (expected !== undefined) report(check, `expected ${expected}, got ${goValue(value)}`)
  }
}

function checkList(check: Check, schema: ListSchema, items: readonly unknown[]): void {
  const isNamed = schema.listType === 'set' || schema.listType === 'map'
  const seen = new Set<string>()
  items.forEach((item, i) => {
    const element = isNamed ? elementOf(schema, item) : `i:${i}`
    if (element === undefined) {
      report(check, `element ${i}: ${unnamedText(schema, item)}`)
      return
    }
    if (seen.has(element)) report(check, `duplicate entries for key ${elementText(element)}`)
    seen.add(element)
    check.path.push(element)
    checkValue(check, schema.items, item)
    check.path.pop()
  })
}

function unnamedText(schema: ListSchema, item: unknown): string {
  if (schema.listType === 'set') {
    if (item === null) return "associative list without keys has an element that's an explicit null"
    if (Array.isArray(item)) return 'not supported: associative list with lists as elements'
    return "associative list without keys has an element that's a map type"
  }
  if (item === null) return 'associative list with keys may not have a null element'
  if (!isObject(item)) return 'associative list with keys may not have non-map elements'
  const keys = (schema.listMapKeys ?? []).map((key) => JSON.stringify(key)).join(' ')
  return `associative list with keys has an element that omits all key fields [${keys}] (and doesn't have default values for any key fields)`
}

const NUMERIC = new Set<Schema['type']>(['int32', 'int64', 'uint32', 'double'])
const UNTYPED = new Set<Schema['type']>(['quantity', 'int-or-string'])

function expectedScalar(type: Schema['type'], value: unknown): string | undefined {
  if (NUMERIC.has(type)) return typeof value === 'number' ? undefined : 'numeric (int or float)'
  if (UNTYPED.has(type)) return typeof value === 'string' || typeof value === 'number' ? undefined : 'string or numeric'
  if (type === 'boolean') return typeof value === 'boolean' ? undefined : 'boolean'
  return typeof value === 'string' ? undefined : 'string'
}

function goValue(value: unknown): string {
  return isObject(value) || Array.isArray(value) ? `&{${JSON.stringify(value)}}` : JSON.stringify(value)
}
