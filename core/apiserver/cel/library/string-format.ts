import { isNumeric } from '../equality.ts'
import { EvaluationError } from '../issue.ts'
import type { Meter } from '../meter.ts'
import { typeNameOf } from '../types.ts'
import { Duration, ListValue, MapValue, Timestamp, TypeValue, Uint, type Value } from '../values.ts'
import { formatDouble } from './conversions.ts'
import { formatSeconds, formatTimestamp } from './time.ts'

const VERB = /%(?:%|(?:\.(\d{1,3}))?([sdfexXob]))|%/g

/** `'%s has %d'.format([…])`. Throws EvaluationError for too few values and verbs that do not fit. Source: cel-go, ext/strings. */
export function format(pattern: string, args: ListValue, meter: Meter): string {
  let next = 0
  return pattern.replaceAll(VERB, (whole: string, precision: string | undefined, verb: string | undefined) => {
    if (whole === '%%') return '%'
    if (verb === undefined) throw new EvaluationError('could not parse formatting clause: unexpected end or unrecognized verb')
    if (next >= args.length) throw new EvaluationError(`index ${next} out of range`)
    const text = formatOne(verb, args.at(next++), { precision: precision === undefined ? 6 : precisionOf(precision), meter })
    meter.spend(1 + text.length * 0.1)
    return text
  })
}

const MAX_PRECISION = 100

function precisionOf(text: string): number {
  const precision = Number(text)
  if (precision > MAX_PRECISION) throw new EvaluationError(`error during formatting: precision ${text} is too large`)
  return precision
}

interface Manner {
  readonly precision: number
  readonly meter: Meter
}

function formatOne(verb: string, value: Value, { precision, meter }: Manner): string {
  if (verb === 's') return plain(value, meter)
  if ((verb === 'x' || verb === 'X') && !isNumeric(value)) return hex(value, verb)
  if (!isNumeric(value)) throw new EvaluationError(`error during formatting: %${verb} cannot show ${typeNameOf(value)}`)
  const number = value instanceof Uint ? value.value : value
  if (verb === 'f') return Number(number).toFixed(precision)
  if (verb === 'e')
    return Number(number)
      .toExponential(precision)
      .replace(/e([+-])(\d)$/, 'e$10$2')
  if (verb === 'd' && typeof number === 'number') return formatDouble(number)
  if (typeof number === 'number') throw new EvaluationError(`error during formatting: %${verb} cannot show double`)
  const text = number.toString({ d: 10, b: 2, o: 8 }[verb] ?? 16)
  return verb === 'X' ? text.toUpperCase() : text
}

function hex(value: Value, verb: string): string {
  if (typeof value !== 'string' && !(value instanceof Uint8Array))
    throw new EvaluationError(`error during formatting: %${verb} cannot show ${typeNameOf(value)}`)
  const text = Buffer.from(value as Uint8Array).toString('hex')
  return verb === 'X' ? text.toUpperCase() : text
}

/** Values may share parts, so what is short to build can be endless to write down. */
function plain(value: Value, meter: Meter): string {
  meter.spend(1)
  if (typeof value === 'number') return formatDouble(value)
  if (value instanceof Uint) return String(value.value)
  if (value instanceof ListValue) return `[${Array.from(value, (item) => plain(item, meter)).join(', ')}]`
  if (value instanceof MapValue)
    return `{${Array.from(value.keys(), (key) => `${plain(key, meter)}: ${plain(value.get(key) ?? null, meter)}`)
      .sort()
      .join(', ')}}`
  if (value instanceof Timestamp) return formatTimestamp(value)
  if (value instanceof Duration) return formatSeconds(value)
  if (value instanceof Uint8Array) return Buffer.from(value).toString()
  if (value instanceof TypeValue) return value.type
  if (typeof value === 'object' && value !== null) throw new EvaluationError(`error during formatting: %s cannot show ${typeNameOf(value)}`)
  return String(value)
}
