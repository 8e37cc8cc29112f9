import { createHash, createPublicKey, type KeyObject, randomBytes, sign, X509Certificate } from 'node:crypto'
import { type AltNames, encodeAltNames, hasAltNames, type RequestedNames } from './alt-names.ts'
import {
  type Asn1,
  bitString,
  boolean,
  bytesOf,
  fromDer,
  integer,
  itemsOf,
  octetString,
  oid,
  oidOf,
  sequence,
  tagged,
  taggedBytes,
  time,
  toDer,
} from './asn1.ts'
import { publicKeyDer } from './keys.ts'
import { type ExtendedUsage, KEY_USAGE_BITS, type KeyUsage, OIDS } from './oids.ts'
import { encodeSubject, type Subject } from './subject.ts'

/** What a certificate says; the signer adds serial number and key identifiers. */
export interface CertificateTemplate {
  /** Or a name as it stands in a request, with attributes of all kinds. */
  readonly subject: Subject | { readonly encoded: Asn1 }
  readonly publicKey: KeyObject
  readonly notBeforeMs: number
  readonly notAfterMs: number
  readonly usages: readonly ExtendedUsage[]
  /** Default: what TLS needs, and for authorities the signing of certificates. */
  readonly keyUsages?: readonly KeyUsage[]
  readonly altNames?: AltNames & Partial<RequestedNames>
  readonly isAuthority?: boolean
}

/** Whoever signs: an authority, or the new authority itself when it has no certificate yet. */
export interface Signer {
  readonly privateKey: KeyObject
  /** Absent: self-signed. */
  readonly certificate?: X509Certificate
}

const LEAF_USAGES: readonly KeyUsage[] = ['digitalSignature', 'keyEncipherment']
const AUTHORITY_USAGES: readonly KeyUsage[] = [...LEAF_USAGES, 'keyCertSign']

/** Signs with ECDSA and SHA-256 (0.25 ms); the signer's key must be an EC one. Returns PEM. */
export function signCertificate(template: CertificateTemplate, signer: Signer): string {
  const algorithm = signatureAlgorithm(signer.privateKey)
  const subject = 'encoded' in template.subject ? template.subject.encoded : encodeSubject(template.subject)
  const issuer = signer.certificate === undefined ? subject : subjectDer(signer.certificate)
  const body = sequence(
    tagged(0, integer(Uint8Array.of(2))),
    integer(serialNumber()),
    algorithm,
    issuer,
    sequence(time(template.notBeforeMs), time(template.notAfterMs)),
    subject,
    fromDer(publicKeyDer(template.publicKey)),
    tagged(3, sequence(...extensionsOf(template, signer))),
  )
  const signature = sign('sha256', toDer(body), signer.privateKey)
  return toPem('CERTIFICATE', toDer(sequence(body, algorithm, bitString(signature))))
}

/** One PEM block with lines of 64 characters. */
export function toPem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}

/** The DER bytes of every block with one of `labels`, in order. */
export function pemBlocks(text: string, ...labels: readonly string[]): Buffer[] {
  const blocks: Buffer[] = []
  for (const [, label, body] of text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----([^-]*)-----END \1-----/g)) {
    if (label !== undefined && labels.includes(label)) blocks.push(Buffer.from(body ?? '', 'base64'))
  }
  return blocks
}

/** All certificates of a PEM bundle; throws when there is none or one is malformed. */
export function parseCertificates(pem: string): X509Certificate[] {
  const blocks = pemBlocks(pem, 'CERTIFICATE')
  if (blocks.length === 0) throw new Error('no certificate found in PEM text')
  return blocks.map((der) => new X509Certificate(der))
}

function signatureAlgorithm(key: KeyObject): Asn1 {
  const type = key.asymmetricKeyType
  if (type === 'ec') return sequence(oid(OIDS.ecdsaWithSha256))
  if (type === 'rsa') return sequence(oid(OIDS.rsaWithSha256), fromDer(Uint8Array.of(5, 0)))
  throw new Error(`an authority with a key of type ${String(type)} cannot sign: use ECDSA or RSA`)
}

function extensionsOf(template: CertificateTemplate, signer: Signer): Asn1[] {
  const isAuthority = template.isAuthority === true
  const keyUsages = template.keyUsages ?? (isAuthority ? AUTHORITY_USAGES : LEAF_USAGES)
  const extensions = keyUsages.length === 0 ? [] : [extension(OIDS.keyUsage, keyUsageBits(keyUsages), true)]
  if (template.usages.length > 0) extensions.push(extension(OIDS.extendedKeyUsage, sequence(...template.usages.map((u) => oid(OIDS[u])))))
  extensions.push(extension(OIDS.basicConstraints, sequence(...(isAuthority ? [boolean(true)] : [])), true))
  if (isAuthority) extensions.push(extension(OIDS.subjectKeyIdentifier, octetString(keyIdentifier(template.publicKey))))
  else extensions.push(extension(OIDS.authorityKeyIdentifier, sequence(taggedBytes(0, signerKeyIdentifier(signer)))))
  const names = template.altNames
  if (names !== undefined && hasAltNames(names)) extensions.push(extension(OIDS.subjectAltName, encodeAltNames(names)))
  return extensions
}

/** DER keeps no trailing zero bits. */
function keyUsageBits(usages: readonly KeyUsage[]): Asn1 {
  const places = usages.map((usage) => KEY_USAGE_BITS.indexOf(usage))
  const last = Math.max(...places)
  const bytes = new Uint8Array(Math.floor(last / 8) + 1)
  for (const place of places) {
    const at = Math.floor(place / 8)
    bytes[at] = (bytes[at] ?? 0) | (0x80 >> (place % 8))
  }
  return bitString(bytes, 7 - (last % 8))
}

function extension(id: string, value: Asn1, critical = false): Asn1 {
  return sequence(oid(id), ...(critical ? [boolean(true)] : []), octetString(toDer(value)))
}

/** SHA-1 of the public key bits. Source: RFC 5280, 4.2.1.2, method 1. */
function keyIdentifier(key: KeyObject): Buffer {
  const bits = bytesOf(itemsOf(fromDer(publicKeyDer(key)))[1])
  return createHash('sha1').update(bits.subarray(1)).digest()
}

/** The identifier the signer's own certificate carries, which a foreign authority may have computed in another way. */
function signerKeyIdentifier(signer: Signer): Buffer {
  if (signer.certificate === undefined) return keyIdentifier(createPublicKey(signer.privateKey))
  const value = certificateExtension(signer.certificate, OIDS.subjectKeyIdentifier)
  return value === undefined ? keyIdentifier(signer.certificate.publicKey) : bytesOf(value)
}

function certificateExtension(certificate: X509Certificate, id: string): Asn1 | undefined {
  const fields = itemsOf(itemsOf(fromDer(certificate.raw))[0])
  const extensions = fields.at(-1)
  for (const item of itemsOf(itemsOf(extensions)[0])) {
    const parts = itemsOf(item)
    const value = parts.at(-1)
    if (oidOf(parts[0]) === id) return fromDer(bytesOf(value))
  }
  return undefined
}

function subjectDer(certificate: X509Certificate): Asn1 {
  const fields = itemsOf(itemsOf(fromDer(certificate.raw))[0])
  const name = fields[5]
  if (name === undefined) throw new Error('a certificate without subject cannot sign')
  return name
}

/** 16 random bytes with a clear top bit: positive and at most 20 bytes. Source: RFC 5280, 4.1.2.2. */
function serialNumber(): Buffer {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return bytes
}
