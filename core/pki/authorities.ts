import { createPublicKey } from 'node:crypto'
import { join } from 'node:path'
import { writeFileAtomic } from '../runtime/atomic-file.ts'
import { readOptional } from '../runtime/missing-file.ts'
import { type Authority, createAuthority, loadIdentity } from './authority.ts'
import { toPem } from './certificate.ts'
import { generateKeyPair, type KeyPair, keyPairFromPem, privateKeyPem } from './keys.ts'
import { AUTHORITY_NAMES, type AuthorityName, ETCD_AUTHORITY_NAMES, type EtcdAuthorityName } from './layout.ts'

export type Authorities = Readonly<Record<AuthorityName, Authority>>
export type EtcdAuthorities = Readonly<Record<EtcdAuthorityName, Authority>>

/** Keys for service account tokens: the first signs, all of them verify (so that keys can be rotated). */
export interface ServiceKeys {
  readonly signing: KeyPair
  readonly verifying: readonly KeyPair['publicKey'][]
}

/**
 * Reads the authorities of `server/tls`, making those that are missing. Files put there before the first start are used
 * as they are (custom authorities). Throws when a pair is incomplete or does not match: authorities are never overwritten.
 */
export async function ensureAuthorities(tlsDir: string, nowMs: number): Promise<Authorities> {
  return ensureNamed(tlsDir, AUTHORITY_NAMES, nowMs)
}

/** The same for an embedded etcd. */
export async function ensureEtcdAuthorities(tlsDir: string, nowMs: number): Promise<EtcdAuthorities> {
  return ensureNamed(tlsDir, ETCD_AUTHORITY_NAMES, nowMs)
}

async function ensureNamed<N extends AuthorityName | EtcdAuthorityName>(
  tlsDir: string,
  names: readonly N[],
  nowMs: number,
): Promise<Readonly<Record<N, Authority>>> {
  const entries = await Promise.all(names.map(async (name) => [name, await ensureAuthority(tlsDir, name, nowMs)] as const))
  return Object.fromEntries(entries) as Record<N, Authority>
}

const AUTHORITY_WAY_OUT = 'put both files back from a copy, or remove both: then all certificates and kubeconfigs are made anew'

async function ensureAuthority(tlsDir: string, name: string, nowMs: number): Promise<Authority> {
  const path = join(tlsDir, name)
  const [certificatePem, keyPem] = await Promise.all([readOptional(`${path}.crt`), readOptional(`${path}.key`)])
  if (certificatePem !== undefined && keyPem === undefined)
    throw new Error(`${path}.crt exists without its key ${path}.key; ${AUTHORITY_WAY_OUT}`)
  const authority =
    certificatePem === undefined || keyPem === undefined
      ? await makeAuthority(path, `k3ts-${name.replace('/', '-')}@${Math.floor(nowMs / 1000)}`, { keyPem, nowMs })
      : loadAuthority(path, certificatePem, keyPem)
  const alone = toPem('CERTIFICATE', authority.certificate.raw)
  if ((await readOptional(`${path}.nochain.crt`)) !== alone) await writeFileAtomic(`${path}.nochain.crt`, alone)
  return authority
}

/** The key is written first, so that a start cut off in between goes on with the same key. */
async function makeAuthority(
  path: string,
  commonName: string,
  { keyPem, nowMs }: { readonly keyPem: string | undefined; readonly nowMs: number },
): Promise<Authority> {
  const made = createAuthority(commonName, nowMs, keyPem === undefined ? undefined : keyPairFromPem(keyPem))
  if (keyPem === undefined) await writeFileAtomic(`${path}.key`, made.keyPem, { durable: true })
  await writeFileAtomic(`${path}.crt`, made.certificatePem, { durable: true })
  return made
}

function loadAuthority(path: string, certificatePem: string, keyPem: string): Authority {
  try {
    const authority = loadIdentity(certificatePem, keyPem)
    if (!authority.certificate.ca) throw new Error('the certificate is not one of an authority')
    return authority
  } catch (err) {
    const { code, message } = err as NodeJS.ErrnoException
    const reason = code?.startsWith('ERR_OSSL') === true ? `${path}.key holds no private key` : message
    throw new Error(`cannot use the authority ${path}.crt: ${reason}; ${AUTHORITY_WAY_OUT}`, { cause: err })
  }
}

/** Reads or makes `service.key` (one or more private or public keys) and keeps `service.current.key` equal to its first. */
export async function ensureServiceKeys(tlsDir: string): Promise<ServiceKeys> {
  const path = join(tlsDir, 'service.key')
  let pem = await readOptional(path)
  if (pem === undefined) {
    pem = privateKeyPem(generateKeyPair().privateKey)
    await writeFileAtomic(path, pem, { durable: true })
  }
  const keys = parseServiceKeys(pem, path)
  const currentPath = join(tlsDir, 'service.current.key')
  const currentPem = privateKeyPem(keys.signing.privateKey)
  if ((await readOptional(currentPath)) !== currentPem) await writeFileAtomic(currentPath, currentPem)
  return keys
}

function parseServiceKeys(pem: string, path: string): ServiceKeys {
  const blocks = pem.match(/-----BEGIN [A-Z ]+-----[^-]+-----END [A-Z ]+-----/g) ?? []
  const pairs = blocks.filter((block) => block.includes('PRIVATE KEY')).map(keyPairFromPem)
  const publics = blocks.filter((block) => block.includes('BEGIN PUBLIC KEY')).map((block) => createPublicKey(block))
  const [signing] = pairs
  if (signing === undefined)
    throw new Error(
      `${path} holds no private key; put it back from a copy, or remove it: then all tokens of service accounts are made anew`,
    )
  return { signing, verifying: [...pairs.map((pair) => pair.publicKey), ...publics] }
}
