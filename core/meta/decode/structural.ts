import type { ObjectSchema, Schema } from '../schema.ts'
import { countKeys, type DecodeContext, underField, underIndex, underMapKey } from './context.ts'
import type { Decode } from './scalars.ts'
import { structDecoder } from './struct.ts'

type Json = Record<string, unknown>

const compiled = new WeakMap<Schema, Decode>()

/**
 * Decoder of a custom type: drops what its structural schema does not name and nulls that it does not allow, and keeps
 * the rest as it is; wrong types are left to validation. Parts with a Go type (metadata) decode as built-in ones.
 * Works in place where it can. Source: Kubernetes documentation, "Field pruning" and "Defaulting and Nullable".
 */
export function structuralDecoder(schema: Schema): Decode {
  let decode = compiled.get(schema)
  if (decode === undefined) compiled.set(schema, (decode = compile(schema)))
  return decode
}

function compile(schema: Schema): Decode {
  if (schema.type === 'object') return schema.name === undefined ? objectDecoder(schema) : structDecoder(schema)
  if (schema.type === 'map') return mapDecoder(schema.values)
  return schema.type === 'list' ? listDecoder(schema.items) : keep
}

function keep(value: unknown, context: DecodeContext): unknown {
  countKeys(context, value)
  return value
}

interface Plan {
  readonly decode: Decode
  readonly nullable: boolean
}

function planOf(schema: Schema): Plan {
  return { decode: structuralDecoder(schema), nullable: schema.nullable === true || schema.type === 'any' }
}

function objectDecoder(schema: ObjectSchema): Decode {
  let fields: ReadonlyMap<string, Plan> | undefined
  const unknown: Decode = schema.preserveUnknown === true ? keep : drop
  return (value, context) => {
    if (!isObject(value)) return keep(value, context)
    fields ??= new Map([...schema.fields].map(([name, field]) => [name, planOf(field.schema)]))
    let events = context.events.length
    let dropped = false
    for (const key in value) {
      const before = value[key]
      const field = fields.get(key)
      context.keys += 1
      const after = field === undefined ? unknown(before, context) : decodeValue(field, before, context)
      if (context.events.length !== events) events = underField(context, events, key, '')
      if (after !== before) value[key] = after
      dropped ||= after === undefined
    }
    return dropped ? withoutUndefined(value) : value
  }
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function decodeValue({ decode, nullable }: Plan, value: unknown, context: DecodeContext): unknown {
  if (value !== null) return value === undefined ? undefined : decode(value, context)
  return nullable ? null : undefined
}

function drop(value: unknown, context: DecodeContext): undefined {
  countKeys(context, value)
  context.events.push({ type: 'unknown', path: '' })
  return undefined
}

function withoutUndefined(object: Json): Json {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined))
}

function mapDecoder(values: Schema): Decode {
  const plan = planOf(values)
  return (map, context) => {
    if (!isObject(map)) return keep(map, context)
    let events = context.events.length
    let dropped = false
    for (const key in map) {
      const before = map[key]
      context.keys += 1
      const after = decodeValue(plan, before, context)
      if (context.events.length !== events) events = underMapKey(context, events, key)
      if (after !== before) map[key] = after
      dropped ||= after === undefined
    }
    return dropped ? withoutUndefined(map) : map
  }
}

function listDecoder(items: Schema): Decode {
  const decode = structuralDecoder(items)
  return (value, context) => {
    if (!Array.isArray(value)) return keep(value, context)
    const list = value as unknown[]
    let events = context.events.length
    for (let i = 0; i < list.length; i += 1) {
      const before = list[i]
      const after = before === null ? null : decode(before, context)
      if (context.events.length !== events) events = underIndex(context, events, i)
      if (after !== before) list[i] = after
    }
    return list
  }
}
