import { isIPv4, isIPv6 } from 'node:net'
import { parseDuration } from '../../../meta/duration.ts'

/** Formats of strings that the API server checks; others are annotations. Source: kube-openapi, strfmt. */
export const STRING_FORMATS: Readonly<Record<string, (value: string) => boolean>> = {
  'date-time': isDateTime,
  datetime: isDateTime,
  date: (value) => /^\d{4}-\d{2}-\d{2}$/.test(value) && isDateTime(`${value}T00:00:00Z`),
  duration: isDuration,
  email: (value) => value.length <= 254 && /^[^\s@<>()",;:\\[\]]+@[^\s@]+$/.test(value),
  hostname: isHostname,
  ipv4: isIPv4,
  ipv6: isIPv6,
  cidr: isCidr,
  mac: (value) => /^(?:[0-9a-f]{2}[:-]){5}(?:[0-9a-f]{2}(?:[:-][0-9a-f]{2}){0,2})$|^(?:[0-9a-f]{4}\.){2,3}[0-9a-f]{4}$/i.test(value),
  uri: (value) => URL.canParse(value) || value.startsWith('/'),
  uuid: (value) => UUID.test(value),
  uuid3: (value) => UUID.test(value) && version(value) === '3',
  uuid4: (value) => UUID.test(value) && version(value) === '4',
  uuid5: (value) => UUID.test(value) && version(value) === '5',
  byte: (value) => /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(value),
  bsonobjectid: (value) => /^[0-9a-f]{24}$/i.test(value),
  hexcolor: (value) => /^#?(?:[0-9a-f]{3}|[0-9a-f]{6})$/i.test(value),
  rgbcolor: (value) => /^rgb\(\s*\d{1,3}\s*,\s*\d{1,3}\s*,\s*\d{1,3}\s*\)$/.test(value),
  creditcard: (value) => /^\d{13,19}$/.test(value.replaceAll(/[\s-]/g, '')),
  isbn: (value) => isIsbn10(value) || isIsbn13(value),
  isbn10: isIsbn10,
  isbn13: isIsbn13,
  ssn: (value) => /^\d{3}[- ]?\d{2}[- ]?\d{4}$/.test(value),
  password: () => true,
  'k8s-short-name': (value) => value.length <= 63 && /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/.test(value),
  'k8s-long-name': (value) => value.length <= 253 && /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/.test(value),
}

const UUID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i

const version = (uuid: string): string | undefined => uuid.replaceAll('-', '')[12]

function isDateTime(value: string): boolean {
  const match = /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:\.\d+)?(?:[Zz]|[+-]\d{2}:?\d{2})?$/.exec(value)
  if (match === null) return false
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1).map(Number)
  return isDay(year, month, day) && hour <= 23 && minute <= 59 && second <= 60
}

function isDay(year: number, month: number, day: number): boolean {
  return month >= 1 && month <= 12 && day >= 1 && day <= new Date(Date.UTC(year, month, 0)).getUTCDate()
}

/** Go's durations, and the longer words that the format knows besides. */
function isDuration(value: string): boolean {
  return (
    parseDuration(value) !== undefined || /^\s*[+-]?\d+(?:\.\d+)?\s*(?:ns|us|µs|ms|s|sec|m|min|h|hr|hour|d|day|w|wk|week)s?\s*$/.test(value)
  )
}

function isHostname(value: string): boolean {
  return (
    value.length <= 255 &&
    /^[a-zA-Z0-9](?:[-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?)*\.?$/.test(value)
  )
}

function isCidr(value: string): boolean {
  const [address = '', bits = '', ...rest] = value.split('/')
  if (rest.length > 0 || !/^\d{1,3}$/.test(bits)) return false
  return isIPv4(address) ? Number(bits) <= 32 : isIPv6(address) && Number(bits) <= 128
}

function isIsbn10(value: string): boolean {
  const digits = value.replaceAll(/[\s-]/g, '')
  if (!/^\d{9}[\dX]$/.test(digits)) return false
  const sum = Array.from(digits).reduce((total, digit, index) => total + (index + 1) * (digit === 'X' ? 10 : Number(digit)), 0)
  return sum % 11 === 0
}

function isIsbn13(value: string): boolean {
  const digits = value.replaceAll(/[\s-]/g, '')
  if (!/^\d{13}$/.test(digits)) return false
  const sum = Array.from(digits).reduce((total, digit, index) => total + Number(digit) * (index % 2 === 0 ? 1 : 3), 0)
  return sum % 10 === 0
}
