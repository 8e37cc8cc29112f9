import { type IpFamily, isIpv6 } from '../resources/core/service-rules.ts'

/**
 * The addresses of one service range by their offset from its first address. The first address of every range and the
 * last of an IPv4 range are never given out. Source: kubernetes, registry/core/service/ipallocator.
 */
export interface AddressRange {
  readonly family: IpFamily
  readonly cidr: string
  /** Offsets 1 to `size` are usable. */
  readonly size: number
  contains(address: string): boolean
  /** Canonical text of the address at an offset. */
  at(offset: number): string
}

/** Larger ranges are used up to this many addresses only. Source: kube-apiserver, largest service subnet. */
const MAX_SIZE = 2 ** 20

/** Undefined for what is no CIDR. */
export function addressRange(cidr: string): AddressRange | undefined {
  const slash = cidr.indexOf('/')
  const base = slash < 0 ? undefined : parseAddress(cidr.slice(0, slash))
  const prefix = Number(cidr.slice(slash + 1))
  const bits = isIpv6(cidr) ? 128 : 32
  if (base === undefined || !Number.isInteger(prefix) || prefix < 0 || prefix > bits) return undefined
  const hostBits = BigInt(bits - prefix)
  const first = (base >> hostBits) << hostBits
  const total = 1n << hostBits
  const family = bits === 128 ? 'IPv6' : 'IPv4'
  const reserved = family === 'IPv4' ? 2n : 1n
  const usable = total > reserved ? total - reserved : 0n
  return {
    family,
    cidr,
    size: usable > BigInt(MAX_SIZE) ? MAX_SIZE : Number(usable),
    contains(address) {
      const value = parseAddress(address)
      return value !== undefined && isIpv6(address) === (bits === 128) && value > first && value <= first + usable
    },
    at: (offset) => formatAddress(first + BigInt(offset), family),
  }
}

/** One spelling an address, so that equal addresses are equal texts; undefined for what is no address. */
export function canonicalAddress(address: string): string | undefined {
  const value = parseAddress(address)
  return value === undefined ? undefined : formatAddress(value, isIpv6(address) ? 'IPv6' : 'IPv4')
}

function parseAddress(text: string): bigint | undefined {
  return isIpv6(text) ? parseIpv6(text) : parseIpv4(text)
}

function parseIpv4(text: string): bigint | undefined {
  const parts = text.split('.')
  if (parts.length !== 4) return undefined
  let value = 0n
  for (const part of parts) {
    if (!/^\d{1,3}$/.test(part) || Number(part) > 255) return undefined
    value = value * 256n + BigInt(part)
  }
  return value
}

function parseIpv6(text: string): bigint | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const [head = '', tail] = halves
  const left = groupsOf(head)
  const right = tail === undefined ? [] : groupsOf(tail)
  if (left === undefined || right === undefined) return undefined
  const missing = 8 - left.length - right.length
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined
  return [...left, ...new Array<bigint>(missing).fill(0n), ...right].reduce((value, group) => (value << 16n) | group, 0n)
}

function groupsOf(text: string): bigint[] | undefined {
  if (text === '') return []
  const groups: bigint[] = []
  for (const part of text.split(':')) {
    if (part.includes('.')) {
      const embedded = parseIpv4(part)
      if (embedded === undefined) return undefined
      groups.push(embedded >> 16n, embedded & 0xffffn)
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups.push(BigInt(`0x${part}`))
    else return undefined
  }
  return groups
}

function formatAddress(value: bigint, family: IpFamily): string {
  if (family === 'IPv4') return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join('.')
  const groups = Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16))
  const run = longestZeroRun(groups)
  if (run === undefined) return groups.join(':')
  return `${groups.slice(0, run.start).join(':')}::${groups.slice(run.start + run.length).join(':')}`
}

function longestZeroRun(groups: readonly string[]): { readonly start: number; readonly length: number } | undefined {
  let best: { start: number; length: number } | undefined
  for (let start = 0; start < groups.length; start += 1) {
    let length = 0
    while (groups[start + length] === '0') length += 1
    if (length > 1 && length > (best?.length ?? 0)) best = { start, length }
    start += length
  }
  return best
}
