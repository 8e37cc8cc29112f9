import { join } from 'node:path'
import { writeFileAtomic } from '../runtime/atomic-file.ts'
import { readOptional } from '../runtime/missing-file.ts'
import { altNamesOf } from './alt-names.ts'
import { type Authority, daysLeft, type Identity, issue, loadIdentity, RENEW_BEFORE_DAYS } from './authority.ts'
import type { LeafSpec } from './layout.ts'
import { subjectOf } from './subject.ts'

/** By the names that leafs give their authority. */
export type AuthoritiesByName = Readonly<Partial<Record<LeafSpec['authority'], Authority>>>

export type RenewalListener = (name: string, identity: Identity) => void

/**
 * The leaf certificates of one process with their keys: read from disk or made, renewed on request.
 * Listeners that serve with a leaf hand the new material to their sockets.
 */
export class Leafs {
  readonly #authorities: AuthoritiesByName
  readonly #specs = new Map<string, LeafSpec>()
  readonly #identities = new Map<string, Identity>()
  readonly #listeners = new Set<RenewalListener>()

  private constructor(authorities: AuthoritiesByName) {
    this.#authorities = authorities
  }

  /** Reads what is there and replaces what is absent, unreadable, of another authority, about to end, or lacks a name. */
  static async open(specs: readonly LeafSpec[], authorities: AuthoritiesByName, nowMs: number): Promise<Leafs> {
    const leafs = new Leafs(authorities)
    await Promise.all(
      specs.map(async (spec) => {
        const authority = authorityOf(spec, authorities)
        const onDisk = await readLeaf(spec)
        const usable = onDisk !== undefined && isUsable(onDisk, spec, authority)
        const wanted = onDisk === undefined || usable ? spec : withNamesOf(spec, onDisk)
        leafs.#specs.set(spec.name, wanted)
        leafs.#identities.set(spec.name, usable ? onDisk : await makeLeaf(wanted, authority, nowMs))
      }),
    )
    await leafs.renewDue(nowMs)
    return leafs
  }

  get(name: string): Identity {
    const identity = this.#identities.get(name)
    if (identity === undefined) throw new Error(`unknown certificate ${name}`)
    return identity
  }

  get names(): readonly string[] {
    return [...this.#specs.keys()]
  }

  /** Called after the new files are on disk. Returns the remover. */
  onRenewed(listener: RenewalListener): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  /** Replaces every leaf with less than `RENEW_BEFORE_DAYS` left; returns the names replaced. */
  async renewDue(nowMs: number): Promise<readonly string[]> {
    const due = this.names.filter((name) => this.#isDue(name, nowMs))
    for (const name of due) await this.#replace(name, nowMs)
    return due
  }

  /** A leaf that ends with its authority gains nothing from being made again. */
  #isDue(name: string, nowMs: number): boolean {
    const { certificate } = this.get(name)
    const spec = this.#specs.get(name)
    if (spec === undefined || daysLeft(certificate, nowMs) >= RENEW_BEFORE_DAYS) return false
    return authorityOf(spec, this.#authorities).certificate.validToDate.getTime() > certificate.validToDate.getTime()
  }

  /** Adds names and addresses to a serving certificate, making a new one when some are missing. True when it did. */
  async addHosts(name: string, hosts: readonly string[], nowMs: number): Promise<boolean> {
    const spec = this.#specs.get(name)
    if (spec === undefined) throw new Error(`unknown certificate ${name}`)
    const wanted = { ...spec, altNames: altNamesOf([...hostsOf(spec), ...hosts]) }
    if (covers(this.get(name), wanted)) return false
    this.#specs.set(name, wanted)
    await this.#replace(name, nowMs)
    return true
  }

  async #replace(name: string, nowMs: number): Promise<void> {
    const spec = this.#specs.get(name)
    if (spec === undefined) throw new Error(`unknown certificate ${name}`)
    const identity = await makeLeaf(spec, authorityOf(spec, this.#authorities), nowMs)
    this.#identities.set(name, identity)
    for (const listener of this.#listeners) listener(name, identity)
  }
}

function authorityOf({ name, authority }: LeafSpec, authorities: AuthoritiesByName): Authority {
  const found = authorities[authority]
  if (found === undefined) throw new Error(`the authority ${authority} of certificate ${name} is not at hand`)
  return found
}

async function readLeaf(spec: LeafSpec): Promise<Identity | undefined> {
  const path = join(spec.directory, spec.name)
  const [certificatePem, keyPem] = await Promise.all([readOptional(`${path}.crt`), readOptional(`${path}.key`)])
  if (certificatePem === undefined || keyPem === undefined) return undefined
  try {
    return loadIdentity(certificatePem, keyPem)
  } catch {
    // Torn or foreign files; a leaf can always be made again.
    return undefined
  }
}

/** Not waited for on disk: after a power loss a torn leaf is found and made again. */
async function makeLeaf(spec: LeafSpec, authority: Authority, nowMs: number): Promise<Identity> {
  const identity = issue(authority, spec, nowMs)
  const path = join(spec.directory, spec.name)
  await Promise.all([writeFileAtomic(`${path}.key`, identity.keyPem), writeFileAtomic(`${path}.crt`, identity.certificatePem)])
  return identity
}

function isUsable(identity: Identity, spec: LeafSpec, authority: Authority): boolean {
  const { certificate } = identity
  if (!certificate.checkIssued(authority.certificate) || !certificate.verify(authority.certificate.publicKey)) return false
  const subject = subjectOf(certificate.raw)
  if (subject.commonName !== spec.subject.commonName) return false
  if (subject.organizations.join('\0') !== spec.subject.organizations.join('\0')) return false
  return covers(identity, spec)
}

function covers(identity: Identity, spec: LeafSpec): boolean {
  const present = new Set(hostsOfCertificate(identity))
  return hostsOf(spec).every((host) => present.has(host))
}

function hostsOf(spec: LeafSpec): readonly string[] {
  return [...(spec.altNames?.dnsNames ?? []), ...(spec.altNames?.ipAddresses ?? [])]
}

/** Names learnt while running (node addresses) stay when the certificate is made again. */
function withNamesOf(spec: LeafSpec, old: Identity): LeafSpec {
  if (spec.altNames === undefined) return spec
  return { ...spec, altNames: altNamesOf([...hostsOf(spec), ...hostsOfCertificate(old)]) }
}

function hostsOfCertificate({ certificate }: Identity): readonly string[] {
  const listed = (certificate.subjectAltName ?? '').split(', ').flatMap((entry) => {
    const [kind, ...value] = entry.split(':')
    return kind === 'DNS' || kind === 'IP Address' ? [value.join(':')] : []
  })
  const { dnsNames, ipAddresses } = altNamesOf(listed)
  return [...dnsNames, ...ipAddresses]
}
