import type { ServerConfig } from '../config/config.ts'
import type { Secrets } from '../config/parse.ts'
import type { Logger } from '../observability/log.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Progress } from './progress.ts'

/** What one run of the server is given. */
export interface ServerRun {
  readonly config: ServerConfig
  readonly secrets: Secrets
  readonly version: string
  readonly clock: Clock
  readonly log: Logger
  readonly progress: Progress
  readonly environment: Readonly<Record<string, string | undefined>>
}
