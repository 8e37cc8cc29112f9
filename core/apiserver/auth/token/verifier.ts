import { hash } from 'node:crypto'
import { decodeToken, isSignedBy, type VerificationKey } from '../../../pki/jwt.ts'
import { LEGACY_ISSUER, type LegacyClaims } from '../../../pki/legacy-token.ts'
import type { Clock } from '../../../runtime/clock.ts'
import type { ObjectReader } from '../../admission/admission.ts'
import type { UserInfo } from '../auth.ts'
import { serviceAccountGroups, serviceAccountUser } from '../users.ts'
import { type BoundClaims, readBoundClaims, readLegacyClaims } from './claims.ts'
import { boundProblem, legacyProblem } from './validity.ts'

/** How long an answer is given again without looking at the bound objects; the real server's own figure. */
const TRUST_MS = 10_000
const MAX_REMEMBERED = 4096

export interface TokenVerifierDeps {
  readonly keys: readonly VerificationKey[]
  /** The first signs new tokens; all are accepted. */
  readonly issuers: readonly string[]
  /** What tokens must be meant for when the caller does not say; tokens without audience count as meant for them. */
  readonly audiences: readonly string[]
  readonly reader: ObjectReader
  readonly clock: Clock
}

export interface VerifiedToken {
  /** The same record as long as the token is remembered, so that decisions can be remembered by identity. */
  readonly user: UserInfo
  /** Those of the wanted audiences the token is meant for. */
  readonly audiences: readonly string[]
}

/** `foreign`: no service account token of ours, somebody else may know it. `bad`: ours, with the reason. */
export type Verification =
  | { readonly outcome: 'ok'; readonly token: VerifiedToken }
  | { readonly outcome: 'bad'; readonly reason: string }
  | { readonly outcome: 'foreign' }

type Content = { readonly kind: 'bound'; readonly claims: BoundClaims } | { readonly kind: 'legacy'; readonly claims: LegacyClaims }

/** What a signature check yields once; only lifetime and bound objects are asked again. */
interface Remembered {
  readonly content: Content
  readonly user: UserInfo
  checkedAtMs: number
}

/** Verifies service account tokens. Signatures are checked once a token, bound objects at most every ten seconds. */
export class TokenVerifier {
  readonly #deps: TokenVerifierDeps
  readonly #remembered = new Map<string, Remembered>()

  constructor(deps: TokenVerifierDeps) {
    this.#deps = deps
  }

  /** `wanted` defaults to the server's own audiences. */
  verify(token: string, wanted: readonly string[] = this.#deps.audiences): Verification {
    // NOTE: by hash, so that a heap dump holds no token.
    const id = hash('sha256', token, 'base64')
    const known = this.#remembered.get(id) ?? this.#open(token, id)
    if (known === undefined) return { outcome: 'foreign' }
    if (typeof known === 'string') return { outcome: 'bad', reason: known }
    const nowMs = this.#deps.clock.now()
    const reason = this.#lifetimeProblem(known, nowMs) ?? this.#bindingProblem(known, token, nowMs)
    if (reason !== undefined) {
      this.#remembered.delete(id)
      return { outcome: 'bad', reason }
    }
    const audiences = this.#audiencesOf(known, wanted)
    if (audiences.length === 0) {
      return { outcome: 'bad', reason: `token audiences ${show(audiencesIn(known))} is invalid for the target audiences ${show(wanted)}` }
    }
    return { outcome: 'ok', token: { user: known.user, audiences } }
  }

  /** Undefined for foreign tokens, a text for our own with a bad signature. */
  #open(token: string, id: string): Remembered | string | undefined {
    const decoded = decodeToken(token)
    if (decoded === undefined) return undefined
    const issuer = decoded.claims['iss']
    if (typeof issuer !== 'string' || (issuer !== LEGACY_ISSUER && !this.#deps.issuers.includes(issuer))) return undefined
    if (!isSignedBy(token, decoded, this.#deps.keys)) return 'invalid signature'
    const content = contentOf(issuer, decoded.claims)
    if (content === undefined) return 'claims are not those of a service account'
    const remembered: Remembered = { content, user: userOf(content), checkedAtMs: Number.NEGATIVE_INFINITY }
    this.#remember(id, remembered)
    return remembered
  }

  /** Oldest first out; a busy token that falls out is checked again, which costs 0.1 ms. */
  #remember(id: string, remembered: Remembered): void {
    if (this.#remembered.size >= MAX_REMEMBERED) {
      const oldest = this.#remembered.keys().next()
      if (oldest.done !== true) this.#remembered.delete(oldest.value)
    }
    this.#remembered.set(id, remembered)
  }

  #lifetimeProblem({ content }: Remembered, nowMs: number): string | undefined {
    if (content.kind === 'legacy') return undefined
    const nowSeconds = nowMs / 1000
    if (nowSeconds > content.claims.exp) return 'service account token has expired'
    if (nowSeconds < content.claims.nbf) return 'service account token is not valid yet'
    return undefined
  }

  #bindingProblem(known: Remembered, token: string, nowMs: number): string | undefined {
    if (nowMs - known.checkedAtMs < TRUST_MS) return undefined
    const { content } = known
    const problem =
      content.kind === 'legacy'
        ? legacyProblem(content.claims, token, this.#deps.reader, nowMs)
        : boundProblem(content.claims, this.#deps.reader, nowMs)
    if (problem === undefined) known.checkedAtMs = nowMs
    return problem
  }

  #audiencesOf(known: Remembered, wanted: readonly string[]): readonly string[] {
    const own = audiencesIn(known)
    const meant = own.length === 0 ? this.#deps.audiences : own
    return wanted.filter((audience) => meant.includes(audience))
  }
}

function audiencesIn({ content }: Remembered): readonly string[] {
  return content.kind === 'legacy' ? [] : content.claims.aud
}

function contentOf(issuer: string, claims: Readonly<Record<string, unknown>>): Content | undefined {
  if (issuer === LEGACY_ISSUER) {
    const legacy = readLegacyClaims(claims)
    return legacy && { kind: 'legacy', claims: legacy }
  }
  const bound = readBoundClaims(claims)
  return bound && { kind: 'bound', claims: bound }
}

function userOf(content: Content): UserInfo {
  if (content.kind === 'legacy') {
    const { namespace, serviceAccount } = content.claims
    return accountUser(namespace, serviceAccount, {})
  }
  const { jti, 'kubernetes.io': own } = content.claims
  const extra: Record<string, readonly string[]> = {}
  if (jti !== '') extra['authentication.kubernetes.io/credential-id'] = [`JTI=${jti}`]
  if (own.node?.name !== undefined) extra['authentication.kubernetes.io/node-name'] = [own.node.name]
  if (own.node?.uid !== undefined && own.node.uid !== '') extra['authentication.kubernetes.io/node-uid'] = [own.node.uid]
  if (own.pod !== undefined) {
    extra['authentication.kubernetes.io/pod-name'] = [own.pod.name]
    extra['authentication.kubernetes.io/pod-uid'] = [own.pod.uid]
  }
  return accountUser(own.namespace, own.serviceaccount, extra)
}

function accountUser(
  namespace: string,
  account: { readonly name: string; readonly uid: string },
  extra: Readonly<Record<string, readonly string[]>>,
): UserInfo {
  return {
    name: serviceAccountUser(namespace, account.name),
    uid: account.uid,
    groups: serviceAccountGroups(namespace),
    ...(Object.keys(extra).length > 0 && { extra }),
  }
}

/** A list of strings as Go prints it with %q. */
function show(texts: readonly string[]): string {
  return `[${texts.map((text) => JSON.stringify(text)).join(' ')}]`
}
