import type { UserInfo } from '../../auth/auth.ts'

/** Names under which extension servers are told to read who asks; the ConfigMap extension-apiserver-authentication lists them. */
const USER = 'x-remote-user'
const UID = 'x-remote-uid'
const GROUP = 'x-remote-group'
const EXTRA_PREFIX = 'x-remote-extra-'

/** Headers that tell an extension server who asks; a group or value stands in a line of its own. Source: client-go, auth proxy transport. */
export function frontProxyHeaders({ name, uid = '', groups, extra = {} }: UserInfo): Readonly<Record<string, string | readonly string[]>> {
  const headers: Record<string, string | readonly string[]> = { [USER]: headerValue(name) }
  if (uid !== '') headers[UID] = headerValue(uid)
  if (groups.length > 0) headers[GROUP] = groups.map(headerValue)
  for (const [key, values] of Object.entries(extra)) {
    if (values.length > 0) headers[`${EXTRA_PREFIX}${escapeKey(key)}`] = values.map(headerValue)
  }
  return headers
}

/** True for what only this server may say. A client that sends it wants to be somebody else. */
export function isFrontProxyHeader(name: string): boolean {
  return name === USER || name === UID || name === GROUP || name.startsWith(EXTRA_PREFIX)
}

/** Bytes that cannot stand in a header's name, and the escape itself. */
const NOT_IN_NAME = /[^!#$&'*+.^_`|~0-9A-Za-z-]/g

function escapeKey(key: string): string {
  return utf8(key.toLowerCase()).replace(NOT_IN_NAME, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`)
}

/** Header values are bytes without control characters. */
function headerValue(text: string): string {
  return utf8(text).replaceAll(/[\u0000-\u0008\u000a-\u001f\u007f]/g, ' ')
}

/** The UTF-8 bytes, one a character, as Node writes headers. */
function utf8(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}
