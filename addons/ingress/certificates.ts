import { createSecureContext, type SecureContext } from 'node:tls'
import forge from 'node-forge'
import type { Secret } from '../../core/api/types/core-v1.ts'

const DEFAULT_NAME = 'TRAEFIK DEFAULT CERT'
const DAYS = 365

/** Context of a kubernetes.io/tls Secret; undefined when it holds no usable pair. */
export function contextOf(secret: Secret | undefined): SecureContext | undefined {
  const cert = secret?.data?.['tls.crt']
  const key = secret?.data?.['tls.key']
  if (cert === undefined || key === undefined) return undefined
  try {
    return createSecureContext({ cert: Buffer.from(cert, 'base64'), key: Buffer.from(key, 'base64') })
  } catch {
    // Not PEM, or a key of another certificate: the default certificate is shown, as for hosts without one.
    return undefined
  }
}

/** A fresh self-signed pair for names nobody gave a certificate for. */
export function selfSigned(nowMs: number): { readonly cert: string; readonly key: string } {
  const keys = forge.pki.rsa.generateKeyPair({ bits: 2048 })
  const certificate = forge.pki.createCertificate()
  certificate.publicKey = keys.publicKey
  certificate.serialNumber = `00${forge.util.bytesToHex(forge.random.getBytesSync(15))}`
  certificate.validity.notBefore = new Date(nowMs - 60_000)
  certificate.validity.notAfter = new Date(nowMs + DAYS * 86_400_000)
  const name = [{ name: 'commonName', value: DEFAULT_NAME }]
  certificate.setSubject(name)
  certificate.setIssuer(name)
  certificate.setExtensions([{ name: 'subjectAltName', altNames: [{ type: 2, value: 'traefik.default' }] }])
  certificate.sign(keys.privateKey, forge.md.sha256.create())
  return { cert: forge.pki.certificateToPem(certificate), key: forge.pki.privateKeyToPem(keys.privateKey) }
}
