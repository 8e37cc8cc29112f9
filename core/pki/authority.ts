import { X509Certificate } from 'node:crypto'
import type { AltNames } from './alt-names.ts'
import { parseCertificates, signCertificate } from './certificate.ts'
import { generateKeyPair, type KeyPair, keyPairFromPem, privateKeyPem } from './keys.ts'
import type { Subject } from './subject.ts'

const DAY_MS = 86_400_000
/** Authorities live ten years and are never renewed by themselves. Source: K3s, certificates. */
export const AUTHORITY_LIFE_DAYS = 3650
export const LEAF_LIFE_DAYS = 365
/** A leaf with less life left is replaced. */
export const RENEW_BEFORE_DAYS = 120

/** A certificate with its key, both as text for files and parsed for use. */
export interface Identity {
  readonly certificatePem: string
  readonly keyPem: string
  readonly keys: KeyPair
  /** The leaf, or the first certificate of an authority bundle. */
  readonly certificate: X509Certificate
}

/** Signs leafs. `certificatePem` may be a bundle: signing certificate first, then the chain up to a foreign root. */
export type Authority = Identity

export interface LeafRequest {
  readonly subject: Subject
  readonly usages: readonly ('clientAuth' | 'serverAuth')[]
  readonly altNames?: AltNames
  readonly lifeDays?: number
}

/** Self-signed; `keys` defaults to a new pair. */
export function createAuthority(commonName: string, nowMs: number, keys: KeyPair = generateKeyPair()): Authority {
  const certificatePem = signCertificate(
    {
      subject: { commonName, organizations: [] },
      publicKey: keys.publicKey,
      notBeforeMs: nowMs,
      notAfterMs: nowMs + AUTHORITY_LIFE_DAYS * DAY_MS,
      usages: [],
      isAuthority: true,
    },
    { privateKey: keys.privateKey },
  )
  return identity(certificatePem, keys)
}

/** Makes a fresh key and its certificate, followed by the signing authority's chain as K3s does. */
export function issue(authority: Authority, request: LeafRequest, nowMs: number): Identity {
  const keys = generateKeyPair()
  return identity(signFor(authority, request, keys.publicKey, nowMs), keys)
}

/** Signs a key somebody else holds (certificate requests). Returns leaf and authority chain as PEM. */
export function signFor(authority: Authority, request: LeafRequest, publicKey: KeyPair['publicKey'], nowMs: number): string {
  const wanted = nowMs + (request.lifeDays ?? LEAF_LIFE_DAYS) * DAY_MS
  const leaf = signCertificate(
    {
      subject: request.subject,
      publicKey,
      // NOTE: backdated to the authority's own start, so that a clock a little behind ours accepts the leaf.
      notBeforeMs: Math.min(nowMs, authority.certificate.validFromDate.getTime()),
      notAfterMs: Math.min(wanted, authority.certificate.validToDate.getTime()),
      usages: request.usages,
      ...(request.altNames !== undefined && { altNames: request.altNames }),
    },
    { privateKey: authority.keys.privateKey, certificate: authority.certificate },
  )
  return leaf + authority.certificatePem
}

/** Throws when the key does not belong to the first certificate. */
export function loadIdentity(certificatePem: string, keyPem: string): Identity {
  const [certificate] = parseCertificates(certificatePem)
  const keys = keyPairFromPem(keyPem)
  if (!certificate?.checkPrivateKey(keys.privateKey)) throw new Error('the private key does not belong to the certificate')
  return { certificatePem, keyPem, keys, certificate }
}

/** Whole days until the certificate ends, negative afterwards. */
export function daysLeft(certificate: X509Certificate, nowMs: number): number {
  return Math.floor((certificate.validToDate.getTime() - nowMs) / DAY_MS)
}

function identity(certificatePem: string, keys: KeyPair): Identity {
  return { certificatePem, keyPem: privateKeyPem(keys.privateKey), keys, certificate: new X509Certificate(certificatePem) }
}
