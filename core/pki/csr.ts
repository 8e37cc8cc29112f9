import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import { decodeAltNames, type RequestedNames } from './alt-names.ts'
import { type Asn1, bytesOf, fromDer, isContextTag, itemsOf, oidOf, toDer } from './asn1.ts'
import { pemBlocks } from './certificate.ts'
import { OIDS } from './oids.ts'
import { decodeSubject, type Subject } from './subject.ts'

/** A PKCS #10 request whose signature was checked against its own key. */
export interface CertificateRequest extends RequestedNames {
  readonly subject: Subject
  /** The whole name, with attributes that Kubernetes does not read. */
  readonly encodedSubject: Asn1
  readonly publicKey: KeyObject
}

/** Digest by signature algorithm; `null` is for keys that fix their own. SHA-1 and MD5 are refused on purpose. */
const DIGESTS: Readonly<Record<string, string | null>> = {
  [OIDS.ecdsaWithSha256]: 'sha256',
  [OIDS.ecdsaWithSha384]: 'sha384',
  [OIDS.ecdsaWithSha512]: 'sha512',
  [OIDS.rsaWithSha256]: 'sha256',
  [OIDS.rsaWithSha384]: 'sha384',
  [OIDS.rsaWithSha512]: 'sha512',
  [OIDS.ed25519]: null,
}

const NO_NAMES: RequestedNames = { dnsNames: [], ipAddresses: [], uris: [], emailAddresses: [] }

/** Throws a plain Error when the PEM text holds no request, the request is malformed, or its signature is wrong. */
export function parseCertificateRequest(pem: string): CertificateRequest {
  const der = pemBlocks(pem, 'CERTIFICATE REQUEST', 'NEW CERTIFICATE REQUEST')[0]
  if (der === undefined) throw new Error('PEM block type must be CERTIFICATE REQUEST')
  const [info, algorithm, signature] = itemsOf(fromDer(der))
  if (info === undefined) throw new Error('the certificate request is empty')
  const [, subject, key, ...attributes] = itemsOf(info)
  if (subject === undefined || key === undefined) throw new Error('the certificate request has no public key')
  const publicKey = createPublicKey({ key: toDer(key), format: 'der', type: 'spki' })
  const id = oidOf(itemsOf(algorithm)[0])
  const digest = DIGESTS[id]
  if (digest === undefined) throw new Error(`the certificate request is signed with an unsupported algorithm (${id})`)
  // NOTE: the first byte of a bit string counts unused bits, which is 0 for signatures.
  if (!verify(digest, toDer(info), publicKey, bytesOf(signature).subarray(1))) {
    throw new Error('the signature of the certificate request does not match its key')
  }
  return { subject: decodeSubject(subject), encodedSubject: subject, publicKey, ...requestedNames(attributes) }
}

function requestedNames(attributes: readonly Asn1[]): RequestedNames {
  for (const attribute of attributes.filter((item) => isContextTag(item, 0)).flatMap(itemsOf)) {
    const [type, values] = itemsOf(attribute)
    if (oidOf(type) !== OIDS.extensionRequest) continue
    for (const extension of itemsOf(itemsOf(values)[0])) {
      const parts = itemsOf(extension)
      if (oidOf(parts[0]) === OIDS.subjectAltName) return decodeAltNames(fromDer(bytesOf(parts.at(-1))))
    }
  }
  return NO_NAMES
}
