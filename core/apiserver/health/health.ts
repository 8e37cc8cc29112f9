import type { ApiRequest, ApiResponse } from '../request.ts'
import { notFoundPage, textResponse } from '../response.ts'

/** One named check. Returns the problem, which is logged but not shown, or undefined when all is well. */
export interface HealthCheck {
  readonly name: string
  /** Endpoints it counts for. Default: all three. */
  readonly endpoints?: readonly HealthEndpoint[]
  readonly check: () => string | undefined | Promise<string | undefined>
}

export type HealthEndpoint = 'healthz' | 'livez' | 'readyz'

export interface HealthChecks {
  /** Returns the remover. Checks are shown in the order they were added. */
  add(check: HealthCheck): () => void
  /** Answers `/healthz`, `/livez`, `/readyz` and single checks below them; undefined for other paths. */
  handle(request: Pick<ApiRequest, 'path' | 'query'>): Promise<ApiResponse> | undefined
}

const PATH = /^\/(healthz|livez|readyz)(?:\/(.+))?$/

/** Source: apiserver, server/healthz. */
export function createHealthChecks(onFailure: (name: string, problem: string) => void): HealthChecks {
  const checks = new Set<HealthCheck>([{ name: 'ping', check: () => undefined }])
  return {
    add(check) {
      checks.add(check)
      return () => checks.delete(check)
    },
    handle({ path, query }) {
      const match = PATH.exec(path)
      if (match === null) return undefined
      const [, endpoint = '', single] = match
      const relevant = [...checks].filter(({ endpoints }) => endpoints?.includes(endpoint as HealthEndpoint) ?? true)
      if (single === undefined) return answerAll(endpoint, relevant, query, onFailure)
      const check = relevant.find(({ name }) => name === single)
      return check === undefined ? Promise.resolve(notFoundPage()) : answerOne(check, onFailure)
    },
  }
}

type OnFailure = (name: string, problem: string) => void

async function answerAll(
  endpoint: string,
  checks: readonly HealthCheck[],
  query: URLSearchParams,
  onFailure: OnFailure,
): Promise<ApiResponse> {
  const excluded = new Set(query.getAll('exclude'))
  const lines: string[] = []
  let failed = false
  for (const check of checks) {
    if (excluded.delete(check.name)) {
      lines.push(`[+]${check.name} excluded: ok`)
      continue
    }
    const problem = await problemOf(check)
    lines.push(problem === undefined ? `[+]${check.name} ok` : `[-]${check.name} failed: reason withheld`)
    if (problem === undefined) continue
    failed = true
    onFailure(check.name, problem)
  }
  for (const name of excluded) lines.push(`warn: some health checks cannot be excluded: no matches for ${JSON.stringify(name)}`)
  const text = lines.join('\n')
  if (failed) return textResponse(500, `${text}\n${endpoint} check failed\n`)
  return textResponse(200, query.has('verbose') ? `${text}\n${endpoint} check passed\n` : 'ok')
}

async function answerOne(check: HealthCheck, onFailure: OnFailure): Promise<ApiResponse> {
  const problem = await problemOf(check)
  if (problem === undefined) return textResponse(200, 'ok')
  onFailure(check.name, problem)
  return textResponse(500, `internal server error: ${problem}\n`)
}

async function problemOf({ check }: HealthCheck): Promise<string | undefined> {
  try {
    return await check()
  } catch (err) {
    return err instanceof Error ? err.message : String(err)
  }
}
