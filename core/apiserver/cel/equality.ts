import type { Meter } from './meter.ts'
import { EvaluationError } from './issue.ts'
import { typeNameOf } from './types.ts'
import { Duration, ListValue, MapValue, mapKey, Opaque, Optional, Timestamp, TypeValue, Uint, type Value } from './values.ts'

/** CEL's `==`: numbers across types, lists and maps by content. Values of different types are unequal. */
export function equals(a: Value, b: Value, meter: Meter): boolean {
  meter.spend(1)
  if (isNumeric(a) && isNumeric(b)) return compareNumbers(a, b) === 0
  if (typeof a === 'string' && typeof b === 'string') {
    meter.spend(Math.min(a.length, b.length) * 0.1)
    return a === b
  }
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b
  return a instanceof Uint || b instanceof Uint ? false : equalObjects(a, b, meter)
}

type ObjectForm = Exclude<Value, null | string | number | bigint | boolean | Uint>

function equalObjects(a: ObjectForm, b: ObjectForm, meter: Meter): boolean {
  if (a instanceof ListValue) return b instanceof ListValue && equalLists(a, b, meter)
  if (a instanceof MapValue) return b instanceof MapValue && equalMaps(a, b, meter)
  if (a instanceof Uint8Array) return b instanceof Uint8Array && equalBytes(a, b, meter)
  if (a instanceof Timestamp) return b instanceof Timestamp && a.nanos === b.nanos
  if (a instanceof Duration) return b instanceof Duration && a.nanos === b.nanos
  if (a instanceof TypeValue) return b instanceof TypeValue && a.type === b.type
  if (a instanceof Optional) return b instanceof Optional && equalOptionals(a, b, meter)
  if (!(b instanceof Opaque)) return false
  meter.spend(Math.min(a.size, b.size) * 0.1)
  return a.type === b.type && a.same(b)
}

function equalBytes(a: Uint8Array, b: Uint8Array, meter: Meter): boolean {
  meter.spend(Math.min(a.length, b.length) * 0.1)
  return Buffer.compare(a, b) === 0
}

function equalOptionals({ value: a }: Optional, { value: b }: Optional, meter: Meter): boolean {
  return a === undefined || b === undefined ? a === b : equals(a, b, meter)
}

/** Sets and lists by key have no order. */
function equalLists(a: ListValue, b: ListValue, meter: Meter): boolean {
  if (a.length !== b.length) return false
  const { identity } = a
  if (identity === undefined) {
    for (let index = 0; index < a.length; index++) if (!equals(a.at(index), b.at(index), meter)) return false
    return true
  }
  meter.spend(a.length + b.length)
  const others = new Map(Array.from(b, (item) => [identity(item, meter), item]))
  return Array.from(a).every((item) => {
    const other = others.get(identity(item, meter))
    return other !== undefined && equals(item, other, meter)
  })
}

function equalMaps(a: MapValue, b: MapValue, meter: Meter): boolean {
  if (sizeOf(a, meter) !== sizeOf(b, meter)) return false
  for (const key of a.keys()) {
    const [left, right] = [a.get(key), b.get(key)]
    if (left === undefined || right === undefined || !equals(left, right, meter)) return false
  }
  return true
}

export function isNumeric(value: Value): value is bigint | number | Uint {
  return typeof value === 'bigint' || typeof value === 'number' || value instanceof Uint
}

/** NaN is neither equal, less nor greater: NaN comes back. JavaScript compares bigint and number exactly. */
function compareNumbers(a: bigint | number | Uint, b: bigint | number | Uint): number {
  const [left, right] = [a instanceof Uint ? a.value : a, b instanceof Uint ? b.value : b]
  if (left < right) return -1
  return left > right ? 1 : left == right ? 0 : Number.NaN
}

/** Order of two values of one type, or of two numbers. Throws EvaluationError for types without an order. */
export function compare(a: Value, b: Value, meter: Meter): number {
  if (isNumeric(a) && isNumeric(b)) return compareNumbers(a, b)
  if (typeof a === 'string' && typeof b === 'string') {
    meter.spend(Math.min(a.length, b.length) * 0.1)
    return compareStrings(a, b)
  }
  if (typeof a === 'boolean' && typeof b === 'boolean') return Number(a) - Number(b)
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b)
  if ((a instanceof Timestamp && b instanceof Timestamp) || (a instanceof Duration && b instanceof Duration))
    return compareNumbers(a.nanos, b.nanos)
  throw new EvaluationError(`no such overload: ${typeNameOf(a)} compared with ${typeNameOf(b)}`)
}

/** By code points, which is the order of UTF-8 bytes: only halves of pairs stand at another place in JavaScript's order. */
function compareStrings(a: string, b: string): number {
  if (a === b) return 0
  const end = Math.min(a.length, b.length)
  for (let at = 0; at < end; at++) {
    const [left, right] = [a.charCodeAt(at), b.charCodeAt(at)]
    if (left !== right) return isHalf(left) === isHalf(right) ? left - right : isHalf(left) ? 1 : -1
  }
  return a.length - b.length
}

const isHalf = (unit: number): boolean => unit >= 0xd800 && unit < 0xe000

/** Objects count their keys anew each time. */
export function sizeOf(map: MapValue, meter: Meter): number {
  const { size } = map
  meter.spend(size * 0.2)
  return size
}

/** `value in collection`. */
export function contains(collection: Value, value: Value, meter: Meter): boolean {
  if (collection instanceof MapValue) return collection.get(value) !== undefined
  if (!(collection instanceof ListValue)) throw new EvaluationError(`no such overload: _ in ${typeNameOf(collection)}`)
  for (const item of collection) if (equals(item, value, meter)) return true
  return false
}

/** One text for values that are equal, for sets. */
export function fingerprint(value: Value, meter: Meter): string {
  const text = textOf(value, meter)
  meter.spend(1 + text.length * 0.1)
  return text
}

function textOf(value: Value, meter: Meter): string {
  if (value instanceof ListValue) return `[${Array.from(value, (item) => fingerprint(item, meter)).join()}]`
  if (value instanceof MapValue) {
    const parts = Array.from(value.keys(), (key) => `${mapKey(key)}=${fingerprint(value.get(key) ?? null, meter)}`)
    return `{${parts.sort().join()}}`
  }
  if (value instanceof Timestamp || value instanceof Duration) return `${typeNameOf(value)}${value.nanos}`
  if (value instanceof Uint8Array) return `b${Buffer.from(value).toString('base64')}`
  return isNumeric(value) ? `n${String(value instanceof Uint ? value.value : value)}` : `${typeof value}${JSON.stringify(value)}`
}
