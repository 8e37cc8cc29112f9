import type { AuditTrail } from './audit/trail.ts'
import type { UserInfo } from './auth/auth.ts'
import type { ApiRequest } from './request.ts'

/** The request under the impersonated user, or with its record; what the original makes when first asked for stays lazy. */
export function derived(request: ApiRequest, change: { readonly user?: UserInfo; readonly audit?: AuditTrail }): ApiRequest {
  const { method, path, headers, upgrade, remoteAddress } = request
  const audit = change.audit ?? request.audit
  return {
    method,
    path,
    headers,
    user: change.user ?? request.user,
    get query() {
      return request.query
    },
    body: () => (change.audit === undefined ? request.body() : recordedBody(request, change.audit)),
    get rawBody() {
      return request.rawBody
    },
    get signal() {
      return request.signal
    },
    ...(remoteAddress !== undefined && { remoteAddress }),
    ...(upgrade !== undefined && { upgrade }),
    ...(audit !== undefined && { audit }),
  } as ApiRequest
}

async function recordedBody(request: ApiRequest, trail: AuditTrail): Promise<Uint8Array> {
  const bytes = await request.body()
  trail.sentBody(bytes, request.headers['content-type'])
  return bytes
}
