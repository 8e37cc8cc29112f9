import { sizeOf } from '../equality.ts'
import { EvaluationError } from '../issue.ts'
import { MAX_INT, MAX_UINT, MIN_INT } from '../lexer.ts'
import { either, global, type Overload } from '../overload.ts'
import { A, BOOL, BYTES, DOUBLE, DURATION, DYN, INT, list, map, STRING, TIMESTAMP, TYPE, typeNameOf, UINT } from '../types.ts'
import { TypeValue, Uint } from '../values.ts'
import { checkedTimestamp, formatSeconds, formatTimestamp, parseGoDuration, parseTimestamp } from './time.ts'

function orFail<T>(value: T | undefined, text: string): T {
  if (value === undefined) throw new EvaluationError(text)
  return value
}

function toInt(value: bigint): bigint {
  if (value > MAX_INT || value < MIN_INT) throw new EvaluationError('integer overflow')
  return value
}

function toUint(value: bigint): Uint {
  if (value > MAX_UINT || value < 0n) throw new EvaluationError('unsigned integer overflow')
  return new Uint(value)
}

function whole(value: number): bigint {
  if (!Number.isFinite(value)) throw new EvaluationError('integer overflow')
  return BigInt(Math.trunc(value))
}

const integer = (text: string, type: string): bigint => {
  if (!/^[+-]?\d{1,20}$/.test(text)) throw new EvaluationError(`type conversion error from 'string' to '${type}'`)
  return BigInt(text.replace(/^\+/, ''))
}

function toDouble(text: string): number {
  const isNumber = /^[+-]?(?:\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|Inf(?:inity)?|NaN)$/i.test(text)
  if (!isNumber) throw new EvaluationError("type conversion error from 'string' to 'double'")
  if (/nan$/i.test(text)) return Number.NaN
  if (/inf/i.test(text)) return text.startsWith('-') ? -Infinity : Infinity
  return Number(text)
}

const TRUE = ['1', 't', 'T', 'true', 'TRUE', 'True']
const FALSE = ['0', 'f', 'F', 'false', 'FALSE', 'False']

function toBool(text: string): boolean {
  if (TRUE.includes(text)) return true
  if (FALSE.includes(text)) return false
  throw new EvaluationError("type conversion error from 'string' to 'bool'")
}

/** As Go writes a float of the shortest form. */
export function formatDouble(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf'
  return String(value).replace(/e([+-])(\d)$/, 'e$10$2')
}

function text(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new EvaluationError('invalid UTF-8 in bytes, cannot convert to string')
  }
}

const codePoints = (value: string): number => Array.from(value).length

/** Units of reading a time, which takes some microseconds. */
const PARSE_COST = 10

/** Conversions between types, and sizes. */
export const CONVERSIONS: readonly Overload[] = [
  global('dyn', [A], DYN, (value) => value),
  global('type', [A], TYPE, (value) => new TypeValue(typeNameOf(value))),
  global('int', [INT], INT, (value) => value),
  global('int', [UINT], INT, ({ value }) => toInt(value)),
  global('int', [DOUBLE], INT, (value) => toInt(whole(value))),
  global('int', [STRING], INT, (value) => toInt(integer(value, 'int'))),
  global('int', [TIMESTAMP], INT, ({ nanos }) => nanos / 1_000_000_000n),
  global('uint', [UINT], UINT, (value) => value),
  global('uint', [INT], UINT, toUint),
  global('uint', [DOUBLE], UINT, (value) => toUint(whole(value))),
  global('uint', [STRING], UINT, (value) => toUint(integer(value, 'uint'))),
  global('double', [DOUBLE], DOUBLE, (value) => value),
  global('double', [INT], DOUBLE, Number),
  global('double', [UINT], DOUBLE, ({ value }) => Number(value)),
  global('double', [STRING], DOUBLE, toDouble),
  global('bool', [BOOL], BOOL, (value) => value),
  global('bool', [STRING], BOOL, toBool),
  global('string', [STRING], STRING, (value) => value),
  global('string', [BOOL], STRING, String),
  global('string', [INT], STRING, String),
  global('string', [UINT], STRING, ({ value }) => String(value)),
  global('string', [DOUBLE], STRING, formatDouble),
  global('string', [BYTES], STRING, text),
  global('string', [TIMESTAMP], STRING, formatTimestamp),
  global('string', [DURATION], STRING, formatSeconds),
  global('bytes', [BYTES], BYTES, (value) => value),
  global('bytes', [STRING], BYTES, (value) => new TextEncoder().encode(value)),
  global('timestamp', [TIMESTAMP], TIMESTAMP, (value) => value),
  global('timestamp', [INT], TIMESTAMP, (value) => checkedTimestamp(value * 1_000_000_000n)),
  global('timestamp', [STRING], TIMESTAMP, (value, meter) => {
    meter.spend(PARSE_COST)
    return orFail(parseTimestamp(value), `parsing time ${JSON.stringify(value)}: cannot parse as RFC 3339`)
  }),
  global('duration', [DURATION], DURATION, (value) => value),
  global('duration', [STRING], DURATION, (value, meter) => {
    meter.spend(PARSE_COST)
    return orFail(parseGoDuration(value), `time: invalid duration ${JSON.stringify(value)}`)
  }),
  ...either('size', [STRING], INT, (value) => BigInt(codePoints(value))),
  ...either('size', [BYTES], INT, (value) => BigInt(value.length)),
  ...either('size', [list(A)], INT, (value) => BigInt(value.length)),
  ...either('size', [map(A, DYN)], INT, (value, meter) => BigInt(sizeOf(value, meter))),
]
