import { isIP, isIPv4 } from 'node:net'
import { invalid } from '../../../meta/field-error.ts'
import type { Problems } from './common.ts'

const IP_TEXT = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'
const CIDR_TEXT = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'

/** Zones name an interface of one machine and have no place in an API. */
export const isIpAddress = (text: string): boolean => isIP(text) !== 0 && !text.includes('%')

export interface Cidr {
  readonly address: string
  readonly prefix: number
  readonly family: 'IPv4' | 'IPv6'
}

/** Undefined for a text that is no CIDR. */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf('/')
  const address = text.slice(0, Math.max(slash, 0))
  const digits = text.slice(slash + 1)
  if (!isIpAddress(address) || !/^(0|[1-9]\d{0,2})$/.test(digits)) return undefined
  const prefix = Number(digits)
  const family = isIPv4(address) ? 'IPv4' : 'IPv6'
  return prefix <= (family === 'IPv4' ? 32 : 128) ? { address, prefix, family } : undefined
}

export function checkIp(text: string, path: string, problems: Problems): void {
  if (!isIpAddress(text)) problems.push(invalid(path, text, IP_TEXT))
}

export function checkCidr(text: string, path: string, problems: Problems): void {
  if (parseCidr(text) === undefined) problems.push(invalid(path, text, CIDR_TEXT))
}

/** The address as a number of 32 or 128 bits; undefined when it is none. */
export function addressBits(text: string): bigint | undefined {
  if (isIPv4(text)) return text.split('.').reduce((bits, part) => (bits << 8n) | BigInt(part), 0n)
  if (!isIpAddress(text)) return undefined
  return ipv6Bits(text)
}

function ipv6Bits(text: string): bigint {
  // An IPv4 address may stand at the end; it fills two groups.
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text)
  const plain = dotted === null ? text : `${dotted[1] ?? ''}${dottedGroups(dotted[2] ?? '')}`
  const [head = '', tail] = plain.split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const gap = tail === undefined ? 0 : 8 - before.length - after.length
  const groups = [...before, ...Array.from({ length: gap }, () => '0'), ...after]
  return groups.reduce((bits, group) => (bits << 16n) | BigInt(`0x${group}`), 0n)
}

function dottedGroups(ipv4: string): string {
  const bits = addressBits(ipv4) ?? 0n
  return `${(bits >> 16n).toString(16)}:${(bits & 0xffffn).toString(16)}`
}

/** `inner` lies within `outer` and is not all of it. */
export function isStrictSubset(inner: Cidr, outer: Cidr): boolean {
  return inner.family === outer.family && inner.prefix > outer.prefix && contains(outer, inner.address)
}

/** Whether the address, of the same family, lies in the network. */
export function contains(cidr: Cidr, address: string): boolean {
  const width = cidr.family === 'IPv4' ? 32 : 128
  const a = addressBits(cidr.address)
  const b = addressBits(address)
  if (a === undefined || b === undefined || isIPv4(address) !== (cidr.family === 'IPv4')) return false
  const shift = BigInt(width - cidr.prefix)
  return a >> shift === b >> shift
}

const RANGES: readonly (readonly [string, readonly string[]])[] = [
  ['may not be in the loopback range (127.0.0.0/8, ::1/128)', ['127.0.0.0/8', '::1/128']],
  ['may not be in the link-local range (169.254.0.0/16, fe80::/10)', ['169.254.0.0/16', 'fe80::/10']],
  ['may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)', ['224.0.0.0/24', 'ff02::/16']],
]
const SPECIAL = RANGES.map(([text, cidrs]) => ({ text, cidrs: cidrs.flatMap((cidr) => parseCidr(cidr) ?? []) }))

/** Addresses that traffic from other machines can reach: for endpoints and external IPs. */
export function checkRoutableIp(text: string, path: string, problems: Problems): void {
  const bits = addressBits(text)
  if (bits === undefined) {
    problems.push(invalid(path, text, IP_TEXT))
    return
  }
  if (bits === 0n) problems.push(invalid(path, text, `may not be unspecified (${text})`))
  for (const range of SPECIAL) if (range.cidrs.some((cidr) => contains(cidr, text))) problems.push(invalid(path, text, range.text))
}
