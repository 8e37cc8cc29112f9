import { EvaluationError } from '../issue.ts'
import { MAX_INT, MIN_INT } from '../lexer.ts'
import type { Meter } from '../meter.ts'
import { method, type Overload } from '../overload.ts'
import { DURATION, INT, STRING, TIMESTAMP } from '../types.ts'
import { Duration, Timestamp } from '../values.ts'

const SECOND = 1_000_000_000n
const MIN_TIME = -62_135_596_800n * SECOND
const MAX_TIME = 253_402_300_800n * SECOND

/** Nanoseconds since 1970. Throws EvaluationError outside of the years 1 to 9999. */
export function checkedTimestamp(nanos: bigint): Timestamp {
  if (nanos < MIN_TIME || nanos >= MAX_TIME) throw new EvaluationError('timestamp overflow')
  return new Timestamp(nanos)
}

/** Nanoseconds. Throws EvaluationError beyond 64 bits. */
export function checkedDuration(nanos: bigint): Duration {
  if (nanos < MIN_INT || nanos > MAX_INT) throw new EvaluationError('duration overflow')
  return new Duration(nanos)
}

/** Longer texts are no times, only work. */
const MAX_LENGTH = 256
const RFC3339 = /^(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9})\d*)?(Z|z|[+-]\d{2}:\d{2})$/

/** RFC 3339 with up to nine digits of a second; undefined for anything else. Throws EvaluationError for years out of range. */
export function parseTimestamp(text: string): Timestamp | undefined {
  if (text.length > MAX_LENGTH) return undefined
  const [, day, time, fraction = '', zone] = RFC3339.exec(text) ?? []
  if (day === undefined || time === undefined || zone === undefined) return undefined
  const ms = Date.parse(`${day}T${time}${zone.toUpperCase()}`)
  if (Number.isNaN(ms)) return undefined
  return checkedTimestamp(BigInt(ms) * 1_000_000n + BigInt(fraction.padEnd(9, '0')))
}

export function formatTimestamp({ nanos }: Timestamp): string {
  const fraction = ((nanos % SECOND) + SECOND) % SECOND
  const base = new Date(Number((nanos - fraction) / 1_000_000n)).toISOString().slice(0, 19)
  return `${base}${fraction === 0n ? '' : `.${String(fraction).padStart(9, '0').replace(/0+$/, '')}`}Z`
}

const UNITS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1000n,
  µs: 1000n,
  μs: 1000n,
  ms: 1_000_000n,
  s: SECOND,
  m: 60n * SECOND,
  h: 3600n * SECOND,
}
const PART = /(\d*)(?:\.(\d*))?(ns|us|µs|μs|ms|s|m|h)/y

/** Go's durations, exact to the nanosecond. */
export function parseGoDuration(text: string): Duration | undefined {
  if (text.length > MAX_LENGTH) return undefined
  const sign = text.startsWith('-') ? -1n : 1n
  const body = text.replace(/^[+-]/, '')
  if (body === '0') return new Duration(0n)
  let total = 0n
  PART.lastIndex = 0
  while (PART.lastIndex < body.length) {
    const [, whole = '', fraction = '', unit = ''] = PART.exec(body) ?? []
    const size = UNITS[unit]
    if (size === undefined || (whole === '' && fraction === '') || whole.length > 19) return undefined
    const digits = fraction.slice(0, 18)
    total += BigInt(whole || '0') * size + (BigInt(digits || '0') * size) / 10n ** BigInt(digits.length)
  }
  return body === '' ? undefined : checkedDuration(sign * total)
}

export function formatSeconds({ nanos }: Duration): string {
  const absolute = nanos < 0n ? -nanos : nanos
  const fraction = absolute % SECOND
  const tail = fraction === 0n ? '' : `.${String(fraction).padStart(9, '0').replace(/0+$/, '')}`
  return `${nanos < 0n ? '-' : ''}${absolute / SECOND}${tail}s`
}

const OFFSET = /^([+-]?)(\d{1,2}):(\d{2})$/

/** The wall clock of a zone, as a date whose UTC fields tell it. Throws EvaluationError for an unknown zone. */
function wallClock({ nanos }: Timestamp, zone: string, meter: Meter): Date {
  const ms = Number(nanos / 1_000_000n) - (nanos < 0n && nanos % 1_000_000n !== 0n ? 1 : 0)
  const offset = OFFSET.exec(zone)
  if (offset !== null) return new Date(ms + (offset[1] === '-' ? -1 : 1) * (Number(offset[2]) * 60 + Number(offset[3])) * 60_000)
  if (zone === 'UTC' || zone === '') return new Date(ms)
  const parts = zoneFormat(zone, meter).formatToParts(new Date(ms))
  const found = Object.fromEntries(parts.map(({ type, value }) => [type, Number(value)]))
  const { year = 1970, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = found
  return new Date(Date.UTC(year, month - 1, day, hour, minute, second, ((ms % 1000) + 1000) % 1000))
}

/** Making one takes half a millisecond, and its rules of a zone some 100 kB. */
const FORMATS_KEPT = 32
const MAKING_COST = 5_000
const USING_COST = 50
const formats = new Map<string, Intl.DateTimeFormat>()

/** Throws EvaluationError for an unknown zone. */
function zoneFormat(zone: string, meter: Meter): Intl.DateTimeFormat {
  meter.spend(USING_COST)
  const known = formats.get(zone)
  if (known !== undefined) return known
  meter.spend(MAKING_COST)
  const numeric = { year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' } as const
  try {
    const made = new Intl.DateTimeFormat('en-US', { timeZone: zone, ...numeric, hourCycle: 'h23' })
    if (formats.size >= FORMATS_KEPT) formats.clear()
    formats.set(zone, made)
    return made
  } catch {
    throw new EvaluationError(`unknown time zone ${zone}`)
  }
}

const startOfYear = (date: Date): number => Date.UTC(date.getUTCFullYear(), 0, 1)

const FIELDS: Readonly<Record<string, (date: Date) => number>> = {
  getFullYear: (date) => date.getUTCFullYear(),
  getMonth: (date) => date.getUTCMonth(),
  getDayOfYear: (date) => Math.floor((date.getTime() - startOfYear(date)) / 86_400_000),
  getDayOfMonth: (date) => date.getUTCDate() - 1,
  getDate: (date) => date.getUTCDate(),
  getDayOfWeek: (date) => date.getUTCDay(),
  getHours: (date) => date.getUTCHours(),
  getMinutes: (date) => date.getUTCMinutes(),
  getSeconds: (date) => date.getUTCSeconds(),
  getMilliseconds: (date) => date.getUTCMilliseconds(),
}

/** Fields of times and lengths of durations. */
export const TIME: readonly Overload[] = [
  ...Object.entries(FIELDS).flatMap(([name, read]) => [
    method(name, [TIMESTAMP], INT, (time, meter) => BigInt(read(wallClock(time, 'UTC', meter)))),
    method(name, [TIMESTAMP, STRING], INT, (time, zone, meter) => BigInt(read(wallClock(time, zone, meter)))),
  ]),
  method('getHours', [DURATION], INT, ({ nanos }) => nanos / (3600n * SECOND)),
  method('getMinutes', [DURATION], INT, ({ nanos }) => nanos / (60n * SECOND)),
  method('getSeconds', [DURATION], INT, ({ nanos }) => nanos / SECOND),
  method('getMilliseconds', [DURATION], INT, ({ nanos }) => (nanos % SECOND) / 1_000_000n),
]
