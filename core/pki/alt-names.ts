import ipaddr from 'ipaddr.js'
import { type Asn1, bytesOf, isContextTag, itemsOf, sequence, taggedBytes } from './asn1.ts'

/** Subject alternative names of a serving certificate. */
export interface AltNames {
  readonly dnsNames: readonly string[]
  readonly ipAddresses: readonly string[]
}

/** DNS, IP, URI and e-mail names of a certificate request; Kubernetes' signers forbid some of them. */
export interface RequestedNames extends AltNames {
  readonly uris: readonly string[]
  readonly emailAddresses: readonly string[]
}

/** GeneralName tags. Source: RFC 5280, 4.2.1.6. */
const TAG = { email: 1, dns: 2, uri: 6, ip: 7 } as const

/** Sorts host names apart from addresses and drops duplicates and empty entries; addresses in their canonical form. */
export function altNamesOf(hosts: Iterable<string>): AltNames {
  const dnsNames = new Set<string>()
  const ipAddresses = new Set<string>()
  for (const host of hosts) {
    if (host === '') continue
    if (ipaddr.isValid(host)) ipAddresses.add(ipaddr.parse(host).toString())
    else dnsNames.add(host)
  }
  return { dnsNames: [...dnsNames], ipAddresses: [...ipAddresses] }
}

export function hasAltNames({ dnsNames, ipAddresses, uris = [], emailAddresses = [] }: AltNames & Partial<RequestedNames>): boolean {
  return dnsNames.length + ipAddresses.length + uris.length + emailAddresses.length > 0
}

/** The value of the extension subjectAltName. Throws Error for an address that is none. */
export function encodeAltNames({ dnsNames, ipAddresses, uris = [], emailAddresses = [] }: AltNames & Partial<RequestedNames>): Asn1 {
  const text = (tag: number, names: readonly string[]): Asn1[] => names.map((name) => taggedBytes(tag, Buffer.from(name)))
  const addresses = ipAddresses.map((ip) => taggedBytes(TAG.ip, Uint8Array.from(ipaddr.parse(ip).toByteArray())))
  return sequence(...text(TAG.dns, dnsNames), ...text(TAG.email, emailAddresses), ...addresses, ...text(TAG.uri, uris))
}

/** Throws for an address that is neither 4 nor 16 bytes. */
export function decodeAltNames(value: Asn1): RequestedNames {
  const dnsNames: string[] = []
  const ipAddresses: string[] = []
  const uris: string[] = []
  const emailAddresses: string[] = []
  for (const name of itemsOf(value)) {
    if (isContextTag(name, TAG.dns)) dnsNames.push(bytesOf(name).toString('latin1'))
    else if (isContextTag(name, TAG.uri)) uris.push(bytesOf(name).toString('latin1'))
    else if (isContextTag(name, TAG.email)) emailAddresses.push(bytesOf(name).toString('latin1'))
    else if (isContextTag(name, TAG.ip)) ipAddresses.push(ipaddr.fromByteArray([...bytesOf(name)]).toString())
  }
  return { dnsNames, ipAddresses, uris, emailAddresses }
}
