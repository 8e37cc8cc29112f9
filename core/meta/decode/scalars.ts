import { formatDuration, parseDuration } from '../duration.ts'
import { formatQuantity, readQuantity } from '../quantity.ts'
import type { ScalarType } from '../schema.ts'
import { countKeys, type DecodeContext, wrongNumber, wrongType } from './context.ts'
import { readTime } from './time.ts'

/** Turns one JSON value into the form that is stored; undefined when there is nothing to store. Problems go to the context. */
export type Decode = (value: unknown, context: DecodeContext) => unknown

const INT32 = [-(2 ** 31), 2 ** 31 - 1] as const
const UINT32 = [0, 2 ** 32 - 1] as const
/** JSON numbers above 2^53 have lost digits before they get here; only the range can be held. */
const INT64 = [-(2 ** 63), 2 ** 63] as const

/** Decoder of a scalar; `goType` is the name that type errors show. */
export function scalarDecoder(type: ScalarType, goType: string): Decode {
  return DECODERS[type](goType)
}

/** What an absent value becomes where one is always written; undefined where nothing can stand for it. */
export function zeroOf(type: ScalarType): unknown {
  return ZEROS[type]
}

/** Name of the Go type in messages. */
export function goTypeOf(type: ScalarType): string {
  return GO_TYPES[type]
}

const DECODERS: Readonly<Record<ScalarType, (goType: string) => Decode>> = {
  string: (goType) => (value, context) => (typeof value === 'string' ? value : wrong(context, value, goType)),
  boolean: (goType) => (value, context) => (typeof value === 'boolean' ? value : wrong(context, value, goType)),
  int32: (goType) => integer(INT32, goType),
  uint32: (goType) => integer(UINT32, goType),
  int64: (goType) => integer(INT64, goType),
  double: (goType) => (value, context) => (typeof value === 'number' ? value : wrong(context, value, goType)),
  bytes: () => decodeBytes,
  quantity: () => decodeQuantity,
  time: () => (value, context) => decodeTime(value, 'time', context),
  'micro-time': () => (value, context) => decodeTime(value, 'micro-time', context),
  duration: () => decodeDuration,
  'int-or-string': () => decodeIntOrString,
  any: () => (value, context) => {
    countKeys(context, value)
    return value
  },
}

const ZEROS: Readonly<Record<ScalarType, unknown>> = {
  string: '',
  bytes: '',
  boolean: false,
  int32: 0,
  uint32: 0,
  int64: 0,
  double: 0,
  'int-or-string': 0,
  quantity: '0',
  duration: '0s',
  // Go writes null for these. Stored objects hold none, so that readers need not tell two kinds of absence apart.
  time: undefined,
  'micro-time': undefined,
  any: undefined,
}

const GO_TYPES: Readonly<Record<ScalarType, string>> = {
  string: 'string',
  boolean: 'bool',
  int32: 'int32',
  uint32: 'uint32',
  int64: 'int64',
  double: 'float64',
  bytes: '[]uint8',
  quantity: 'string',
  time: 'string',
  'micro-time': 'string',
  duration: 'string',
  'int-or-string': 'int32',
  any: 'runtime.RawExtension',
}

function wrong(context: DecodeContext, value: unknown, goType: string): unknown {
  wrongType(context, value, goType)
  return undefined
}

function problem(context: DecodeContext, text: string): unknown {
  context.events.push({ type: 'text', path: '', text })
  return undefined
}

function integer([min, max]: readonly [number, number], goType: string): Decode {
  return (value, context) => {
    if (typeof value !== 'number') return wrong(context, value, goType)
    if (Number.isInteger(value) && value >= min && value <= max) return value
    wrongNumber(context, value, goType)
    return undefined
  }
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/

function decodeBytes(value: unknown, context: DecodeContext): unknown {
  if (typeof value !== 'string') return wrong(context, value, '[]uint8')
  const text = value.includes('\n') || value.includes('\r') ? value.replaceAll(/[\r\n]/g, '') : value
  if (text.length % 4 === 0 && BASE64.test(text)) return text
  return problem(context, `illegal base64 data at input byte ${illegalByte(value)}`)
}

/** Where Go's decoder stops: at the first character that cannot stand there, or at the start of a short last group. */
function illegalByte(value: string): number {
  const bad = value.search(/[^A-Za-z0-9+/\r\n]/)
  if (bad >= 0) return bad
  const letters = value.replaceAll(/[\r\n]/g, '').length
  return value.length - (letters % 4)
}

function decodeQuantity(value: unknown, context: DecodeContext): unknown {
  if (typeof value !== 'string' && typeof value !== 'number') {
    return problem(context, "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")
  }
  const quantity = readQuantity(value)
  return typeof quantity === 'string' ? problem(context, quantity) : formatQuantity(quantity)
}

function decodeTime(value: unknown, form: 'time' | 'micro-time', context: DecodeContext): unknown {
  if (typeof value !== 'string') return wrong(context, value, 'string')
  const result = readTime(value, form)
  return 'value' in result ? result.value : problem(context, result.problem)
}

function decodeDuration(value: unknown, context: DecodeContext): unknown {
  if (typeof value !== 'string') return wrong(context, value, 'string')
  const ms = parseDuration(value)
  return ms === undefined ? problem(context, `time: invalid duration ${JSON.stringify(value)}`) : formatDuration(ms)
}

function decodeIntOrString(value: unknown, context: DecodeContext): unknown {
  return typeof value === 'string' ? value : integer(INT32, 'int32')(value, context)
}
