import { StatusError } from '../../meta/status-error.ts'
import { readText } from '../../runtime/read-bytes.ts'
import type { UserInfo } from '../auth/auth.ts'
import type { ApiResponse, Handler } from '../request.ts'

/** Who the API server is when it writes to itself. */
const SELF: UserInfo = { name: 'system:apiserver', groups: ['system:masters', 'system:authenticated'] }

/** Sends a request of the server's own through its whole pipeline. Resolves with the parsed answer; throws StatusError. */
export type OwnRequest = (method: string, path: string, body?: unknown) => Promise<Readonly<Record<string, unknown>>>

export function ownRequests(handle: Handler, signal: AbortSignal): OwnRequest {
  return async (method, path, body) => {
    const bytes = body === undefined ? new Uint8Array() : Buffer.from(JSON.stringify(body))
    const response = await handle({
      method,
      path,
      query: new URLSearchParams(),
      headers: { 'content-type': 'application/json', accept: 'application/json', 'user-agent': 'apiextensions/k3ts' },
      body: () => Promise.resolve(bytes),
      user: SELF,
      signal,
    })
    const answer = JSON.parse(await textOf(response)) as Readonly<Record<string, unknown>>
    if (response.status >= 300) throw StatusError.fromStatus(answer, response.status)
    return answer
  }
}

async function textOf({ body }: ApiResponse): Promise<string> {
  return body === undefined ? '{}' : readText(body instanceof Uint8Array ? [body] : body)
}
