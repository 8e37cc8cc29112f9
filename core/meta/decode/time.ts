const SECONDS = 'time'
const LAYOUTS = { time: '2006-01-02T15:04:05Z07:00', 'micro-time': '2006-01-02T15:04:05.000000Z07:00' } as const
const CANONICAL = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\dZ$/
const SHAPE = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(Z|([+-])(\d\d):(\d\d))$/

/** A time in the form Kubernetes writes, or the text of Go's parser about it. */
export type TimeResult = { readonly value: string } | { readonly problem: string }

/**
 * Reads RFC 3339 and gives the form that is written: UTC, whole seconds for `time`, microseconds for `micro-time`.
 * Source: meta/v1 Time and MicroTime.
 */
export function readTime(text: string, form: 'time' | 'micro-time'): TimeResult {
  if (form === SECONDS && CANONICAL.test(text)) return { value: text }
  const match = SHAPE.exec(text)
  if (match === null) return { problem: parseProblem(text, form) }
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number)
  const range = rangeProblem([year, month, day, hour, minute, second])
  if (range !== undefined) return { problem: `parsing time ${JSON.stringify(text)}: ${range} out of range` }
  const local = new Date(0)
  local.setUTCFullYear(year, month - 1, day)
  local.setUTCHours(hour, minute, second)
  const iso = new Date(local.getTime() - offsetMs(match)).toISOString().slice(0, 19)
  return { value: form === SECONDS ? `${iso}Z` : `${iso}.${(match[7] ?? '').padEnd(6, '0').slice(0, 6)}Z` }
}

function offsetMs([, , , , , , , , , sign, hours = '0', minutes = '0']: readonly string[]): number {
  const ms = (Number(hours) * 60 + Number(minutes)) * 60_000
  return sign === '-' ? -ms : ms
}

function rangeProblem([year, month, day, hour, minute, second]: readonly [number, number, number, number, number, number]):
  | string
  | undefined {
  if (month < 1 || month > 12) return 'month'
  if (day < 1 || day > new Date(Date.UTC(year, month, 0)).getUTCDate()) return 'day'
  if (hour > 23) return 'hour'
  if (minute > 59) return 'minute'
  return second > 59 ? 'second' : undefined
}

const ELEMENTS: readonly (readonly [RegExp, string])[] = [
  [/^\d{4}/, '2006'],
  [/^-/, '-'],
  [/^\d\d/, '01'],
  [/^-/, '-'],
  [/^\d\d/, '02'],
  [/^T/, 'T'],
  [/^\d\d/, '15'],
  [/^:/, ':'],
  [/^\d\d/, '04'],
  [/^:/, ':'],
  [/^\d\d(?:[.,]\d+)?/, '05'],
  [/^(?:Z|[+-]\d\d:\d\d)/, 'Z07:00'],
]

/** Names the first layout element that the text does not have, as Go does. */
function parseProblem(text: string, form: 'time' | 'micro-time'): string {
  const quoted = JSON.stringify(text)
  let rest = text
  for (const [pattern, element] of ELEMENTS) {
    const match = pattern.exec(rest)
    if (match === null) return `parsing time ${quoted} as "${LAYOUTS[form]}": cannot parse ${JSON.stringify(rest)} as "${element}"`
    rest = rest.slice(match[0].length)
  }
  return `parsing time ${quoted}: extra text: ${JSON.stringify(rest)}`
}
