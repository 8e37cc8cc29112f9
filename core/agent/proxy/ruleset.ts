import type { Endpoint, HostPort, Route } from './routes.ts'

/** What the packet filter should hold, apart from the fixed frame. Compared with the last one to get the smallest transaction. */
export interface Ruleset {
  /** Chain name to its rules. */
  readonly chains: ReadonlyMap<string, readonly string[]>
  /** Set name to the seconds an entry lives: clients that stick to an endpoint. */
  readonly affinity: ReadonlyMap<string, number>
  /** Map or set name to its elements; the value is empty for sets. */
  readonly elements: ReadonlyMap<ElementSet, ReadonlyMap<string, string>>
}

export type ElementSet =
  | 'services'
  | 'nodeports'
  | 'hostports'
  | 'hostports-at'
  | 'no-endpoints'
  | 'no-endpoint-nodeports'
  | 'cluster-ips'
  | 'hairpin'

const ELEMENT_SETS: readonly ElementSet[] = [
  'services',
  'nodeports',
  'hostports',
  'hostports-at',
  'no-endpoints',
  'no-endpoint-nodeports',
  'cluster-ips',
  'hairpin',
]

/** Packets with this mark leave with the node's own address. */
const MASQUERADE_MARK = '0x4000'

export interface FrameOptions {
  readonly table: string
  readonly clusterCidr: string
  readonly bridge: string
}

/** Tables, maps and hooks that never change: verdict maps keep the lookup constant-time whatever the number of services. */
export function frame({ table, clusterCidr, bridge }: FrameOptions): string {
  return `add table ip ${table}
delete table ip ${table}
table ip ${table} {
  map services { type ipv4_addr . inet_proto . inet_service : verdict; }
  map nodeports { type inet_proto . inet_service : verdict; }
  map hostports { type inet_proto . inet_service : ipv4_addr . inet_service; }
  map hostports-at { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }
  set no-endpoints { type ipv4_addr . inet_proto . inet_service; }
  set no-endpoint-nodeports { type inet_proto . inet_service; }
  set cluster-ips { type ipv4_addr; }
  set hairpin { type ipv4_addr . ipv4_addr; }
  chain dispatch {
    ip daddr . meta l4proto . th dport vmap @services
    fib daddr type local jump local
  }
  chain local {
    meta l4proto . th dport vmap @nodeports
    meta l4proto { tcp, udp, sctp } dnat ip to ip daddr . meta l4proto . th dport map @hostports-at
    meta l4proto { tcp, udp, sctp } dnat ip to meta l4proto . th dport map @hostports
  }
  chain masquerade-later { meta mark set meta mark or ${MASQUERADE_MARK}; }
  chain refuse {
    ip daddr . meta l4proto . th dport @no-endpoints reject
    fib daddr type local meta l4proto . th dport @no-endpoint-nodeports reject
    ip daddr @cluster-ips meta l4proto { tcp, udp, sctp } reject
  }
  chain loopback-guard { type filter hook prerouting priority raw; iifname "${bridge}" ip daddr 127.0.0.0/8 drop; }
  chain nat-prerouting { type nat hook prerouting priority dstnat; jump dispatch; }
  chain nat-output { type nat hook output priority -100; jump dispatch; }
  chain nat-postrouting {
    type nat hook postrouting priority srcnat
    ip saddr . ip daddr @hairpin masquerade
    meta mark & ${MASQUERADE_MARK} == ${MASQUERADE_MARK} masquerade
    ip saddr 127.0.0.0/8 oifname "${bridge}" masquerade
    ip saddr ${clusterCidr} ip daddr != ${clusterCidr} oifname != "${bridge}" masquerade
  }
  chain filter-input { type filter hook input priority filter; ct state new jump refuse; }
  chain filter-forward { type filter hook forward priority filter; ct state new jump refuse; }
  chain filter-output { type filter hook output priority filter; ct state new jump refuse; }
}
`
}

/** All rules for these routes and ports, to be compared with what is in force. */
export function buildRuleset(routes: readonly Route[], hostPorts: readonly HostPort[]): Ruleset {
  const draft = new Draft()
  for (const route of routes) addRoute(route, draft)
  for (const port of hostPorts) {
    const target = `${port.podIp} . ${port.podPort}`
    if (port.hostIp === '') draft.element('hostports', `${port.protocol} . ${port.port}`, target)
    else draft.element('hostports-at', `${port.hostIp} . ${port.protocol} . ${port.port}`, target)
    draft.element('hairpin', `${port.podIp} . ${port.podIp}`)
  }
  return draft
}

class Draft implements Ruleset {
  readonly chains = new Map<string, readonly string[]>()
  readonly affinity = new Map<string, number>()
  readonly elements = new Map<ElementSet, Map<string, string>>(ELEMENT_SETS.map((name) => [name, new Map<string, string>()]))

  element(set: ElementSet, key: string, value = ''): void {
    // The first service to name an address wins; a second one with the same external address is a user's mistake, not a broken transaction.
    const elements = this.elements.get(set)
    if (elements?.has(key) === false) elements.set(key, value)
  }
}

function addRoute(route: Route, draft: Draft): void {
  const { id, protocol, clusterPort } = route
  for (const ip of route.clusterIps) {
    draft.element('cluster-ips', ip)
    if (route.endpoints.length === 0) draft.element('no-endpoints', `${ip} . ${protocol} . ${clusterPort}`)
    else draft.element('services', `${ip} . ${protocol} . ${clusterPort}`, `goto svc-${id}`)
  }
  if (route.endpoints.length > 0) balance(`svc-${id}`, route, route.endpoints, draft)
  if (route.externalIps.length === 0 && route.nodePort === undefined) return
  addExternal(route, draft)
}

function addExternal(route: Route, draft: Draft): void {
  const { id, protocol, clusterPort, externalEndpoints } = route
  if (externalEndpoints.length > 0) externalChain(route, draft)
  const reachable = externalEndpoints.length > 0
  for (const ip of route.externalIps) {
    const key = `${ip} . ${protocol} . ${clusterPort}`
    if (!reachable) draft.element('no-endpoints', key)
    else draft.element('services', key, `goto ${route.sourceRanges.length > 0 ? 'lb' : 'ext'}-${id}`)
  }
  if (route.nodePort === undefined) return
  if (reachable) draft.element('nodeports', `${protocol} . ${route.nodePort}`, `goto ext-${id}`)
  else draft.element('no-endpoint-nodeports', `${protocol} . ${route.nodePort}`)
}

/** An endpoint on another node answers to this node, so the client's address is hidden from it; local ones see the client. */
function externalChain(route: Route, draft: Draft): void {
  const remote = route.externalEndpoints.some((endpoint) => !endpoint.local)
  const name = `out-${route.id}`
  balance(name, route, route.externalEndpoints, draft)
  draft.chains.set(`ext-${route.id}`, [...(remote ? ['jump masquerade-later'] : []), `goto ${name}`])
  if (route.sourceRanges.length > 0)
    draft.chains.set(`lb-${route.id}`, [`ip saddr != { ${route.sourceRanges.join(', ')} } drop`, `goto ext-${route.id}`])
}

function balance(chain: string, route: Route, endpoints: readonly Endpoint[], draft: Draft): void {
  for (const endpoint of endpoints) if (endpoint.local) draft.element('hairpin', `${endpoint.ip} . ${endpoint.ip}`)
  if (route.affinitySeconds !== undefined) {
    stickyBalance(chain, route, endpoints, draft)
    return
  }
  const targets = endpoints.map(({ ip, port }, at) => `${at} : ${ip} . ${port}`)
  draft.chains.set(chain, [`meta l4proto ${route.protocol} dnat ip to numgen random mod ${endpoints.length} map { ${targets.join(', ')} }`])
}

/** One chain and one set of clients an endpoint: a client that is in the set goes there again. */
function stickyBalance(chain: string, route: Route, endpoints: readonly Endpoint[], draft: Draft): void {
  const known: string[] = []
  const choices: string[] = []
  for (const [at, { ip, port }] of endpoints.entries()) {
    const name = `ep-${route.id}-${ip.replaceAll('.', '-')}-${port}`
    draft.affinity.set(name, route.affinitySeconds ?? 0)
    draft.chains.set(name, [`update @${name} { ip saddr }`, `meta l4proto ${route.protocol} dnat to ${ip}:${port}`])
    known.push(`ip saddr @${name} goto ${name}`)
    choices.push(`${at} : goto ${name}`)
  }
  draft.chains.set(chain, [...known, `numgen random mod ${endpoints.length} vmap { ${choices.join(', ')} }`])
}

/** The transaction that turns `old` into `next`; empty when they are equal. */
export function transaction(table: string, old: Ruleset, next: Ruleset): string {
  const lines: string[] = []
  const removed: string[] = []
  const say = (text: string): void => void lines.push(text)
  for (const [set, seconds] of next.affinity) {
    if (old.affinity.get(set) === undefined)
      say(`add set ip ${table} ${set} { type ipv4_addr; flags dynamic,timeout; timeout ${seconds}s; }`)
  }
  for (const chain of next.chains.keys()) if (!old.chains.has(chain)) say(`add chain ip ${table} ${chain}`)
  for (const [chain, rules] of next.chains) {
    const before = old.chains.get(chain)
    if (before?.join('\n') === rules.join('\n')) continue
    if (before !== undefined) say(`flush chain ip ${table} ${chain}`)
    for (const rule of rules) say(`add rule ip ${table} ${chain} ${rule}`)
  }
  for (const set of ELEMENT_SETS) changeElements({ table, set, old: old.elements.get(set), next: next.elements.get(set) }, say)
  for (const chain of old.chains.keys()) {
    if (next.chains.has(chain)) continue
    say(`flush chain ip ${table} ${chain}`)
    removed.push(`delete chain ip ${table} ${chain}`)
  }
  for (const set of old.affinity.keys()) if (!next.affinity.has(set)) removed.push(`delete set ip ${table} ${set}`)
  const all = [...lines, ...removed]
  return all.length === 0 ? '' : `${all.join('\n')}\n`
}

interface ElementChange {
  readonly table: string
  readonly set: ElementSet
  readonly old: ReadonlyMap<string, string> | undefined
  readonly next: ReadonlyMap<string, string> | undefined
}

function changeElements({ table, set, old, next }: ElementChange, say: (text: string) => void): void {
  const gone = [...(old ?? [])].filter(([key, value]) => next?.get(key) !== value).map(([key]) => key)
  const fresh = [...(next ?? [])]
    .filter(([key, value]) => old?.get(key) !== value)
    .map(([key, value]) => (value === '' ? key : `${key} : ${value}`))
  if (gone.length > 0) say(`delete element ip ${table} ${set} { ${gone.join(', ')} }`)
  if (fresh.length > 0) say(`add element ip ${table} ${set} { ${fresh.join(', ')} }`)
}

export const EMPTY_RULESET: Ruleset = new Draft()
