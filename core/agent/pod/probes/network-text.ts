import { isErrno } from '../../../runtime/missing-file.ts'

/** Go's words for a failed connection, which Kubernetes users know from events. */
const TEXTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connect: connection refused',
  EHOSTUNREACH: 'connect: no route to host',
  ENETUNREACH: 'connect: network is unreachable',
  ETIMEDOUT: 'i/o timeout',
  ECONNRESET: 'read: connection reset by peer',
}

/** A failed connection in the words in which Go, and so Kubernetes, tells of it. */
export function networkText(err: unknown, host: string, port: number): string {
  for (const [code, text] of Object.entries(TEXTS))
    if (isErrno(err, code)) return `dial tcp ${host.includes(':') ? `[${host}]` : host}:${port}: ${text}`
  return err instanceof Error ? err.message : String(err)
}
