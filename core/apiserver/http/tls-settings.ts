import { constants } from 'node:crypto'
import type { SecureContextOptions } from 'node:tls'

/** What the listener shows and whom it believes. PEM. */
export interface ServingMaterial {
  /** Leaf first, then what leads to the root. */
  readonly certificate: string
  readonly key: string
  /** Authorities of client certificates; absent or empty: client certificates are not asked for. */
  readonly clientAuthorities?: string | undefined
}

/** Forward secret and authenticated only; AES first, which the machine does in hardware. */
const CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':')

export function toSecureContext(material: ServingMaterial): SecureContextOptions {
  const { certificate, key, clientAuthorities = '' } = material
  return {
    cert: certificate,
    key,
    ...(clientAuthorities !== '' && { ca: clientAuthorities }),
    minVersion: 'TLSv1.2',
    ciphers: CIPHERS,
    honorCipherOrder: true,
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    // NOTE: seconds. A resumed session keeps the verdict on the client's certificate, so it must not live long.
    sessionTimeout: 300,
  }
}
