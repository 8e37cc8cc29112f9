import { createWriteStream } from 'node:fs'
import type { ServerConfig } from '../config/config.ts'
import { createLogger, type Logger } from '../observability/log.ts'

/**
 * The log of every thread of the server. To standard error it carries warnings and errors, beside the progress that a person reads;
 * a file (`--log`) and `--debug` get more.
 */
export function createServerLog({ logLevel, logFile }: ServerConfig): Logger {
  const quiet = logFile === undefined && logLevel === 'info'
  const destination = logFile === undefined ? process.stderr : createWriteStream(logFile, { flags: 'a', mode: 0o600 })
  return createLogger({ level: quiet ? 'warn' : logLevel, destination })
}
