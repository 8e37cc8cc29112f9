import { createWriteStream, type WriteStream } from 'node:fs'
import type { ServerConfig } from '../config/config.ts'
import { createLogger, type Logger } from '../observability/log.ts'

/**
 * The log of every thread of the server. To standard error it carries warnings and errors, beside the progress that a person reads;
 * a file (`--log`) and `--debug` get more.
 */
export function createServerLog({ logLevel, logFile }: ServerConfig): Logger {
  const quiet = logFile === undefined && logLevel === 'info'
  const destination = logFile === undefined ? process.stderr : fileStream(logFile)
  return createLogger({ level: quiet ? 'warn' : logLevel, destination })
}

/** A log that can no longer be written to (a full disk) is no reason to end; standard error hears of it once. */
function fileStream(path: string): WriteStream {
  const stream = createWriteStream(path, { flags: 'a', mode: 0o600 })
  stream.once('error', (err) => process.stderr.write(`k3ts: the log ends: ${err.message}\n`))
  stream.on('error', () => undefined)
  return stream
}
