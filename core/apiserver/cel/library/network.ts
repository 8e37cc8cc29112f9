import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'
import { EvaluationError } from '../issue.ts'
import { global, method, type Overload } from '../overload.ts'
import { BOOL, INT, opaque, STRING } from '../types.ts'
import { Opaque } from '../values.ts'

type Address = ipaddr.IPv4 | ipaddr.IPv6

class Ip extends Opaque {
  override readonly type = 'net.IP'
  readonly address: Address
  constructor(address: Address) {
    super()
    this.address = address
  }
  override same(other: Opaque): boolean {
    return other instanceof Ip && canonical(other.address) === canonical(this.address)
  }
}

class Cidr extends Opaque {
  override readonly type = 'net.CIDR'
  readonly address: Address
  readonly bits: number
  constructor(address: Address, bits: number) {
    super()
    this.address = address
    this.bits = bits
  }
  override same(other: Opaque): boolean {
    return other instanceof Cidr && show(other) === show(this)
  }
}

const canonical = (address: Address): string =>
  address.kind() === 'ipv6' ? (address as ipaddr.IPv6).toRFC5952String() : address.toString()
const show = ({ address, bits }: Cidr): string => `${canonical(address)}/${bits}`

/** Zones and IPv4 addresses in IPv6 clothes are none. */
function parseIp(text: string): Address | undefined {
  if (isIP(text) === 0 || text.includes('%')) return undefined
  const address = ipaddr.parse(text)
  return address.kind() === 'ipv6' && (address as ipaddr.IPv6).isIPv4MappedAddress() ? undefined : address
}

function parseCidr(text: string): Cidr | undefined {
  const [, base = '', bits = ''] = /^([^/]+)\/(0|[1-9]\d{0,2})$/.exec(text) ?? []
  const address = parseIp(base)
  if (address === undefined || Number(bits) > address.toByteArray().length * 8) return undefined
  return new Cidr(address, Number(bits))
}

function ipOf(text: string): Ip {
  const address = parseIp(text)
  if (address === undefined) throw new EvaluationError(`IP Address ${JSON.stringify(text)} parse error during conversion from string`)
  return new Ip(address)
}

function cidrOf(text: string): Cidr {
  const found = parseCidr(text)
  if (found === undefined)
    throw new EvaluationError(`network address parse error during conversion from string: invalid CIDR address: ${text}`)
  return found
}

function covers({ address, bits }: Cidr, other: Address, otherBits: number): boolean {
  const [mine, theirs] = [address.toByteArray(), other.toByteArray()]
  if (mine.length !== theirs.length || otherBits < bits) return false
  return masked(mine, bits).every((byte, index) => byte === masked(theirs, bits)[index])
}

function masked(bytes: readonly number[], bits: number): readonly number[] {
  return bytes.map((byte, index) => byte & (0xff << (8 - Math.min(8, Math.max(0, bits - index * 8)))) & 0xff)
}

/** Ranges by Go's words for them. */
function isIn(address: Address, ...networks: readonly string[]): boolean {
  return networks.some((network) => {
    const cidr = parseCidr(network)
    return cidr !== undefined && covers(cidr, address, address.toByteArray().length * 8)
  })
}

const isUnspecified = (address: Address): boolean => isIn(address, '0.0.0.0/32', '::/128')
const isLoopback = (address: Address): boolean => isIn(address, '127.0.0.0/8', '::1/128')
const isLinkLocal = (address: Address): boolean => isIn(address, '169.254.0.0/16', 'fe80::/10')
const isMulticast = (address: Address): boolean => isIn(address, '224.0.0.0/4', 'ff00::/8')
const isGlobal = (address: Address): boolean =>
  ![isUnspecified, isLoopback, isLinkLocal, isMulticast].some((is) => is(address)) && !isIn(address, '255.255.255.255/32')

const IP = opaque<Ip>('net.IP')
const CIDR = opaque<Cidr>('net.CIDR')
const bitsOf = (address: Address): number => address.toByteArray().length * 8

const FUNCTIONS: readonly Overload[] = [
  global('ip', [STRING], IP, ipOf),
  global('isIP', [STRING], BOOL, (text) => parseIp(text) !== undefined),
  global('ip.isCanonical', [STRING], BOOL, (text) => canonical(ipOf(text).address) === text),
  global('string', [IP], STRING, ({ address }) => canonical(address)),
  method('family', [IP], INT, ({ address }) => (address.kind() === 'ipv4' ? 4n : 6n)),
  method('isUnspecified', [IP], BOOL, ({ address }) => isUnspecified(address)),
  method('isLoopback', [IP], BOOL, ({ address }) => isLoopback(address)),
  method('isLinkLocalMulticast', [IP], BOOL, ({ address }) => isIn(address, '224.0.0.0/24', 'ff02::/16')),
  method('isLinkLocalUnicast', [IP], BOOL, ({ address }) => isLinkLocal(address)),
  method('isGlobalUnicast', [IP], BOOL, ({ address }) => isGlobal(address)),
  global('cidr', [STRING], CIDR, cidrOf),
  global('isCIDR', [STRING], BOOL, (text) => parseCidr(text) !== undefined),
  global('string', [CIDR], STRING, show),
  method('containsIP', [CIDR, IP], BOOL, (cidr, { address }) => covers(cidr, address, bitsOf(address))),
  method('containsIP', [CIDR, STRING], BOOL, (cidr, text) => covers(cidr, ipOf(text).address, bitsOf(ipOf(text).address))),
  method('containsCIDR', [CIDR, CIDR], BOOL, (cidr, { address, bits }) => covers(cidr, address, bits)),
  method('containsCIDR', [CIDR, STRING], BOOL, (cidr, text) => covers(cidr, cidrOf(text).address, cidrOf(text).bits)),
  method('ip', [CIDR], IP, ({ address }) => new Ip(address)),
  method('masked', [CIDR], CIDR, ({ address, bits }) => new Cidr(ipaddr.fromByteArray([...masked(address.toByteArray(), bits)]), bits)),
  method('prefixLength', [CIDR], INT, ({ bits }) => BigInt(bits)),
]

/** Units of reading or comparing an address, which takes a microsecond or two. */
const COST = 20

/** Addresses and networks. Source: apiserver, cel/library/ip and cidr. */
export const NETWORK: readonly Overload[] = FUNCTIONS.map((overload) => ({
  ...overload,
  call: (args, meter) => {
    meter.spend(COST)
    return overload.call(args, meter)
  },
}))
