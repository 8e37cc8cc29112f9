import { Cron } from 'croner'
import { parseDuration } from '../../../core/meta/duration.ts'

/** When a CronJob is due. Times are milliseconds since the epoch. */
export interface Schedule {
  /** The first time after `afterMs`; undefined when there is none any more (30 February). */
  next(afterMs: number): number | undefined
  /** The last time after `fromMs` and not after `untilMs`. */
  latest(fromMs: number, untilMs: number): number | undefined
}

/**
 * Reads five cron fields, a macro such as `@daily`, or `@every` with a duration. Throws an Error that says what is wrong.
 * Source: Kubernetes documentation, "CronJob", schedule syntax.
 */
export function parseSchedule(text: string, timeZone?: string): Schedule {
  const every = /^@every\s+(.+)$/.exec(text.trim())
  if (every !== null) return interval(every[1] ?? '')
  // A question mark means any value here, while the library takes it for the time of its own start.
  const pattern = text.trim().replaceAll('?', '*')
  const cron = new Cron(pattern, {
    paused: true,
    mode: pattern.startsWith('@') ? 'auto' : '5-part',
    ...(timeZone !== undefined && { timezone: timeZone }),
  })
  return {
    next: (afterMs) => cron.nextRun(new Date(afterMs))?.getTime(),
    latest: (fromMs, untilMs) => {
      // Runs are whole seconds and strictly before the reference.
      const atMs = cron.previousRuns(1, new Date(untilMs + 1_000 - (untilMs % 1_000)))[0]?.getTime()
      return atMs !== undefined && atMs > fromMs ? atMs : undefined
    },
  }
}

/** Whether this runtime knows the IANA name. */
export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    // RangeError: unknown to the time zone database.
    return false
  }
}

/** Whole seconds, at least one, counted from the last run. */
function interval(text: string): Schedule {
  const durationMs = parseDuration(text)
  if (durationMs === undefined || durationMs <= 0) throw new Error(`failed to parse duration @every ${text}`)
  const stepMs = Math.max(1_000, Math.floor(durationMs / 1_000) * 1_000)
  const next = (afterMs: number): number => Math.floor((afterMs + stepMs) / 1_000) * 1_000
  return {
    next,
    latest: (fromMs, untilMs) => {
      const firstMs = next(fromMs)
      return firstMs > untilMs ? undefined : firstMs + Math.floor((untilMs - firstMs) / stepMs) * stepMs
    },
  }
}
