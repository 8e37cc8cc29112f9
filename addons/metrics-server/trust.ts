import type { X509Certificate } from 'node:crypto'
import { X509Certificate as Certificate } from 'node:crypto'
import { configMaps } from '../../core/api/kinds.ts'
import type { Client } from '../../core/client/client.ts'

/** Whom this server believes, as the API server publishes it. */
export interface Trust {
  /** PEM of all authorities of client certificates. */
  readonly authorities: string
  readonly clientAuthorities: readonly X509Certificate[]
  readonly frontProxyAuthorities: readonly X509Certificate[]
  /** Empty: every name of a certificate of those authorities. */
  readonly frontProxyNames: readonly string[]
  readonly headers: FrontProxyHeaders
}

/** Lower-case names of the headers that tell who asks. */
export interface FrontProxyHeaders {
  readonly user: readonly string[]
  readonly uid: readonly string[]
  readonly group: readonly string[]
  readonly extraPrefixes: readonly string[]
}

const PUBLISHED = { namespace: 'kube-system', name: 'extension-apiserver-authentication' }

/** Rejects with the API server's StatusError when the ConfigMap cannot be read. Source: apiserver, delegated authentication. */
export async function readTrust(client: Client, signal: AbortSignal): Promise<Trust> {
  const { data = {} } = await client.get(configMaps, PUBLISHED, signal)
  const clientPem = data['client-ca-file'] ?? ''
  const frontProxyPem = data['requestheader-client-ca-file'] ?? ''
  return {
    authorities: `${clientPem}\n${frontProxyPem}`,
    clientAuthorities: certificatesOf(clientPem),
    frontProxyAuthorities: certificatesOf(frontProxyPem),
    frontProxyNames: namesOf(data['requestheader-allowed-names']),
    headers: {
      user: lower(data['requestheader-username-headers']),
      uid: lower(data['requestheader-uid-headers']),
      group: lower(data['requestheader-group-headers']),
      extraPrefixes: lower(data['requestheader-extra-headers-prefix']),
    },
  }
}

function certificatesOf(pem: string): readonly X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  return blocks.map((block) => new Certificate(block))
}

function namesOf(json = '[]'): readonly string[] {
  const value: unknown = JSON.parse(json)
  return Array.isArray(value) ? value.filter((name) => typeof name === 'string') : []
}

function lower(json: string | undefined): readonly string[] {
  return namesOf(json).map((name) => name.toLowerCase())
}
