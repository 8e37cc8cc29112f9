import type { Clock } from '../runtime/clock.ts'
import type { Authorities } from './authorities.ts'
import type { Authority } from './authority.ts'
import { signCertificate } from './certificate.ts'
import { parseCertificateRequest } from './csr.ts'
import type { AuthorityName } from './layout.ts'
import type { ExtendedUsage, KeyUsage } from './oids.ts'

/** Authority behind each of the cluster's own signers. Source: K3s, flags of its controller manager. */
const AUTHORITY_OF: Readonly<Record<string, AuthorityName>> = {
  'kubernetes.io/kube-apiserver-client': 'client-ca',
  'kubernetes.io/kube-apiserver-client-kubelet': 'client-ca',
  'kubernetes.io/kubelet-serving': 'server-ca',
  'kubernetes.io/legacy-unknown': 'server-ca',
}

/** Usages by the names of certificates.k8s.io. */
const KEY_USAGES: Readonly<Record<string, KeyUsage>> = {
  signing: 'digitalSignature',
  'digital signature': 'digitalSignature',
  'content commitment': 'contentCommitment',
  'key encipherment': 'keyEncipherment',
  'data encipherment': 'dataEncipherment',
  'key agreement': 'keyAgreement',
  'cert sign': 'keyCertSign',
  'crl sign': 'crlSign',
  'encipher only': 'encipherOnly',
  'decipher only': 'decipherOnly',
}
const EXTENDED_USAGES: Readonly<Record<string, ExtendedUsage>> = {
  any: 'anyExtendedKeyUsage',
  'server auth': 'serverAuth',
  'client auth': 'clientAuth',
  'code signing': 'codeSigning',
  'email protection': 'emailProtection',
  's/mime': 'emailProtection',
  'ipsec end system': 'ipsecEndSystem',
  'ipsec tunnel': 'ipsecTunnel',
  'ipsec user': 'ipsecUser',
  timestamping: 'timeStamping',
  'ocsp signing': 'ocspSigning',
  'microsoft sgc': 'microsoftSgc',
  'netscape sgc': 'netscapeSgc',
}

/** Clocks of those who verify may be this much behind. Source: kubernetes, pkg/controller/certificates/authority. */
const BACKDATE_MS = 5 * 60_000

export interface RequestToSign {
  readonly requestPem: string
  readonly signerName: string
  readonly usages: readonly string[]
  readonly lifetimeSeconds: number
}

/** What a request asks to be called. */
export interface RequestedIdentity {
  readonly commonName: string
  readonly organizations: readonly string[]
  readonly dnsNames: readonly string[]
  readonly ipAddresses: readonly string[]
  readonly emailAddresses: readonly string[]
  readonly uris: readonly string[]
}

/** Reads and signs CertificateSigningRequests; whether one may be signed was decided before. */
export interface RequestSigner {
  /** Rejects when the text is no request or its signature is wrong. */
  inspect(requestPem: string): Promise<RequestedIdentity>
  /** The leaf alone, as PEM. Rejects for signers and usages that are not known. */
  sign(request: RequestToSign): Promise<string>
}

/** Signs for the cluster's own signers. Rejects for others, and for usages it does not know. */
export function createRequestSigner(authorities: Authorities, clock: Clock): RequestSigner {
  return {
    inspect: async (requestPem) => {
      const { subject, dnsNames, ipAddresses, emailAddresses, uris } = parseCertificateRequest(requestPem)
      return Promise.resolve({ ...subject, dnsNames, ipAddresses, emailAddresses, uris })
    },
    sign: async (request) => {
      const name = AUTHORITY_OF[request.signerName]
      if (name === undefined) throw new Error(`no authority signs for ${request.signerName}`)
      return Promise.resolve(signRequest(authorities[name], request, clock.now()))
    },
  }
}

function signRequest(authority: Authority, { requestPem, usages, lifetimeSeconds }: RequestToSign, nowMs: number): string {
  const { encodedSubject, publicKey, ...altNames } = parseCertificateRequest(requestPem)
  const unknown = usages.filter((usage) => KEY_USAGES[usage] === undefined && EXTENDED_USAGES[usage] === undefined)
  if (unknown.length > 0) throw new Error(`unrecognized usage values: ${unknown.join(', ')}`)
  const { validFromDate, validToDate } = authority.certificate
  return signCertificate(
    {
      subject: { encoded: encodedSubject },
      publicKey,
      notBeforeMs: Math.max(nowMs - BACKDATE_MS, validFromDate.getTime()),
      notAfterMs: Math.min(nowMs + lifetimeSeconds * 1000, validToDate.getTime()),
      usages: known(EXTENDED_USAGES, usages),
      keyUsages: known(KEY_USAGES, usages),
      altNames,
    },
    { privateKey: authority.keys.privateKey, certificate: authority.certificate },
  )
}

function known<T>(table: Readonly<Record<string, T>>, usages: readonly string[]): readonly T[] {
  return [...new Set(usages.flatMap((usage) => table[usage] ?? []))]
}
