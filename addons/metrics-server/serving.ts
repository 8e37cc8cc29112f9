import type { IncomingMessage, ServerResponse } from 'node:http'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { altNamesOf } from '../../core/pki/alt-names.ts'
import { createAuthority, issue } from '../../core/pki/authority.ts'
import type { Settings } from './settings.ts'

/** The connection of the API server stays open between its checks, which come every 30 seconds. */
const KEEP_MS = 90_000
/** Nobody checks who signed it, so it may live as long as an authority. */
const LIFE_DAYS = 3650

export interface Serving extends AsyncDisposable {
  readonly port: number
  /** Connections made from now on are checked against these. PEM. */
  believe(authorities: string): void
}

/** Listens with TLS under the operator's certificate or one of its own, and asks clients for theirs. Rejects when the port is taken. */
export async function serve(
  { port, certificate }: Settings,
  authorities: string,
  handler: (request: IncomingMessage, response: ServerResponse) => void,
  nowMs: number,
): Promise<Serving> {
  const own =
    certificate === undefined
      ? selfSigned(nowMs)
      : { cert: readFileSync(certificate.certFile, 'utf8'), key: readFileSync(certificate.keyFile, 'utf8') }
  // NOTE: a certificate of somebody else counts as none; who may do what without one is decided later.
  const tls = { ...own, ca: authorities, requestCert: true, rejectUnauthorized: false, minVersion: 'TLSv1.2' } as const
  const server = createServer({ ...tls, keepAliveTimeout: KEEP_MS }, handler)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    believe: (ca) => server.setSecureContext({ ...tls, ca }),
    async [Symbol.asyncDispose]() {
      server.closeIdleConnections()
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}

function selfSigned(nowMs: number): { readonly cert: string; readonly key: string } {
  const authority = createAuthority(`metrics-server-ca@${Math.floor(nowMs / 1000)}`, nowMs)
  const altNames = altNamesOf(['localhost', 'metrics-server', 'metrics-server.kube-system', 'metrics-server.kube-system.svc'])
  const subject = { commonName: 'metrics-server', organizations: [] }
  const leaf = issue(authority, { subject, usages: ['serverAuth'], altNames, lifeDays: LIFE_DAYS }, nowMs)
  return { cert: leaf.certificatePem, key: leaf.keyPem }
}
