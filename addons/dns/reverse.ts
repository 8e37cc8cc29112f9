const V4 = '.in-addr.arpa'
const V6 = '.ip6.arpa'

/** Whether a zone holds PTR records. */
export function isReverse(zone: string): boolean {
  const name = `.${zone}`
  return name.endsWith(V4) || name.endsWith(V6)
}

/** The address a reverse name stands for, IPv6 in its shortest form; undefined for partial names. */
export function addressOfReverse(name: string): string | undefined {
  const lower = name.toLowerCase().replace(/\.$/, '')
  if (lower.endsWith(V4)) {
    const octets = lower.slice(0, -V4.length).split('.')
    return octets.length === 4 && octets.every((octet) => /^\d{1,3}$/.test(octet) && Number(octet) < 256)
      ? octets.reverse().join('.')
      : undefined
  }
  if (!lower.endsWith(V6)) return undefined
  const nibbles = lower.slice(0, -V6.length).split('.')
  if (nibbles.length !== 32 || !nibbles.every((nibble) => /^[0-9a-f]$/.test(nibble))) return undefined
  return normalAddress((nibbles.reverse().join('').match(/.{4}/g) ?? []).join(':'))
}

/** One spelling for each address, so that addresses compare as text. */
export function normalAddress(address: string): string {
  if (!address.includes(':')) return address
  return new URL(`http://[${address}]/`).hostname.slice(1, -1)
}
