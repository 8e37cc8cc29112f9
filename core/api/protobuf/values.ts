import { formatDuration, parseDuration } from '../../meta/duration.ts'
import { nestsTooDeep } from '../../meta/json-depth.ts'
import { ProtobufError, type Reader } from './reader.ts'
import { BYTES, FIXED64, type ReverseWriter, VARINT } from './writer.ts'

/** State of one decoding. */
export interface ReadState {
  depth: number
  /** Reads an object that stands embedded in an envelope of its own. */
  readonly embedded: (bytes: Uint8Array) => unknown
}

/** The four bytes in front of every protobuf object: `k8s` and NUL. */
export const MAGIC: Uint8Array = Uint8Array.of(0x6b, 0x38, 0x73, 0x00)

/** Whether the bytes begin as Kubernetes' protobuf does. */
export function isEnvelope(bytes: Uint8Array): boolean {
  return bytes.length >= MAGIC.length && MAGIC.every((byte, index) => bytes[index] === byte)
}

/** How one kind of value travels. Empty is what stands for an absent value that Go writes all the same. */
export interface ValueCodec {
  readonly wireType: number
  readonly write: (writer: ReverseWriter, value: unknown) => void
  /** Undefined when the bytes say that there is no value. */
  readonly read: (reader: Reader, state: ReadState) => unknown
  readonly empty: unknown
}

const text = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))

const integer: ValueCodec = { wireType: VARINT, write: (w, v) => w.int(v as number), read: (r) => r.int(), empty: 0 }

export const SCALAR_CODECS: Readonly<Record<string, ValueCodec>> = {
  string: { wireType: BYTES, write: (w, v) => w.string(text(v)), read: (r) => r.string(), empty: '' },
  bool: { wireType: VARINT, write: (w, v) => w.varint(v === true ? 1 : 0), read: (r) => r.varint() !== 0, empty: false },
  int32: { ...integer, read: (r) => r.int() | 0 },
  int64: integer,
  uint32: { wireType: VARINT, write: (w, v) => w.varint(v as number), read: (r) => r.varint() >>> 0, empty: 0 },
  double: { wireType: FIXED64, write: (w, v) => w.double(v as number), read: (r) => r.double(), empty: 0 },
  bytes: {
    wireType: BYTES,
    write: (w, v) => {
      const bytes = Buffer.from(text(v), 'base64')
      w.raw(bytes)
      w.varint(bytes.length)
    },
    read: (r) => r.bytes().toString('base64'),
    empty: '',
  },
}

type Fields = ReadonlyMap<number, (reader: Reader) => void>

/** For the field table of a message: keeps each reader's own result out of its type. */
function fieldsOf(...fields: readonly (readonly [number, (reader: Reader) => void])[]): Fields {
  return new Map(fields)
}

function readFields(reader: Reader, fields: Fields): void {
  while (!reader.done) {
    const tag = reader.varint()
    const read = fields.get(Math.floor(tag / 8))
    if (read === undefined) reader.skip(tag % 8)
    else read(reader)
  }
}

/** A message written by `fields` in descending number order, with its length in front. */
function message(
  write: (writer: ReverseWriter, value: unknown) => void,
  read: (reader: Reader, state: ReadState) => unknown,
  empty: unknown,
): ValueCodec {
  return {
    wireType: BYTES,
    write: (writer, value) => {
      const start = writer.length
      if (value !== undefined && value !== null) write(writer, value)
      writer.varint(writer.length - start)
    },
    read: (reader, state) => read(reader.message(), state),
    empty,
  }
}

function writeInt(writer: ReverseWriter, num: number, value: number): void {
  writer.int(value)
  writer.tag(num, VARINT)
}

function writeText(writer: ReverseWriter, num: number, value: string): void {
  writer.string(value)
  writer.tag(num, BYTES)
}

function timeCodec(form: 'time' | 'micro-time'): ValueCodec {
  const write = (writer: ReverseWriter, value: unknown): void => {
    const ms = Date.parse(text(value).slice(0, 19) + 'Z')
    const micros = form === 'time' ? 0 : Number((/\.(\d+)/.exec(text(value))?.[1] ?? '').padEnd(6, '0').slice(0, 6))
    writeInt(writer, 2, micros * 1000)
    writeInt(writer, 1, Math.floor(ms / 1000))
  }
  const read = (reader: Reader): unknown => {
    if (reader.done) return undefined
    let seconds = 0
    let nanos = 0
    readFields(reader, fieldsOf([1, (r) => (seconds = r.int())], [2, (r) => (nanos = r.int())]))
    const date = new Date(seconds * 1000)
    if (Number.isNaN(date.getTime())) throw new ProtobufError('time out of range')
    const iso = date.toISOString().slice(0, 19)
    return form === 'time' ? `${iso}Z` : `${iso}.${String(Math.floor(nanos / 1000)).padStart(6, '0')}Z`
  }
  return message(write, read, undefined)
}

/** Any JSON in field 1; what is absent is an empty message. Embedded objects may stand in an envelope of their own. */
const json = message(
  (writer, value) => writeText(writer, 1, JSON.stringify(value)),
  (reader, state) => {
    let bytes: Uint8Array = Buffer.alloc(0)
    readFields(reader, fieldsOf([1, (r) => (bytes = r.bytes())]))
    if (bytes.length === 0) return undefined
    return isEnvelope(bytes) ? state.embedded(bytes) : parseJson(bytes)
  },
  undefined,
)

/** Throws ProtobufError when the bytes are no JSON. */
export function parseJson(bytes: Uint8Array): unknown {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
  if (nestsTooDeep(text)) throw new ProtobufError('embedded value is not JSON: exceeded max depth')
  try {
    return JSON.parse(text) as unknown
  } catch (err) {
    throw new ProtobufError(`embedded value is not JSON: ${(err as Error).message}`)
  }
}

/** Field 1 is always there: a zero quantity travels as `0`. */
const quantity = message(
  (writer, value) => writeText(writer, 1, text(value)),
  (reader) => {
    let value = '0'
    readFields(reader, fieldsOf([1, (r) => (value = r.string())]))
    return value
  },
  '0',
)

const intOrString = message(
  (writer, value) => {
    const isText = typeof value === 'string'
    writeText(writer, 3, isText ? value : '')
    writeInt(writer, 2, isText ? 0 : (value as number))
    writeInt(writer, 1, isText ? 1 : 0)
  },
  (reader) => {
    let type = 0
    let number = 0
    let string = ''
    readFields(reader, fieldsOf([1, (r) => (type = r.int())], [2, (r) => (number = r.int() | 0)], [3, (r) => (string = r.string())]))
    return type === 1 ? string : number
  },
  0,
)

const duration = message(
  (writer, value) => writeInt(writer, 1, Math.round((parseDuration(text(value)) ?? 0) * 1e6)),
  (reader) => {
    let nanos = 0
    readFields(reader, fieldsOf([1, (r) => (nanos = r.int())]))
    return formatDuration(nanos / 1e6)
  },
  '0s',
)

/** ExtraValue and its like: `{1: repeated string}` for a bare list. */
const listWrapper = message(
  (writer, value) => {
    for (const item of (value as readonly string[]).toReversed()) writeText(writer, 1, item)
  },
  (reader) => {
    const items: string[] = []
    readFields(reader, fieldsOf([1, (r) => items.push(r.string())]))
    return items
  },
  [],
)

/** Codecs of the messages with a JSON form of their own, except those that hold schemas. */
export const FORM_CODECS: Readonly<Record<string, ValueCodec>> = {
  'int-or-string': intOrString,
  quantity,
  time: timeCodec('time'),
  'micro-time': timeCodec('micro-time'),
  duration,
  'raw-extension': json,
  'fields-v1': json,
  'raw-json': json,
  list: listWrapper,
}
