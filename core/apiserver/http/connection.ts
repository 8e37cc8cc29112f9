import type { TLSSocket } from 'node:tls'
import type { Credentials } from '../auth/auth.ts'

/** What is the same for all requests of one connection, found out once: asking a socket each time costs more than an answer. */
export interface Connection {
  readonly remoteAddress: string
  /** The peer is on this machine, so compressing for it only costs. */
  readonly loopback: boolean
  readonly certificate: Credentials['certificate']
  /** Aborts when the connection is gone. */
  readonly signal: AbortSignal
}

export function openConnection(socket: TLSSocket): Connection {
  const remoteAddress = socket.remoteAddress ?? ''
  const gone = new AbortController()
  socket.once('close', () => gone.abort(new Error('the client has gone')))
  return { remoteAddress, loopback: isLoopback(remoteAddress), certificate: verifiedSubject(socket), signal: gone.signal }
}

function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.') || address.startsWith('::ffff:127.')
}

/** Empty without a certificate, whatever the types of Node say. */
interface PeerCertificate {
  readonly subject?: Readonly<Record<string, string | string[] | undefined>>
  readonly fingerprint256?: string
}

/** NOTE: a resumed session without a certificate counts as authorized, so there must be a subject as well. */
function verifiedSubject(socket: TLSSocket): Credentials['certificate'] {
  if (!socket.authorized) return undefined
  const { subject, fingerprint256 = '' } = socket.getPeerCertificate() as PeerCertificate
  const commonName = subject?.['CN']
  if (subject === undefined || commonName === undefined) return undefined
  return {
    commonName: [commonName].flat().at(-1) ?? '',
    organizations: [subject['O'] ?? []].flat(),
    fingerprint: fingerprint256.replaceAll(':', '').toLowerCase(),
  }
}
