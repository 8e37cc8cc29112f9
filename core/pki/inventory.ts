import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { daysLeft, RENEW_BEFORE_DAYS } from './authority.ts'
import { parseCertificates } from './certificate.ts'

/** One certificate of a file, for `certificate check` and metrics. */
export interface CertificateRecord {
  /** Path below the data directory. */
  readonly file: string
  readonly subject: string
  readonly isAuthority: boolean
  readonly expiresAtMs: number
  readonly status: 'ok' | 'expiring' | 'expired'
}

const FOLDERS = ['server/tls', 'server/tls/etcd', 'agent']

/** Every certificate below the data directory, in path order. Unreadable files are left out: they are made again at start. */
export async function listCertificates(dataDir: string, nowMs: number): Promise<readonly CertificateRecord[]> {
  const records = await Promise.all(FOLDERS.map(async (folder) => recordsIn(dataDir, join(dataDir, folder), nowMs)))
  return records.flat().sort((a, b) => (a.file < b.file ? -1 : 1))
}

async function recordsIn(dataDir: string, folder: string, nowMs: number): Promise<readonly CertificateRecord[]> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.crt') && !name.endsWith('.nochain.crt'))
  const perFile = await Promise.all(
    names.map(async (name) => {
      const path = join(folder, name)
      try {
        const [certificate] = parseCertificates(await readFile(path, 'utf8'))
        return certificate === undefined ? [] : [recordOf(relative(dataDir, path), certificate, nowMs)]
      } catch {
        // Torn or foreign: not a certificate of ours.
        return []
      }
    }),
  )
  return perFile.flat()
}

function recordOf(file: string, certificate: ReturnType<typeof parseCertificates>[number], nowMs: number): CertificateRecord {
  const days = daysLeft(certificate, nowMs)
  const status = days < 0 ? 'expired' : days < RENEW_BEFORE_DAYS ? 'expiring' : 'ok'
  return {
    file,
    subject: certificate.subject.replaceAll('\n', ', '),
    isAuthority: certificate.ca,
    expiresAtMs: certificate.validToDate.getTime(),
    status,
  }
}
