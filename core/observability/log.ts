import { type DestinationStream, type Logger as PinoLogger, pino } from 'pino'

/** Constant message, fields for the rest: `log.info({ kind, key }, 'Pod bound')`. */
export type Logger = PinoLogger

export interface LogOptions {
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent'
  readonly destination?: DestinationStream
}

/** JSON lines; to standard output without a destination. */
export function createLogger(options: LogOptions): Logger {
  const settings = { level: options.level, base: null, timestamp: pino.stdTimeFunctions.isoTime }
  return options.destination === undefined ? pino(settings) : pino(settings, options.destination)
}

/** For tests and for parts that must stay quiet. */
export const silentLogger: Logger = pino({ level: 'silent' })
