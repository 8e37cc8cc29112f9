import type { Readable } from 'node:stream'
import type { Logger } from '../../observability/log.ts'
import { StatusError } from '../../meta/status-error.ts'
import type { Credentials, UserInfo } from '../auth/auth.ts'
import { internalError } from '../errors.ts'
import type { ApiRequest, ApiResponse, Handler } from '../request.ts'
import { statusResponse } from '../response.ts'
import type { Connection } from './connection.ts'
import { HttpRequest, type RequestHead } from './http-request.ts'
import type { HttpLimits } from './limits.ts'

export interface ExchangeDeps {
  readonly handler: Handler
  /** Who asks. Undefined or a StatusError `Unauthorized`: 401. The signal ends with the connection. */
  readonly authenticate: (credentials: Credentials, signal: AbortSignal) => Promise<UserInfo | undefined>
  readonly limits: HttpLimits
  readonly log: Logger
}

/** One request that is being answered. */
export interface Exchange {
  readonly request: HttpRequest
  readonly response: ApiResponse
}

const NOBODY: UserInfo = { name: '', groups: [] }

/** From the head of a request to its answer. Never rejects: every failure becomes the Status that Kubernetes would send. */
export async function answer(
  head: RequestHead,
  stream: Readable,
  connection: Connection,
  deps: ExchangeDeps & { readonly upgrade?: NonNullable<ApiRequest['upgrade']>; readonly onRequest: (request: HttpRequest) => void },
): Promise<Exchange> {
  let request: HttpRequest | undefined
  try {
    const { certificate } = connection
    const question = head.target.indexOf('?')
    const path = question < 0 ? head.target : head.target.slice(0, question)
    const credentials = certificate === undefined ? { headers: head.headers, path } : { headers: head.headers, path, certificate }
    const user = await deps.authenticate(credentials, connection.signal)
    request = new HttpRequest(head, user ?? NOBODY, stream, { connection, limits: deps.limits })
    deps.onRequest(request)
    if (user === undefined) return { request, response: statusResponse(new StatusError('Unauthorized', 'Unauthorized')) }
    const handled = deps.upgrade === undefined ? request : Object.assign(request, { upgrade: deps.upgrade })
    return { request, response: await deps.handler(handled) }
  } catch (err) {
    request ??= new HttpRequest(head, NOBODY, stream, { connection, limits: deps.limits })
    return { request, response: toErrorResponse(err, request, deps.log) }
  }
}

function toErrorResponse(err: unknown, request: HttpRequest, log: Logger): ApiResponse {
  if (err instanceof StatusError) return statusResponse(err)
  if (!request.aborted) log.error({ err, method: request.method, path: request.path }, 'Request failed')
  return statusResponse(internalError(err instanceof Error ? err.message : String(err), err))
}
