import { isIP } from 'node:net'
import type { Answer } from 'dns-packet'
import type { Found, Query } from './records.ts'
import { addressOfReverse, normalAddress } from './reverse.ts'

/** Both directions of a hosts file. */
export interface HostsTable {
  readonly byName: ReadonlyMap<string, readonly string[]>
  readonly byAddress: ReadonlyMap<string, readonly string[]>
}

/** Reads `address name…` lines; what is no address is passed over, as resolvers do. */
export function parseHosts(text: string): HostsTable {
  const byName = new Map<string, string[]>()
  const byAddress = new Map<string, string[]>()
  for (const line of text.split('\n')) {
    const [raw = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/)
    if (isIP(raw) === 0) continue
    const address = normalAddress(raw)
    for (const name of names.map((text) => text.toLowerCase().replace(/\.$/, ''))) {
      byName.set(name, [...new Set([...(byName.get(name) ?? []), address])])
      byAddress.set(address, [...new Set([...(byAddress.get(address) ?? []), name])])
    }
  }
  return { byName, byAddress }
}

/** undefined when the table does not know the name. */
export function lookupHosts(query: Query, table: HostsTable, options: { ttlSeconds: number; reverse: boolean }): Found | undefined {
  const ttl = options.ttlSeconds
  if (query.type === 'PTR') {
    const address = options.reverse ? addressOfReverse(query.name) : undefined
    const names = address === undefined ? undefined : table.byAddress.get(address)
    if (names === undefined) return undefined
    return { answers: names.map((data): Answer => ({ type: 'PTR', name: query.name, ttl, data })), additionals: [] }
  }
  const addresses = table.byName.get(query.name.toLowerCase().replace(/\.$/, ''))
  if (addresses === undefined) return undefined
  const family = query.type === 'A' ? 4 : query.type === 'AAAA' ? 6 : 0
  const type = query.type === 'A' ? 'A' : 'AAAA'
  const answers = addresses.filter((address) => isIP(address) === family).map((data): Answer => ({ type, name: query.name, ttl, data }))
  return { answers, additionals: [] }
}
