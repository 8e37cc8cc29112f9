import { parseDuration } from '../../../meta/duration.ts'

interface Bounds {
  readonly low: number
  readonly high: number
  readonly names?: readonly string[]
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']

const FIELDS: readonly Bounds[] = [
  { low: 0, high: 59 },
  { low: 0, high: 23 },
  { low: 1, high: 31 },
  { low: 1, high: 12, names: MONTHS },
  { low: 0, high: 6, names: DAYS },
]
const DESCRIPTORS = new Set(['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly'])

/**
 * What is wrong with the schedule of a CronJob, undefined when nothing is: five fields, or a descriptor such as `@hourly`.
 * The texts are those of the parser that Kubernetes uses.
 */
export function scheduleProblem(schedule: string): string | undefined {
  if (schedule === '') return 'empty spec string'
  if (schedule.startsWith('@')) return descriptorProblem(schedule)
  const parts = schedule.trim().split(/\s+/)
  if (parts.length !== FIELDS.length) return `expected exactly 5 fields, found ${parts.length}: [${parts.join(' ')}]`
  for (const [i, bounds] of FIELDS.entries()) {
    const problem = fieldProblem(parts[i] ?? '', bounds)
    if (problem !== undefined) return problem
  }
  return undefined
}

function descriptorProblem(text: string): string | undefined {
  if (DESCRIPTORS.has(text)) return undefined
  if (!text.startsWith('@every ')) return `unrecognized descriptor: ${text}`
  const duration = text.slice('@every '.length)
  return parseDuration(duration) === undefined
    ? `failed to parse duration ${text}: time: invalid duration ${JSON.stringify(duration)}`
    : undefined
}

function fieldProblem(text: string, bounds: Bounds): string | undefined {
  for (const range of text.split(',').filter((part) => part !== '')) {
    const problem = rangeProblem(range, bounds)
    if (problem !== undefined) return problem
  }
  return undefined
}

function rangeProblem(text: string, bounds: Bounds): string | undefined {
  const [range = '', step, ...moreSteps] = text.split('/')
  const [first = '', last, ...moreEnds] = range.split('-')
  const any = first === '*' || first === '?'
  if (!any && moreEnds.length > 0) return `too many hyphens: ${text}`
  const start = any ? bounds.low : numberOf(first, bounds)
  if (typeof start === 'string') return start
  const given = any || last === undefined ? undefined : numberOf(last, bounds)
  if (typeof given === 'string') return given
  if (moreSteps.length > 0) return `too many slashes: ${text}`
  const size = step === undefined ? 1 : numberOf(step, { low: 0, high: 0 })
  if (typeof size === 'string') return size
  const end = any || (given === undefined && step !== undefined) ? bounds.high : (given ?? start)
  if (start < bounds.low) return `beginning of range (${start}) below minimum (${bounds.low}): ${text}`
  if (end > bounds.high) return `end of range (${end}) above maximum (${bounds.high}): ${text}`
  if (start > end) return `beginning of range (${start}) beyond end of range (${end}): ${text}`
  return size === 0 ? `step of range should be a positive number: ${text}` : undefined
}

/** The number, or what is wrong with it. */
function numberOf(text: string, { low, names }: Bounds): number | string {
  const named = names?.indexOf(text.toLowerCase()) ?? -1
  if (named >= 0) return named + low
  if (/^\d+$/.test(text)) return Number(text)
  if (/^-\d+$/.test(text)) return `negative number (${text}) not allowed: ${text}`
  return `failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`
}

/** The runtime knows the IANA time zones. */
export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return !/^[+-]/.test(name)
  } catch {
    // The constructor throws for an unknown zone; there is no other way to ask.
    return false
  }
}
