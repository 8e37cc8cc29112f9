import { type FieldRow, messageRow } from '../schemas.ts'
import { ProtobufError, Reader } from './reader.ts'
import { FORM_CODECS, type ReadState, SCALAR_CODECS, type ValueCodec } from './values.ts'
import { BYTES, ReverseWriter } from './writer.ts'

type Json = Record<string, unknown>

/** One field of a message, ready to run. */
interface Plan {
  readonly num: number
  readonly write: (writer: ReverseWriter, object: Json) => void
  readonly read: (reader: Reader, target: Json, state: ReadState) => void
  readonly wireType: number
}

export interface MessageCodec {
  readonly write: (writer: ReverseWriter, object: Json) => void
  readonly read: (reader: Reader, target: Json, state: ReadState) => void
}

/** Deeper nesting than any real object has; keeps hostile bodies from exhausting the stack. */
const MAX_DEPTH = 120

const messages = new Map<string, MessageCodec>()

/** The bare message, without the envelope. The object has the form that decoding gives. */
export function encodeMessage(typeName: string, object: unknown): Uint8Array {
  const writer = new ReverseWriter()
  messageCodec(typeName).write(writer, object as Json)
  return writer.finish()
}

/**
 * JSON form of a bare message, fields as they stand there, empty ones included. `embedded` reads objects that stand in an
 * envelope. Throws ProtobufError.
 */
export function readMessage(typeName: string, bytes: Uint8Array, embedded: ReadState['embedded']): Record<string, unknown> {
  const target: Json = {}
  messageCodec(typeName).read(new Reader(bytes), target, { depth: 0, embedded })
  return target
}

/** Compiled at first use; nested messages when they are first met. */
export function messageCodec(typeName: string): MessageCodec {
  let codec = messages.get(typeName)
  if (codec === undefined) messages.set(typeName, (codec = compile(typeName)))
  return codec
}

function compile(typeName: string): MessageCodec {
  const [, flags, ...rows] = messageRow(typeName)
  if (flags.includes('j')) throw new ProtobufError(`${typeName} has no protobuf form`)
  const plans = rows.map(planOf).sort((a, b) => b.num - a.num)
  const byNumber = new Map(plans.map((plan) => [plan.num, plan]))
  return {
    write: (writer, object) => {
      for (const plan of plans) plan.write(writer, object)
    },
    read: (reader, target, state) => {
      if (state.depth > MAX_DEPTH) throw new ProtobufError('nested too deep')
      state.depth += 1
      while (!reader.done) {
        const tag = reader.varint()
        const wireType = tag % 8
        const plan = byNumber.get(Math.floor(tag / 8))
        if (plan === undefined) reader.skip(wireType)
        else if (plan.wireType !== wireType) throw new ProtobufError(`wrong wireType = ${wireType} for field ${plan.num} of ${typeName}`)
        else plan.read(reader, target, state)
      }
      state.depth -= 1
    },
  }
}

function planOf(row: FieldRow): Plan {
  const [name, type, num, flags] = row
  if (flags.includes('i')) return inlinePlan(num, type)
  if (type.startsWith('[')) return listPlan(name, num, codecOf(type.slice(1)))
  if (type.startsWith('{')) return mapPlan(name, num, codecOf(type.slice(1)))
  return valuePlan(name, num, codecOf(type), flags.includes('p'))
}

/** A nested message whose fields stand in the parent's JSON object. */
function inlinePlan(num: number, type: string): Plan {
  return {
    num,
    wireType: BYTES,
    write: (writer, object) => {
      const start = writer.length
      messageCodec(type).write(writer, object)
      writer.varint(writer.length - start)
      writer.tag(num, BYTES)
    },
    read: (reader, target, state) => messageCodec(type).read(reader.message(), target, state),
  }
}

/** Everything but a pointer is written also when it is absent. */
function valuePlan(name: string, num: number, codec: ValueCodec, pointer: boolean): Plan {
  return {
    num,
    wireType: codec.wireType,
    write: (writer, object) => {
      const value = object[name] ?? (pointer ? undefined : codec.empty)
      if (value === undefined && pointer) return
      codec.write(writer, value)
      writer.tag(num, codec.wireType)
    },
    read: (reader, target, state) => {
      const value = codec.read(reader, state)
      if (value !== undefined) target[name] = value
    },
  }
}

function listPlan(name: string, num: number, codec: ValueCodec): Plan {
  return {
    num,
    wireType: codec.wireType,
    write: (writer, object) => {
      const list = object[name] as readonly unknown[] | undefined
      for (let i = (list?.length ?? 0) - 1; i >= 0; i -= 1) {
        codec.write(writer, list?.[i] ?? codec.empty)
        writer.tag(num, codec.wireType)
      }
    },
    read: (reader, target, state) => {
      const list = (target[name] ??= []) as unknown[]
      list.push(codec.read(reader, state) ?? null)
    },
  }
}

/** Entries are messages {1: key, 2: value}, sorted by key. */
function mapPlan(name: string, num: number, codec: ValueCodec): Plan {
  return {
    num,
    wireType: BYTES,
    write: (writer, object) => {
      const map = (object[name] ?? {}) as Json
      for (const key of Object.keys(map).sort().reverse()) {
        const start = writer.length
        codec.write(writer, map[key] ?? codec.empty)
        writer.tag(2, codec.wireType)
        writer.string(key)
        writer.tag(1, BYTES)
        writer.varint(writer.length - start)
        writer.tag(num, BYTES)
      }
    },
    read: (reader, target, state) => {
      const entry = reader.message()
      let key = ''
      let value: unknown = codec.empty
      while (!entry.done) {
        const tag = entry.varint()
        if (tag === 8 + BYTES) key = entry.string()
        else if (tag === 16 + codec.wireType) value = codec.read(entry, state)
        else entry.skip(tag % 8)
      }
      const map = (target[name] ??= {}) as Json
      Object.defineProperty(map, key, { value: value ?? null, enumerable: true, configurable: true, writable: true })
    },
  }
}

function codecOf(type: string): ValueCodec {
  const scalar = SCALAR_CODECS[type]
  if (scalar !== undefined) return scalar
  const form = messageRow(type)[0]
  if (form === '') return nested(type)
  return FORM_CODECS[form] ?? unionCodec(form)
}

function nested(type: string): ValueCodec {
  return {
    wireType: BYTES,
    write: (writer, value) => {
      const start = writer.length
      messageCodec(type).write(writer, value as Json)
      writer.varint(writer.length - start)
    },
    read: (reader, state) => {
      const target: Json = {}
      messageCodec(type).read(reader.message(), target, state)
      return target
    },
    empty: {},
  }
}

const SCHEMA = 'apiextensions.k8s.io_v1.JSONSchemaProps'

/** A JSON schema in field 1 (2 of schema-or-bool), or what else its place allows in the other. */
function unionCodec(form: string): ValueCodec {
  const schema = nested(SCHEMA)
  const schemaNum = form === 'schema-or-bool' ? 2 : 1
  const other = form === 'schema-or-string-array' ? SCALAR_CODECS['string'] : schema
  if (other === undefined) throw new Error('no string codec')
  return {
    wireType: BYTES,
    write: (writer, value) => {
      const start = writer.length
      if (Array.isArray(value)) writeItems(writer, value, other)
      else if (typeof value === 'object' && value !== null) {
        schema.write(writer, value)
        writer.tag(schemaNum, BYTES)
      }
      if (form === 'schema-or-bool') {
        // Beside a schema `allows` is true: the schema stands for "allowed, if it matches".
        writer.varint(value === false ? 0 : 1)
        writer.tag(1, 0)
      }
      writer.varint(writer.length - start)
    },
    read: (reader, state) => readUnion(reader.message(), state, { form, schema, schemaNum, other }),
    empty: undefined,
  }
}

function writeItems(writer: ReverseWriter, items: readonly unknown[], codec: ValueCodec): void {
  for (const item of items.toReversed()) {
    codec.write(writer, item)
    writer.tag(2, BYTES)
  }
}

interface Union {
  readonly form: string
  readonly schema: ValueCodec
  readonly schemaNum: number
  readonly other: ValueCodec
}

function readUnion(reader: Reader, state: ReadState, { form, schema, schemaNum, other }: Union): unknown {
  let object: unknown
  let allows = false
  const items: unknown[] = []
  while (!reader.done) {
    const tag = reader.varint()
    if (tag === schemaNum * 8 + BYTES) object = schema.read(reader, state)
    else if (tag === 16 + BYTES) items.push(other.read(reader, state))
    else if (tag === 8 && form === 'schema-or-bool') allows = reader.varint() !== 0
    else reader.skip(tag % 8)
  }
  if (object !== undefined) return object
  return form === 'schema-or-bool' ? allows : items
}
