import ipaddr from 'ipaddr.js'

/** A network cut into equal parts, one per node. */
export interface Subnets {
  readonly count: number
  /** The part of that number in canonical form, such as `10.42.3.0/24`. */
  at(index: number): string
  /** The number of a part; undefined for what is no part of this network. */
  indexOf(cidr: string): number | undefined
}

/** Throws RangeError when `cidr` is none or `maskSize` is shorter than its prefix. */
export function subnetsOf(cidr: string, maskSize: number): Subnets {
  const [network, prefix] = ipaddr.parseCIDR(cidr)
  const bits = network.kind() === 'ipv4' ? 32 : 128
  if (maskSize < prefix || maskSize > bits) throw new RangeError(`node mask /${maskSize} does not fit into ${cidr}`)
  const base = toNumber(network.toByteArray()) & ~((1n << BigInt(bits - prefix)) - 1n)
  const step = 1n << BigInt(bits - maskSize)
  // Beyond this a cluster has other worries, and numbers stay exact.
  const count = 2 ** Math.min(maskSize - prefix, 24)
  return {
    count,
    at: (index) => `${toText(base + step * BigInt(index), bits)}/${maskSize}`,
    indexOf: (text) => {
      if (!ipaddr.isValidCIDR(text)) return undefined
      const [address, size] = ipaddr.parseCIDR(text)
      if (address.kind() !== network.kind() || size !== maskSize) return undefined
      const offset = toNumber(address.toByteArray()) - base
      const index = offset / step
      return offset >= 0n && offset % step === 0n && index < BigInt(count) ? Number(index) : undefined
    },
  }
}

function toNumber(bytes: readonly number[]): bigint {
  return bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
}

function toText(value: bigint, bits: number): string {
  const bytes = Array.from({ length: bits / 8 }, (_, i) => Number((value >> BigInt(bits - 8 * (i + 1))) & 0xffn))
  return ipaddr.fromByteArray(bytes).toString()
}
