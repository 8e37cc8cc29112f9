/**
 * Resource quantities such as `100m`, `1.5Gi` or `12e6`, exact down to the nano, which is the finest Kubernetes keeps.
 * Source: Kubernetes API reference, "Quantity".
 */
export interface Quantity {
  /** The value in units of 10^-9. */
  readonly nano: bigint
  /** How it is written: powers of 1000 by letter, powers of 1024, or exponents. */
  readonly format: QuantityFormat
  /** The text it came from when that is kept as it is on output. */
  readonly text?: string
}

export type QuantityFormat = 'DecimalSI' | 'BinarySI' | 'DecimalExponent'

export const ZERO_QUANTITY: Quantity = Object.freeze({ nano: 0n, format: 'DecimalSI', text: '0' })

const FORMAT_WRONG = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
const SUFFIX_WRONG = "unable to parse quantity's suffix"

const NANO = 1_000_000_000n
const MAX_NANO = (2n ** 63n - 1n) * NANO
const DECIMAL = new Map([
  ['n', -9],
  ['u', -6],
  ['m', -3],
  ['', 0],
  ['k', 3],
  ['M', 6],
  ['G', 9],
  ['T', 12],
  ['P', 15],
  ['E', 18],
])
const BINARY = new Map([
  ['Ki', 10],
  ['Mi', 20],
  ['Gi', 30],
  ['Ti', 40],
  ['Pi', 50],
  ['Ei', 60],
])
const DECIMAL_SUFFIX = new Map([...DECIMAL].map(([suffix, exponent]) => [exponent, suffix]))
const BINARY_SUFFIX = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'] as const
/** Beyond this a value is far above every cap; computing it exactly would only cost memory. */
const MAX_EXPONENT = 60

/** Sign, whole part, fraction, suffix. Digits may lack on either side of the point. */
const SHAPE = /^([+-]?)([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*[-+]?[0-9]*)$/

const CACHE_LIMIT = 8192
const parsed = new Map<string, Quantity | string>()

/**
 * Parses and remembers; a JSON number is accepted as Kubernetes does. Answers the problem's text instead when there is one.
 * More than nine decimals are rounded away from zero.
 */
export function readQuantity(value: string | number): Quantity | string {
  const text = typeof value === 'number' ? String(value) : value
  let result = parsed.get(text)
  if (result === undefined) {
    result = parse(text.trim())
    if (parsed.size >= CACHE_LIMIT) parsed.clear()
    parsed.set(text, result)
  }
  return result
}

/** For values that validation has seen: what cannot be read, or is absent, counts as zero. */
export function parseQuantity(value: string | number | undefined): Quantity {
  if (value === undefined) return ZERO_QUANTITY
  const result = readQuantity(value)
  return typeof result === 'string' ? ZERO_QUANTITY : result
}

/** The text of the problem of a value given by a user, undefined when it is a quantity. */
export function quantityProblem(value: string | number): string | undefined {
  const result = readQuantity(value)
  return typeof result === 'string' ? result : undefined
}

/** By amount; the way of writing does not count. */
export function compareQuantity(a: Quantity, b: Quantity): -1 | 0 | 1 {
  return a.nano < b.nano ? -1 : a.nano > b.nano ? 1 : 0
}

/** Keeps the format of `a`, or takes that of `b` when `a` is zero, as Kubernetes does. */
export function addQuantity(a: Quantity, b: Quantity): Quantity {
  return { nano: a.nano + b.nano, format: a.nano === 0n ? b.format : a.format }
}

/** In the format of `a`, or of `b` when `a` is zero. */
export function subQuantity(a: Quantity, b: Quantity): Quantity {
  return { nano: a.nano - b.nano, format: a.nano === 0n ? b.format : a.format }
}

/** A whole number of units, such as bytes or pods. */
export function quantityOf(units: number | bigint, format: QuantityFormat = 'DecimalSI'): Quantity {
  return { nano: BigInt(units) * NANO, format }
}

export function milliQuantityOf(milli: number | bigint, format: QuantityFormat = 'DecimalSI'): Quantity {
  return { nano: BigInt(milli) * 1_000_000n, format }
}

/** Thousandths, rounded up (away from zero); exact up to 2^53. Unit of CPU arithmetic. */
export function toMilli(quantity: Quantity): number {
  return Number(divideUp(quantity.nano, 1_000_000n))
}

/** Whole units such as bytes, rounded up (away from zero); exact up to 2^53. */
export function toUnits(quantity: Quantity): number {
  return Number(divideUp(quantity.nano, NANO))
}

/** As a floating-point number of units. */
export function toApproximate(quantity: Quantity): number {
  return Number(quantity.nano) / 1e9
}

/** Rounded up to thousandths, as defaulting does to all values in resource lists. */
export function roundUpToMilli(quantity: Quantity): Quantity {
  if (quantity.nano % 1_000_000n === 0n) return quantity
  return { nano: divideUp(quantity.nano, 1_000_000n) * 1_000_000n, format: quantity.format }
}

/** The form in which Kubernetes writes the value. */
export function formatQuantity({ nano, format, text }: Quantity): string {
  if (text !== undefined) return text
  if (nano === 0n) return '0'
  const small = nano > -1024n * NANO && nano < 1024n * NANO
  if (format === 'BinarySI' && !small && nano % NANO === 0n) return formatBinary(nano / NANO)
  return formatDecimal(nano, format === 'DecimalExponent')
}

/** What decoding and encoding makes of a quantity; a text that is none is answered as it is. */
export function canonicalQuantity(value: string | number): string {
  const result = readQuantity(value)
  return typeof result === 'string' ? String(value) : formatQuantity(result)
}

function formatBinary(units: bigint): string {
  let power = 0
  let value = units
  while (value % 1024n === 0n && power < BINARY_SUFFIX.length - 1) {
    value /= 1024n
    power += 1
  }
  return `${value}${BINARY_SUFFIX[power] ?? ''}`
}

function formatDecimal(nano: bigint, asExponent: boolean): string {
  let exponent = -9
  let value = nano
  while (value % 1000n === 0n && (asExponent || exponent < 18)) {
    value /= 1000n
    exponent += 3
  }
  if (!asExponent) return `${value}${DECIMAL_SUFFIX.get(exponent) ?? ''}`
  return exponent === 0 ? `${value}` : `${value}e${exponent}`
}

function parse(text: string): Quantity | string {
  if (text === '0') return ZERO_QUANTITY
  const match = text === '' ? null : SHAPE.exec(text)
  if (match === null) return FORMAT_WRONG
  const [, sign = '', digits = '', fraction = '', suffix = ''] = match
  const scale = scaleOf(suffix)
  if (scale === undefined) return SUFFIX_WRONG
  const whole = digits.replace(/^0+/, '')
  const magnitude = magnitudeOf(whole, fraction, scale)
  const nano = sign === '-' ? -magnitude : magnitude
  const format = scale.format === 'BinarySI' && magnitude > 0n && magnitude < NANO ? 'DecimalSI' : scale.format
  return keepsText(whole, fraction, scale) ? { nano, format, text } : { nano, format }
}

interface Scale {
  readonly format: QuantityFormat
  /** Power of 10, or of 2 for BinarySI. */
  readonly exponent: number
}

function scaleOf(suffix: string): Scale | undefined {
  const decimal = DECIMAL.get(suffix)
  if (decimal !== undefined) return { format: 'DecimalSI', exponent: decimal }
  const binary = BINARY.get(suffix)
  if (binary !== undefined) return { format: 'BinarySI', exponent: binary }
  if (!/^[eE][+-]?[0-9]+$/.test(suffix)) return undefined
  const exponent = Math.max(-MAX_EXPONENT, Math.min(MAX_EXPONENT, Number(suffix.slice(1))))
  return { format: 'DecimalExponent', exponent }
}

function magnitudeOf(whole: string, fraction: string, { format, exponent }: Scale): bigint {
  const unscaled = BigInt(`${whole}${fraction}` || '0')
  if (format === 'BinarySI') {
    const nano = divideUp(unscaled * 2n ** BigInt(exponent) * NANO, 10n ** BigInt(fraction.length))
    return nano > MAX_NANO ? MAX_NANO : nano
  }
  const shift = 9 + exponent - fraction.length
  return shift >= 0 ? unscaled * 10n ** BigInt(shift) : divideUp(unscaled, 10n ** BigInt(-shift))
}

/**
 * Kubernetes keeps the text of values that pass its fast path and look canonical; `1.500` stays, `1.5` becomes `1500m`.
 * The bounds are those of 64-bit arithmetic there.
 */
function keepsText(whole: string, fraction: string, { format, exponent }: Scale): boolean {
  const digits = whole === '' ? `0${fraction}` : `${whole}${fraction}`
  if (format === 'BinarySI') {
    const precision = 15 - digits.length - Math.trunc((exponent * 3) / 10) - 1
    return fraction === '' && precision >= 0 && (BigInt(digits) & 7n) !== 0n
  }
  const scale = exponent - fraction.length
  if (digits.length > 18 || scale < -9) return false
  return scale % 3 === 0 && !digits.endsWith('000') && !digits.startsWith('0')
}

/** Division rounding away from zero. */
function divideUp(value: bigint, divisor: bigint): bigint {
  const quotient = value / divisor
  if (value % divisor === 0n) return quotient
  return value < 0n ? quotient - 1n : quotient + 1n
}
