import { parseDuration } from '../../core/meta/duration.ts'
import { type Directive, type ServerBlock, type ServerKey, zonesOf } from './corefile.ts'
import type { ZoneSettings } from './records.ts'

/** Zones whose unanswered names go on to the next plugin; the root means all. */
export type Fallthrough = readonly string[]

export interface KubernetesSettings extends ZoneSettings {
  readonly fallthrough: Fallthrough
}

export interface HostsSettings {
  readonly file: string
  readonly zones: readonly string[]
  readonly inline: string
  readonly ttlSeconds: number
  readonly reloadMs: number
  readonly reverse: boolean
  readonly fallthrough: Fallthrough
}

export interface ForwardSettings {
  readonly from: string
  /** Addresses with optional ports, or paths of resolv.conf files. */
  readonly to: readonly string[]
  readonly except: readonly string[]
  readonly forceTcp: boolean
  readonly policy: 'random' | 'round_robin' | 'sequential'
}

/** One server block, understood. */
export interface BlockSettings {
  readonly keys: readonly ServerKey[]
  readonly bind: readonly string[]
  readonly hosts: readonly HostsSettings[]
  readonly kubernetes: readonly KubernetesSettings[]
  readonly forward: readonly ForwardSettings[]
  readonly cacheSeconds: number
  readonly shuffle: boolean
  readonly probeLoops: boolean
  readonly logQueries: boolean
  readonly health?: Listen
  readonly ready?: Listen
  readonly metrics?: Listen
  readonly reloadMs?: number
}

export interface Listen {
  readonly host: string
  readonly port: number
}

/** Plugins that need nothing here: what they do happens anyway, or is about CoreDNS's own inside. */
const ACCEPTED = new Set(['errors', 'debug', 'cancel', 'bufsize', 'minimal', 'nsid', 'metadata', 'local', 'any', 'pprof', 'multisocket'])
/** Plugins that change answers: leaving them out silently would give wrong ones. */
const REFUSED = new Set([
  'rewrite',
  'template',
  'file',
  'auto',
  'secondary',
  'acl',
  'dnssec',
  'view',
  'grpc',
  'tls',
  'etcd',
  'route53',
  'sign',
])

/** Makes settings of a parsed file. Throws Error naming the plugin; unknown plugins go to `warn`. */
export function blockSettings(block: ServerBlock, warn: (plugin: string) => void): BlockSettings {
  const all = (name: string): readonly Directive[] => block.directives.filter((directive) => directive.name === name)
  const first = (name: string): Directive | undefined => all(name)[0]
  for (const { name } of block.directives) {
    if (REFUSED.has(name)) throw new Error(`plugin ${name} is not supported`)
    if (!KNOWN.has(name) && !ACCEPTED.has(name)) warn(name)
  }
  const cache = first('cache')
  const reload = first('reload')
  return {
    keys: block.keys,
    bind: all('bind').flatMap(({ args }) => args),
    hosts: all('hosts').map((directive) => hostsSettings(directive, block.keys)),
    kubernetes: all('kubernetes').map((directive) => kubernetesSettings(directive, block.keys)),
    forward: all('forward').map(forwardSettings),
    cacheSeconds: cache === undefined ? 0 : numberOf(cache, 3600),
    shuffle: first('loadbalance') !== undefined,
    probeLoops: first('loop') !== undefined,
    logQueries: first('log') !== undefined,
    ...listening('health', first('health'), 8080),
    ...listening('ready', first('ready'), 8181),
    ...listening('metrics', first('prometheus'), 9153),
    ...(reload !== undefined && { reloadMs: durationOf(reload.args[0], 30_000) }),
  }
}

const KNOWN = new Set('bind hosts kubernetes forward cache reload loadbalance loop log health ready prometheus'.split(' '))

function kubernetesSettings(directive: Directive, keys: readonly ServerKey[]): KubernetesSettings {
  const zones = directive.args.length > 0 ? directive.args.flatMap(zonesOf) : keys.map(({ zone }) => zone)
  const option = options(directive)
  const pods = option('pods')?.args[0] ?? 'disabled'
  if (pods !== 'disabled' && pods !== 'insecure' && pods !== 'verified') throw new Error(`kubernetes: wrong value for pods: ${pods}`)
  const ttlSeconds = Number(option('ttl')?.args[0] ?? 5)
  if (!Number.isInteger(ttlSeconds) || ttlSeconds < 0 || ttlSeconds > 3600) throw new Error('kubernetes: ttl must be from 0 to 3600')
  return {
    zones,
    pods,
    ttlSeconds,
    endpointPodNames: option('endpoint_pod_names') !== undefined,
    fallthrough: fallthroughOf(option('fallthrough')),
  }
}

function hostsSettings(directive: Directive, keys: readonly ServerKey[]): HostsSettings {
  const option = options(directive)
  const [file = '/etc/hosts', ...zones] = directive.args
  const inline = directive.block.filter(({ name }) => /^[0-9a-f.:]+$/i.test(name) && /[.:]/.test(name))
  return {
    file,
    zones: zones.length > 0 ? zones.flatMap(zonesOf) : keys.map(({ zone }) => zone),
    inline: inline.map(({ name, args }) => [name, ...args].join(' ')).join('\n'),
    ttlSeconds: Number(option('ttl')?.args[0] ?? 3600),
    reloadMs: durationOf(option('reload')?.args[0], 5_000),
    reverse: option('no_reverse') === undefined,
    fallthrough: fallthroughOf(option('fallthrough')),
  }
}

function forwardSettings(directive: Directive): ForwardSettings {
  const [from = '', ...to] = directive.args
  if (to.length === 0) throw new Error('forward: needs a zone and at least one address or file')
  const foreign = to.find((target) => /^(?!dns:)[a-z]+:\/\//.test(target))
  if (foreign !== undefined) throw new Error(`forward: ${foreign}: only plain DNS is supported`)
  const option = options(directive)
  const policy = option('policy')?.args[0] ?? 'random'
  if (policy !== 'random' && policy !== 'round_robin' && policy !== 'sequential') throw new Error(`forward: unknown policy ${policy}`)
  return {
    from: zonesOf(from)[0] ?? '',
    to: to.map((target) => target.replace(/^dns:\/\//, '')),
    except: (option('except')?.args ?? []).flatMap(zonesOf),
    forceTcp: option('force_tcp') !== undefined,
    policy,
  }
}

function options(directive: Directive): (name: string) => Directive | undefined {
  return (name) => directive.block.find((entry) => entry.name === name)
}

function fallthroughOf(entry: Directive | undefined): Fallthrough {
  if (entry === undefined) return []
  return entry.args.length === 0 ? [''] : entry.args.flatMap(zonesOf)
}

function numberOf({ args }: Directive, fallback: number): number {
  const value = Number(args[0] ?? fallback)
  return Number.isInteger(value) && value >= 0 ? value : fallback
}

function durationOf(text: string | undefined, fallbackMs: number): number {
  if (text === undefined) return fallbackMs
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : parseDuration(text)
  if (ms === undefined) throw new Error(`invalid duration ${text}`)
  return ms
}

function listening(
  key: 'health' | 'ready' | 'metrics',
  directive: Directive | undefined,
  port: number,
): { readonly [K in typeof key]?: Listen } {
  if (directive === undefined) return {}
  const [address = `:${port}`] = directive.args
  const colon = address.lastIndexOf(':')
  const host = address.slice(0, Math.max(colon, 0)).replace(/^\[|\]$/g, '')
  const number = Number(address.slice(colon + 1))
  if (!Number.isInteger(number) || number > 65_535) throw new Error(`${directive.name}: invalid address ${address}`)
  return { [key]: { host: host === '' ? '::' : host, port: number } }
}

/** Whether `name` is `zone` or below it. */
export function isWithin(name: string, zone: string): boolean {
  return zone === '' || name === zone || name.endsWith(`.${zone}`)
}

/** The longest zone that `name` is within. */
export function closestZone(name: string, zones: readonly string[]): string | undefined {
  let best: string | undefined
  for (const zone of zones) if (isWithin(name, zone) && (best === undefined || zone.length > best.length)) best = zone
  return best
}
