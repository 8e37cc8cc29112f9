import type { X509Certificate } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { TLSSocket } from 'node:tls'
import { tokenReviews } from '../../core/api/kinds.ts'
import type { Client } from '../../core/client/client.ts'
import { Expiring } from '../../core/runtime/expiring.ts'
import type { FrontProxyHeaders, Trust } from './trust.ts'

/** Who asks. */
export interface Caller {
  readonly name: string
  readonly uid?: string
  readonly groups: readonly string[]
  readonly extra?: Readonly<Record<string, readonly string[]>>
}

const ANONYMOUS: Caller = { name: 'system:anonymous', groups: ['system:unauthenticated'] }
const AUTHENTICATED = 'system:authenticated'
const TOKEN_AGE_MS = 10_000
/** An answer is shared by all who wait for it, so it is given up by none of them. */
const REVIEW_MS = 10_000

export interface AuthenticationDeps {
  readonly client: Client
  /** As it is now: authorities may change. */
  readonly trust: () => Trust
  readonly nowMs: () => number
}

/**
 * Finds out who asks: the user that a trusted front proxy names, a client certificate, or a token that the API server knows.
 * Undefined for a token that nobody knows. Source: apiserver, delegated authentication.
 */
export function createAuthentication({ client, trust, nowMs }: AuthenticationDeps) {
  const tokens = new Expiring<Caller | undefined>(TOKEN_AGE_MS, nowMs)
  return async (request: IncomingMessage): Promise<Caller | undefined> => {
    const known = trust()
    const certificate = certificateOf(request)
    if (certificate !== undefined) {
      const [leaf] = certificate
      if (leaf !== undefined && isSignedBy(certificate, known.frontProxyAuthorities) && mayProxy(leaf, known)) {
        const user = fromHeaders(request, known.headers)
        if (user !== undefined) return user
      }
      if (leaf !== undefined && isSignedBy(certificate, known.clientAuthorities)) {
        const { CN, O } = subjectOf(leaf)
        if (CN[0] !== undefined) return { name: CN[0], groups: [...O, AUTHENTICATED] }
      }
    }
    const [, token] = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '') ?? []
    return token === undefined ? ANONYMOUS : tokens.get(token, () => review(client, token))
  }
}

async function review(client: Client, token: string): Promise<Caller | undefined> {
  const { status } = await client.create(
    tokenReviews,
    { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token } },
    { signal: AbortSignal.timeout(REVIEW_MS) },
  )
  const { authenticated = false, user } = status
  if (!authenticated || user.username === undefined) return undefined
  const { username, uid, groups = [], extra } = user
  return { name: username, groups, ...(uid !== undefined && { uid }), ...(extra !== undefined && { extra }) }
}

/** The certificate with those that lead from it to its authority; undefined without one that TLS could verify. */
function certificateOf({ socket }: IncomingMessage): readonly X509Certificate[] | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined
  const chain: X509Certificate[] = []
  for (let at = socket.getPeerX509Certificate(); at !== undefined && chain.length < 8; at = at.issuerCertificate) chain.push(at)
  return chain.length === 0 ? undefined : chain
}

/** Which of the believed authorities it was that TLS verified. */
function isSignedBy(chain: readonly X509Certificate[], authorities: readonly X509Certificate[]): boolean {
  return chain.some((certificate) =>
    authorities.some((authority) => certificate.checkIssued(authority) && certificate.verify(authority.publicKey)),
  )
}

function mayProxy(leaf: X509Certificate, { frontProxyNames }: Trust): boolean {
  return frontProxyNames.length === 0 || subjectOf(leaf).CN.some((name) => frontProxyNames.includes(name))
}

function subjectOf(certificate: X509Certificate): { readonly CN: readonly string[]; readonly O: readonly string[] } {
  const { subject } = certificate.toLegacyObject() as { readonly subject: Readonly<Record<string, string | string[] | undefined>> }
  const all = (name: string): readonly string[] => [subject[name] ?? []].flat()
  return { CN: all('CN'), O: all('O') }
}

function fromHeaders({ headersDistinct }: IncomingMessage, names: FrontProxyHeaders): Caller | undefined {
  const first = (list: readonly string[]): string | undefined =>
    list.map((name) => headersDistinct[name]?.[0] ?? '').find((value) => value !== '')
  const name = first(names.user)
  if (name === undefined) return undefined
  const uid = first(names.uid)
  const groups = names.group.flatMap((header) => headersDistinct[header] ?? []).map(text)
  const extra: Record<string, readonly string[]> = {}
  for (const [header, values = []] of Object.entries(headersDistinct)) {
    const prefix = names.extraPrefixes.find((candidate) => header.startsWith(candidate))
    if (prefix !== undefined) extra[unescaped(header.slice(prefix.length))] = values.map(text)
  }
  return {
    name: text(name),
    groups,
    ...(uid !== undefined && { uid: text(uid) }),
    ...(Object.keys(extra).length > 0 && { extra }),
  }
}

/** Header bytes are UTF-8, which Node reads one a character. */
function text(value: string): string {
  return Buffer.from(value, 'latin1').toString('utf8')
}

function unescaped(key: string): string {
  try {
    return decodeURIComponent(key)
  } catch {
    // Not escaped at all.
    return key
  }
}
