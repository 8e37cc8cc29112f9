import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { parseCertificates } from './certificate.ts'

/** A join token: `K10<hash of the CA>::<user>:<password>`, the password alone, or a bootstrap token `id.secret`. Source: K3s, tokens. */
export type JoinToken =
  | { readonly kind: 'password'; readonly caHash: string | undefined; readonly user: string; readonly password: string }
  | { readonly kind: 'bootstrap'; readonly caHash: string | undefined; readonly id: string; readonly secret: string }

const PREFIX = 'K10'
const HASH_LENGTH = 64

/** Hash of the PEM text when it holds one certificate, else of the last (root) certificate's DER. Lower-case hex. */
export function authorityHash(certificatePem: string): string {
  const certificates = parseCertificates(certificatePem)
  const root = certificates.at(-1)
  const content = certificates.length > 1 && root !== undefined ? root.raw : certificatePem
  return createHash('sha256').update(content).digest('hex')
}

/** `K10`, the hash of the authority's certificate, user and password: who joins can check whom it talks to. */
export function formatToken(certificatePem: string, user: string, password: string): string {
  return `${PREFIX}${authorityHash(certificatePem)}::${user}:${password}`
}

/** 128 bits in hexadecimal. */
export function randomPassword(): string {
  return randomBytes(16).toString('hex')
}

/** Throws a plain Error that says what is wrong, without repeating the secret. */
export function parseToken(text: string, defaultUser = 'server'): JoinToken {
  const token = text.trim()
  if (token === '') throw new Error('token must not be empty')
  if (!token.startsWith(PREFIX)) return credentialsOf(token, undefined, defaultUser)
  const separator = token.indexOf('::')
  if (separator < 0)
    throw new Error('invalid token format: a token that starts with K10 needs "::" between the CA hash and the credentials')
  const caHash = token.slice(PREFIX.length, separator)
  if (caHash.length !== HASH_LENGTH || !/^[0-9a-f]+$/i.test(caHash)) throw new Error('invalid token CA hash length')
  return credentialsOf(token.slice(separator + 2), caHash.toLowerCase(), defaultUser)
}

function credentialsOf(text: string, caHash: string | undefined, defaultUser: string): JoinToken {
  const bootstrap = /^([a-z0-9]{6})\.([a-z0-9]{16})$/.exec(text)
  if (bootstrap?.[1] !== undefined && bootstrap[2] !== undefined)
    return { kind: 'bootstrap', caHash, id: bootstrap[1], secret: bootstrap[2] }
  if (caHash === undefined) return { kind: 'password', caHash, user: defaultUser, password: text }
  const colon = text.indexOf(':')
  if (colon <= 0 || colon === text.length - 1) throw new Error('invalid token credentials format: want user:password after "::"')
  return { kind: 'password', caHash, user: text.slice(0, colon), password: text.slice(colon + 1) }
}

/** Compares secrets without telling by the time taken how much of them is right. */
export function sameSecret(left: string, right: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(left), digest(right))
}
