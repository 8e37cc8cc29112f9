import { decodeObject } from '../../meta/decode/decode.ts'
import { MESSAGES } from '../schema-data.ts'
import { messageRow, schemaOf, stemOf } from '../schemas.ts'
import { messageCodec, readMessage } from './message.ts'
import { ProtobufError, Reader } from './reader.ts'
import { isEnvelope, MAGIC, parseJson } from './values.ts'
import { BYTES, ReverseWriter } from './writer.ts'

export { encodeMessage } from './message.ts'
export { ProtobufError } from './reader.ts'

interface Typed {
  readonly apiVersion?: string | undefined
  readonly kind?: string | undefined
}

/**
 * Schema name of a kind that has a protobuf form, or undefined: custom kinds, Table. Kinds of meta/v1 (Status,
 * DeleteOptions …) are found in every group version.
 */
export function protobufType(type: Typed): string | undefined {
  const { apiVersion = '', kind = '' } = type
  const slash = apiVersion.indexOf('/')
  const groupVersion = { group: slash < 0 ? '' : apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1) }
  const own = `${stemOf(groupVersion) ?? ''}.${kind}`
  const name = MESSAGES[own] === undefined ? `meta_v1.${kind}` : own
  return MESSAGES[name] === undefined || messageRow(name)[1].includes('j') ? undefined : name
}

/**
 * The object in its envelope (`k8s\0`, runtime.Unknown). Expects the form that decoding gives.
 * Throws ProtobufError for kinds without a protobuf form.
 */
export function encodeProtobuf(object: Typed): Uint8Array {
  const name = protobufType(object)
  if (name === undefined) throw new ProtobufError(`${object.apiVersion ?? ''} ${object.kind ?? ''} has no protobuf form`)
  const writer = new ReverseWriter()
  return envelope(writer, object, () => messageCodec(name).write(writer, object as Record<string, unknown>))
}

/**
 * A list in its envelope from items that `encodeMessage` made, so that encoded items can be kept and joined.
 * `list` has apiVersion, kind and metadata; every list has its metadata in field 1 and its items in field 2.
 */
export function encodeProtobufList(list: Typed & { readonly metadata: unknown }, items: readonly Uint8Array[]): Uint8Array {
  const writer = new ReverseWriter(items.reduce((sum, item) => sum + item.length + 8, 1024))
  return envelope(writer, list, () => {
    for (const item of items.toReversed()) {
      writer.raw(item)
      writer.varint(item.length)
      writer.tag(2, BYTES)
    }
    const start = writer.length
    messageCodec('meta_v1.ListMeta').write(writer, list.metadata as Record<string, unknown>)
    writer.varint(writer.length - start)
    writer.tag(1, BYTES)
  })
}

/** runtime.Unknown: 1 typeMeta {1 apiVersion, 2 kind}, 2 raw, 3 contentEncoding, 4 contentType. */
function envelope(writer: ReverseWriter, type: Typed, content: () => void): Uint8Array {
  writer.string('')
  writer.tag(4, BYTES)
  writer.string('')
  writer.tag(3, BYTES)
  const rawStart = writer.length
  content()
  writer.varint(writer.length - rawStart)
  writer.tag(2, BYTES)
  const typeStart = writer.length
  writer.string(type.kind ?? '')
  writer.tag(2, BYTES)
  writer.string(type.apiVersion ?? '')
  writer.tag(1, BYTES)
  writer.varint(writer.length - typeStart)
  writer.tag(1, BYTES)
  writer.raw(MAGIC)
  return writer.finish()
}

/**
 * The object of an envelope in the form that JSON decoding gives, with kind and apiVersion first. `into` names the type
 * when the envelope does not. Throws ProtobufError, whose message is for the client.
 */
export function decodeProtobuf(bytes: Uint8Array, into: Typed = {}): Record<string, unknown> {
  return decodeEnvelope(bytes, into, 0)
}

/** Objects within objects, such as a template within a revision; more would only exhaust the stack. */
const MAX_EMBEDDED = 10

function decodeEnvelope(bytes: Uint8Array, into: Typed, depth: number): Record<string, unknown> {
  if (depth > MAX_EMBEDDED) throw new ProtobufError('nested too deep')
  const { raw, contentType, ...named } = openEnvelope(bytes)
  const type = { kind: named.kind || into.kind, apiVersion: named.apiVersion || into.apiVersion }
  if (contentType.includes('json')) return typedJson({ ...type, ...(parseJson(raw) as Record<string, unknown>) })
  const name = protobufType(type)
  if (name === undefined) throw new ProtobufError(`no protobuf form of ${type.apiVersion ?? ''} ${type.kind ?? ''}`)
  const { object, errors } = decodeObject(
    readMessage(name, raw, (inner) => decodeEnvelope(inner, {}, depth + 1)),
    schemaOf(name),
  )
  if (errors[0] !== undefined) throw new ProtobufError(errors[0])
  return { ...type, ...object }
}

/** JSON in an envelope is what its kind says, as JSON without one is. */
function typedJson(value: Record<string, unknown>): Record<string, unknown> {
  const { apiVersion, kind } = value
  const name = typeof apiVersion === 'string' && typeof kind === 'string' ? protobufType({ apiVersion, kind }) : undefined
  if (name === undefined) return value
  const { object, errors } = decodeObject(value, schemaOf(name))
  if (errors[0] !== undefined) throw new ProtobufError(errors[0])
  return { kind, apiVersion, ...object }
}

/** Type and content of an envelope, without decoding the content; a view of the bytes. Throws ProtobufError. */
export function openEnvelope(bytes: Uint8Array): Envelope {
  if (!isEnvelope(bytes)) throw new ProtobufError('provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]')
  const reader = new Reader(bytes, MAGIC.length)
  const found = { apiVersion: '', kind: '', raw: new Uint8Array() as Uint8Array, contentType: '' }
  while (!reader.done) {
    const tag = reader.varint()
    if (tag === 8 + BYTES) readTypeMeta(reader.message(), found)
    else if (tag === 16 + BYTES) found.raw = reader.bytes()
    else if (tag === 32 + BYTES) found.contentType = reader.string()
    else reader.skip(tag % 8)
  }
  return found
}

export interface Envelope {
  /** Empty when the envelope does not name them. */
  readonly apiVersion: string
  readonly kind: string
  readonly raw: Uint8Array
  /** Empty for protobuf. */
  readonly contentType: string
}

function readTypeMeta(reader: Reader, found: { apiVersion: string; kind: string }): void {
  while (!reader.done) {
    const tag = reader.varint()
    if (tag === 8 + BYTES) found.apiVersion = reader.string()
    else if (tag === 16 + BYTES) found.kind = reader.string()
    else reader.skip(tag % 8)
  }
}

/** One frame of a protobuf watch: length, then WatchEvent {1 type, 2 object {1 raw}}, with the object in its envelope. */
export function encodeWatchFrame(type: string, object: Uint8Array): Uint8Array {
  const writer = new ReverseWriter(object.length + 64)
  writer.raw(object)
  writer.varint(object.length)
  writer.tag(1, BYTES)
  writer.varint(writer.length)
  writer.tag(2, BYTES)
  writer.string(type)
  writer.tag(1, BYTES)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(writer.length)
  writer.raw(length)
  return writer.finish()
}
