import type { SecureContextOptions } from 'node:tls'
import { SERVER_TLS } from '../../runtime/tls.ts'

/** What the listener shows and whom it believes. PEM. */
export interface ServingMaterial {
  /** Leaf first, then what leads to the root. */
  readonly certificate: string
  readonly key: string
  /** Authorities of client certificates; absent or empty: client certificates are not asked for. */
  readonly clientAuthorities?: string | undefined
}

export function toSecureContext(material: ServingMaterial): SecureContextOptions {
  const { certificate, key, clientAuthorities = '' } = material
  return {
    cert: certificate,
    key,
    ...(clientAuthorities !== '' && { ca: clientAuthorities }),
    ...SERVER_TLS,
    // NOTE: seconds. A resumed session keeps the verdict on the client's certificate, so it must not live long.
    sessionTimeout: 300,
  }
}
