import type { Readable } from 'node:stream'
import { isReason, StatusError } from '../../meta/status-error.ts'
import type { Logger } from '../../observability/log.ts'
import { type Awaitable, after, recover } from '../../runtime/awaitable.ts'
import type { Credentials, UserInfo } from '../auth/auth.ts'
import { internalError } from '../errors.ts'
import type { ApiRequest, ApiResponse, Handler } from '../request.ts'
import { statusResponse } from '../response.ts'
import type { Connection } from './connection.ts'
import { HttpRequest, pathOf, type RequestHead } from './http-request.ts'
import type { HttpLimits } from './limits.ts'

export interface ExchangeDeps {
  readonly handler: Handler
  /** Who asks. Undefined or a StatusError `Unauthorized`: 401. The signal ends with the connection. */
  readonly authenticate: (credentials: Credentials, signal: AbortSignal) => Awaitable<UserInfo | undefined>
  /** Told of each request that is answered with 401, which it may hold back. */
  readonly onUnauthenticated?: (request: ApiRequest) => Awaitable<void>
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
export function answer(
  head: RequestHead,
  stream: Readable,
  connection: Connection,
  deps: ExchangeDeps & { readonly upgrade?: NonNullable<ApiRequest['upgrade']>; readonly onRequest: (request: HttpRequest) => void },
): Awaitable<Exchange> {
  const { certificate } = connection
  let request: HttpRequest | undefined
  const ask = (user: UserInfo | undefined): Awaitable<Exchange> => {
    const asked = new HttpRequest(head, user ?? NOBODY, stream, { connection, limits: deps.limits })
    request = asked
    deps.onRequest(asked)
    if (user === undefined) throw new StatusError('Unauthorized', 'Unauthorized')
    const handled = deps.upgrade === undefined ? asked : Object.assign(asked, { upgrade: deps.upgrade })
    return after(deps.handler(handled), (response) => ({ request: asked, response }))
  }
  const identify = (): Awaitable<UserInfo | undefined> => {
    const path = pathOf(head.target)
    const credentials = certificate === undefined ? { headers: head.headers, path } : { headers: head.headers, path, certificate }
    return deps.authenticate(credentials, connection.signal)
  }
  return recover(
    () => after(identify(), ask),
    (err) => {
      request ??= new HttpRequest(head, NOBODY, stream, { connection, limits: deps.limits })
      const exchange = { request, response: toErrorResponse(err, request, deps.log) }
      const told = isReason(err, 'Unauthorized') ? deps.onUnauthenticated?.(request) : undefined
      return told === undefined ? exchange : after(told, () => exchange)
    },
  )
}

function toErrorResponse(err: unknown, request: HttpRequest, log: Logger): ApiResponse {
  if (err instanceof StatusError) return statusResponse(err)
  if (!request.aborted) log.error({ err, method: request.method, path: request.path }, 'Request failed')
  return statusResponse(internalError(err instanceof Error ? err.message : String(err), err))
}
