import { sameSecret } from '../../../pki/token.ts'
import type { Authenticator, Credentials, UserInfo } from '../auth.ts'
import { unauthorized } from './unauthorized.ts'

/** One line of a static token file: `token,user,uid,"group1,group2"`. */
export interface StaticToken {
  readonly token: string
  readonly user: UserInfo
}

export interface PasswordUser {
  readonly name: string
  readonly password: string
  readonly groups: readonly string[]
}

/** Bearer tokens from a file given with `--kube-apiserver-arg token-auth-file`. A token it does not know is somebody else's. */
export function staticTokenAuthenticator(tokens: readonly StaticToken[]): Authenticator {
  return {
    authenticate: ({ headers }) => {
      const token = bearerToken(headers)
      const known = token === undefined ? undefined : tokens.find((entry) => sameSecret(entry.token, token))
      return known?.user
    },
  }
}

/** Basic credentials of joining nodes and servers, for the supervisor's own endpoints only: the API itself does not take passwords. */
export function passwordAuthenticator(users: readonly PasswordUser[]): Authenticator {
  const known = users.map(({ name, password, groups }) => ({ password, user: { name, uid: name, groups } }))
  return {
    authenticate: ({ headers }) => {
      const credentials = basicCredentials(headers['authorization'])
      if (credentials === undefined) return undefined
      const entry = known.find(({ user, password }) => user.name === credentials.name && sameSecret(password, credentials.password))
      if (entry === undefined) throw unauthorized()
      return entry.user
    },
  }
}

const WEBSOCKET_PREFIX = 'base64url.bearer.authorization.k8s.io.'

/**
 * The token of an `Authorization: Bearer …` header (the scheme's case does not matter), or of the WebSocket subprotocol that
 * browsers use since they cannot set headers. Source: apiserver, authentication/request/websocket.
 */
export function bearerToken(headers: Credentials['headers']): string | undefined {
  const header = headers['authorization']
  if (header === undefined) return webSocketToken(headers)
  if (header.length < 8 || header.slice(0, 7).toLowerCase() !== 'bearer ') return undefined
  const token = header.slice(7).trim()
  return token === '' ? undefined : token
}

function webSocketToken(headers: Credentials['headers']): string | undefined {
  if (headers['upgrade']?.toLowerCase() !== 'websocket') return undefined
  const protocols = (headers['sec-websocket-protocol'] ?? '').split(',').map((protocol) => protocol.trim())
  const encoded = protocols.find((protocol) => protocol.startsWith(WEBSOCKET_PREFIX))?.slice(WEBSOCKET_PREFIX.length)
  // NOTE: another protocol must be left for the answer to name.
  return encoded === undefined || encoded === '' || protocols.length < 2 ? undefined : Buffer.from(encoded, 'base64url').toString()
}

/** The subprotocols without the one that carries a token: nobody behind this server may see it. */
export function withoutBearerToken(protocols: string): string {
  const names = protocols.split(',').map((protocol) => protocol.trim())
  return names.some((name) => name.startsWith(WEBSOCKET_PREFIX))
    ? names.filter((name) => !name.startsWith(WEBSOCKET_PREFIX)).join(', ')
    : protocols
}

function basicCredentials(header: string | undefined): { readonly name: string; readonly password: string } | undefined {
  if (header === undefined || header.slice(0, 6).toLowerCase() !== 'basic ') return undefined
  const text = Buffer.from(header.slice(6), 'base64').toString()
  const colon = text.indexOf(':')
  return colon < 0 ? undefined : { name: text.slice(0, colon), password: text.slice(colon + 1) }
}

/** Reads the CSV form; throws a plain Error with the line's number for fewer than three columns. */
export function parseTokenFile(text: string): readonly StaticToken[] {
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '' || line.startsWith('#')) return []
    const [token = '', name = '', uid, groups = ''] = columnsOf(line)
    if (token === '' || name === '' || uid === undefined) throw new Error(`token file line ${index + 1}: want token,user,uid[,"groups"]`)
    return [{ token, user: { name, uid, groups: groups.split(',').filter((group) => group !== '') } }]
  })
}

function columnsOf(line: string): readonly string[] {
  return [...line.matchAll(/(?:^|,)\s*(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(([, quoted, plain = '']) =>
    quoted === undefined ? plain.trim() : quoted.replaceAll('""', '"'),
  )
}
