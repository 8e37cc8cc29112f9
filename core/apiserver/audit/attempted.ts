import type { ApiRequest } from '../request.ts'

/** Which kind of credentials failed, and nothing of them. Source: apiserver, endpoints/filters/authn_audit.go. */
export function attempted(headers: ApiRequest['headers']): string {
  const scheme = /^(?<scheme>[a-z]+) /i.exec(headers['authorization'] ?? '')?.groups?.['scheme']
  const isSocketToken = headers['sec-websocket-protocol']?.includes('base64url.bearer.authorization.k8s.io.') === true
  const kind = scheme?.toLowerCase() ?? (isSocketToken ? 'bearer' : undefined)
  if (kind === undefined) return 'Authentication failed, no credentials provided'
  return `Authentication failed, attempted: ${kind === 'bearer' || kind === 'basic' ? kind : 'unknown'}`
}
