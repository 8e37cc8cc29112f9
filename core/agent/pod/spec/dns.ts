import type { Pod } from '../../../api/types/core-v1.ts'
import type { DnsConfig } from '../../cri/types.ts'

/** What the cluster and this machine offer for names. */
export interface DnsSettings {
  readonly clusterDns: string
  readonly clusterDomain: string
  readonly host: DnsConfig
}

export interface PodDns {
  readonly config: DnsConfig
  /** What had to be left out; told as an event, as a pod with half its names is hard to understand. */
  readonly warnings: readonly string[]
}

/** Source: Kubernetes documentation, "DNS for Services and Pods". */
const MAX_NAMESERVERS = 3
const MAX_SEARCHES = 32
const MAX_SEARCH_CHARS = 2048

/** The resolv.conf of a pod by its policy, in Kubernetes' limits. */
export function podDns(pod: Pod, settings: DnsSettings): PodDns {
  const { spec } = pod
  const extra = spec.dnsConfig
  const base = baseConfig(pod, settings)
  const options = new Map(base.options.map((text) => [text.split(':')[0] ?? text, text]))
  for (const { name = '', value } of extra?.options ?? []) options.set(name, value === undefined ? name : `${name}:${value}`)
  return limited({
    servers: unique([...base.servers, ...(extra?.nameservers ?? [])]),
    searches: unique([...base.searches, ...(extra?.searches ?? []).map(withoutDot)]),
    options: [...options.values()],
  })
}

function baseConfig(pod: Pod, { clusterDns, clusterDomain, host }: DnsSettings): DnsConfig {
  const policy = pod.spec.dnsPolicy ?? 'ClusterFirst'
  if (policy === 'None') return { servers: [], searches: [], options: [] }
  const usesCluster = policy === 'ClusterFirstWithHostNet' || (policy === 'ClusterFirst' && pod.spec.hostNetwork !== true)
  if (!usesCluster || clusterDns === '') return host
  const namespace = pod.metadata.namespace ?? 'default'
  const own = [`${namespace}.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain]
  return { servers: clusterDns.split(','), searches: [...own, ...host.searches], options: ['ndots:5'] }
}

function limited(config: DnsConfig): PodDns {
  const warnings: string[] = []
  const servers = config.servers.slice(0, MAX_NAMESERVERS)
  if (servers.length < config.servers.length)
    warnings.push(
      `Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: ${servers.join(' ')}`,
    )
  let searches = config.searches.slice(0, MAX_SEARCHES)
  while (searches.join(' ').length > MAX_SEARCH_CHARS) searches = searches.slice(0, -1)
  if (searches.length < config.searches.length)
    warnings.push(
      `Search Line limits were exceeded, some search paths have been omitted, the applied search line is: ${searches.join(' ')}`,
    )
  return { config: { servers, searches, options: config.options }, warnings }
}

const unique = (items: readonly string[]): readonly string[] => [...new Set(items)]
const withoutDot = (domain: string): string => (domain.length > 1 ? domain.replace(/\.$/, '') : domain)

/** Reads a resolv.conf; the last `search` and `options` lines count. */
export function parseResolvConf(text: string): DnsConfig {
  let searches: readonly string[] = []
  let options: readonly string[] = []
  const servers: string[] = []
  for (const line of text.split('\n')) {
    const [keyword, ...words] = line
      .replace(/[#;].*$/, '')
      .trim()
      .split(/\s+/)
    if (keyword === 'nameserver' && words[0] !== undefined) servers.push(words[0])
    else if (keyword === 'search') searches = words.map(withoutDot)
    else if (keyword === 'options') options = words
  }
  return { servers, searches, options }
}

const isLoopback = (address: string): boolean => address.startsWith('127.') || address === '::1'

/**
 * The host's names as pods can use them: the first candidate with a server that is not on loopback, else a public resolver.
 * Source: K3s, "resolv.conf" handling.
 */
export function chooseHostDns(candidates: readonly string[]): DnsConfig {
  for (const text of candidates) {
    const config = parseResolvConf(text)
    const servers = config.servers.filter((server) => !isLoopback(server))
    if (servers.length > 0) return { ...config, servers }
  }
  return { servers: ['8.8.8.8'], searches: [], options: [] }
}
