import type { Field, ObjectSchema, ScalarSchema, Schema } from '../schema.ts'
import { countKeys, type DecodeContext, underField, underIndex, underMapKey, wrongType } from './context.ts'
import { type Decode, goTypeOf, scalarDecoder, zeroOf } from './scalars.ts'

type Json = Record<string, unknown>

/** What decoding does with one field of a Go struct. */
interface Plan {
  readonly decode: Decode
  /** Empty values are dropped (omitempty without a pointer). */
  readonly dropEmpty: boolean
}

interface StructPlan {
  readonly fields: ReadonlyMap<string, Plan>
  /** Fields that stand in every object, with their zero value. */
  readonly always: readonly (readonly [name: string, zero: () => unknown])[]
}

const compiled = new WeakMap<Schema, Decode>()

/**
 * Decoder of a built-in type: what decoding into the Go struct and encoding again does. Works in place where it can: the
 * value it is given must be its caller's own. Compiled at first use; nested structs when they are first met.
 */
export function structDecoder(schema: Schema): Decode {
  let decode = compiled.get(schema)
  if (decode === undefined) compiled.set(schema, (decode = compile(schema, undefined)))
  return decode
}

function compile(schema: Schema, named: string | undefined): Decode {
  if (schema.type === 'object') return objectDecoder(schema)
  if (schema.type === 'map') return mapDecoder(schema.values)
  if (schema.type === 'list') return listDecoder(schema.items, goType(schema, named))
  return schema.object === undefined ? scalarDecoder(schema.type, named ?? goTypeOf(schema.type)) : unionDecoder(schema, schema.object)
}

function objectDecoder(schema: ObjectSchema): Decode {
  const struct = lastPart(schema.name ?? '')
  let plan: StructPlan | undefined
  return (value, context) => {
    if (typeof value !== 'object' || Array.isArray(value)) {
      wrongType(context, value, goType(schema, undefined))
      return undefined
    }
    plan ??= planOf(schema)
    const object = value as Json
    const result = decodeFields(object, plan, struct, context) ? withoutUndefined(object) : object
    for (const [name, zero] of plan.always) if (result[name] === undefined) setZero(result, name, zero)
    return result
  }
}

/** Decodes in place; dropped fields become undefined. Answers whether there were any. */
function decodeFields(object: Json, plan: StructPlan, struct: string, context: DecodeContext): boolean {
  let events = context.events.length
  let dropped = false
  for (const key in object) {
    const before = object[key]
    const field = plan.fields.get(key)
    context.keys += 1
    const after = field === undefined ? unknownField(before, context) : decodeField(field, before, context)
    if (context.events.length !== events) events = underField(context, events, key, struct)
    if (after !== before) object[key] = after
    dropped ||= after === undefined
  }
  return dropped
}

function decodeField(field: Plan, before: unknown, context: DecodeContext): unknown {
  if (before === null || before === undefined) return undefined
  const after = field.decode(before, context)
  return field.dropEmpty && isEmpty(after) ? undefined : after
}

/** The empty path is completed by the caller, as that of every event. */
function unknownField(value: unknown, context: DecodeContext): unknown {
  countKeys(context, value)
  context.events.push({ type: 'unknown', path: '' })
  return undefined
}

function planOf(schema: ObjectSchema): StructPlan {
  const fields = [...schema.fields.values()]
  return {
    fields: new Map(fields.map((field) => [field.name, { decode: compileField(field), dropEmpty: !field.always && !field.pointer }])),
    always: fields.filter((field) => field.always && !field.pointer).map((field) => [field.name, zeroFor(field.schema)]),
  }
}

function compileField(field: Field): Decode {
  if (field.goName === undefined) return structDecoder(field.schema)
  return compile(field.schema, shortGoName(field.goName))
}

function setZero(object: Json, name: string, zero: () => unknown): void {
  const value = zero()
  if (value !== undefined) object[name] = value
}

function zeroFor(schema: Schema): () => unknown {
  if (schema.type === 'map') return () => ({})
  if (schema.type === 'list') return () => []
  if (schema.type === 'object') return () => structDecoder(schema)({}, { events: [], keys: 0, countKeys: false })
  const zero = zeroOf(schema.type)
  return () => zero
}

function isEmpty(value: unknown): boolean {
  if (typeof value !== 'object') return value === '' || value === 0 || value === false
  if (value === null) return true
  if (Array.isArray(value)) return value.length === 0
  for (const _ in value) return false
  return true
}

/** Deleting keys would turn the object into a dictionary, which every later reader pays for. */
function withoutUndefined(object: Json): Json {
  const out: Json = {}
  for (const key in object) {
    const value = object[key]
    if (value !== undefined) out[key] = value
  }
  return out
}

function mapDecoder(values: Schema): Decode {
  const decode = structDecoder(values)
  const zero = zeroFor(values)
  const type = `map[string]${goType(values, undefined)}`
  return (value, context) => {
    if (typeof value !== 'object' || Array.isArray(value)) {
      wrongType(context, value, type === 'map[string]resource.Quantity' ? 'v1.ResourceList' : type)
      return undefined
    }
    const map = value as Json
    let events = context.events.length
    for (const key in map) {
      const before = map[key]
      context.keys += 1
      const after = before === null ? zero() : decode(before, context)
      if (context.events.length !== events) events = underMapKey(context, events, key)
      if (after !== before) map[key] = after
    }
    return map
  }
}

function listDecoder(items: Schema, type: string): Decode {
  const decode = compile(items, type.startsWith('[]') && items.type !== 'object' ? type.slice(2) : undefined)
  const zero = zeroFor(items)
  return (value, context) => {
    if (!Array.isArray(value)) {
      wrongType(context, value, type)
      return undefined
    }
    const list = value as unknown[]
    let events = context.events.length
    for (let i = 0; i < list.length; i += 1) {
      const before = list[i]
      const after = before === null ? (zero() ?? null) : decode(before, context)
      if (context.events.length !== events) events = underIndex(context, events, i)
      if (after !== before) list[i] = after
    }
    return list
  }
}

/** A JSON schema, or what else its place allows; which of the two shows in the JSON type. */
function unionDecoder(schema: ScalarSchema, object: ObjectSchema): Decode {
  const decode = structDecoder(object)
  return (value, context) => {
    if (Array.isArray(value)) {
      const list = value as unknown[]
      for (const [index, item] of list.entries()) if (typeof item === 'object' && item !== null) list[index] = decode(item, context)
      return list
    }
    if (typeof value === 'object') return decode(value, context)
    if (schema.form === 'schema-or-bool' && typeof value === 'boolean') return value
    wrongType(context, value, goType(object, undefined))
    return undefined
  }
}

/** The Go name that type errors show: `v1.PodSpec`, `[]v1.Container`, `map[string]string`. */
function goType(schema: Schema, named: string | undefined): string {
  if (schema.type === 'object') return shortGoName(schema.name ?? '')
  if (schema.type === 'map') return `map[string]${goType(schema.values, undefined)}`
  if (schema.type === 'list') return `[]${named ?? goType(schema.items, undefined)}`
  return schema.type === 'quantity' ? 'resource.Quantity' : (named ?? goTypeOf(schema.type))
}

/** `core_v1.PodSpec` is `v1.PodSpec` in Go. */
function shortGoName(name: string): string {
  const dot = name.lastIndexOf('.')
  const stem = name.slice(0, Math.max(dot, 0))
  return `${stem.slice(stem.lastIndexOf('_') + 1)}.${name.slice(dot + 1)}`
}

function lastPart(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1)
}
