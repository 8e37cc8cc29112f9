import { isIP } from 'node:net'
import type { Answer } from 'dns-packet'
import type { Service } from '../../core/api/types/core-v1.ts'
import type { Endpoint, EndpointSlice } from '../../core/api/types/discovery-v1.ts'
import { addressOfReverse, isReverse } from './reverse.ts'

/** What the records are made of. */
export interface Directory {
  service(namespace: string, name: string): Service | undefined
  slices(namespace: string, service: string): readonly EndpointSlice[]
  hasNamespace(name: string): boolean
  servicesByAddress(address: string): readonly Service[]
  slicesByAddress(address: string): readonly EndpointSlice[]
  hasPod(namespace: string, address: string): boolean
}

export interface ZoneSettings {
  /** Zones served, as configured; the first that is not a reverse zone is the one PTR records point into. */
  readonly zones: readonly string[]
  readonly pods: 'disabled' | 'insecure' | 'verified'
  readonly ttlSeconds: number
  /** Names endpoints without a hostname after their pods instead of their addresses. */
  readonly endpointPodNames?: boolean
}

export interface Query {
  /** As asked; answers repeat its spelling. */
  readonly name: string
  readonly type: string
}

/** An existing name; `answers` is empty when it has no record of the type (NODATA). */
export interface Found {
  readonly answers: readonly Answer[]
  readonly additionals: readonly Answer[]
  /** The answer is an alias of this name, which the server goes on to resolve. */
  readonly alias?: string
}

/** Version of the DNS schema. Source: Kubernetes DNS-Based Service Discovery specification, section 2.2. */
const SCHEMA_VERSION = '1.1.0'
const NOTHING: Found = { answers: [], additionals: [] }

interface Target {
  readonly address: string
  readonly port: number
  /** Name of the SRV target below the service's own name; empty for the cluster IP. */
  readonly host: string
}

/**
 * Answers a name of the cluster's zones; undefined when there is no such name. `zone` is the configured zone that matched.
 * Source: Kubernetes DNS-Based Service Discovery specification 1.1.0, and CoreDNS where that is silent.
 */
export function lookup(query: Query, zone: string, settings: ZoneSettings, directory: Directory): Found | undefined {
  if (isReverse(zone)) return lookupAddress(query, settings, directory)
  const name = query.name.toLowerCase().replace(/\.$/, '')
  if (name === zone) return apex(query, zone, settings)
  const labels = name.slice(0, -zone.length - 1).split('.')
  const kind = labels.pop()
  if (kind === 'dns-version' && labels.length === 0) return versionRecord(query, settings)
  if (kind === 'dns') return nameserver(query, labels)
  if (kind !== 'svc' && kind !== 'pod') return undefined
  const namespace = labels.pop()
  if (namespace === undefined) return NOTHING
  if (labels.length === 0) return directory.hasNamespace(namespace) ? NOTHING : undefined
  if (kind === 'pod') return labels.length === 1 ? podRecord(query, { namespace, label: labels[0] ?? '' }, settings, directory) : undefined
  return serviceRecords(query, { namespace, labels, zone }, settings, directory)
}

/** The record that goes with negative answers. */
export function soa(zone: string, ttlSeconds: number, serial: number): Answer {
  return {
    type: 'SOA',
    name: zone === '' ? '.' : zone,
    ttl: ttlSeconds,
    data: {
      mname: `ns.dns.${zone}`,
      rname: `hostmaster.${zone}`,
      serial,
      refresh: 7200,
      retry: 1800,
      expire: 86_400,
      minimum: ttlSeconds,
    },
  }
}

function apex(query: Query, zone: string, settings: ZoneSettings): Found {
  if (query.type !== 'NS') return NOTHING
  return { answers: [{ type: 'NS', name: query.name, ttl: settings.ttlSeconds, data: `ns.dns.${zone}` }], additionals: [] }
}

function versionRecord(query: Query, settings: ZoneSettings): Found {
  if (query.type !== 'TXT') return NOTHING
  return { answers: [{ type: 'TXT', name: query.name, ttl: settings.ttlSeconds, data: SCHEMA_VERSION }], additionals: [] }
}

/** The name in SOA and NS records exists, without addresses of its own. */
function nameserver(_query: Query, labels: readonly string[]): Found | undefined {
  return labels.length === 0 || (labels.length === 1 && labels[0] === 'ns') ? NOTHING : undefined
}

function podRecord(
  query: Query,
  pod: { readonly namespace: string; readonly label: string },
  settings: ZoneSettings,
  directory: Directory,
): Found | undefined {
  if (settings.pods === 'disabled' || !directory.hasNamespace(pod.namespace)) return undefined
  const isV4 = (pod.label.match(/-/g) ?? []).length === 3 && !pod.label.includes('--')
  const address = pod.label.replaceAll('-', isV4 ? '.' : ':')
  if (isIP(address) === 0) return undefined
  if (settings.pods === 'verified' && !directory.hasPod(pod.namespace, address)) return undefined
  return { answers: addressRecords(query, [address], settings.ttlSeconds), additionals: [] }
}

interface ServiceQuery {
  readonly namespace: string
  readonly labels: readonly string[]
  readonly zone: string
}

function serviceRecords(query: Query, asked: ServiceQuery, settings: ZoneSettings, directory: Directory): Found | undefined {
  const labels = [...asked.labels]
  const name = labels.pop() ?? ''
  const service = directory.service(asked.namespace, name)
  if (service === undefined) return undefined
  const ttl = settings.ttlSeconds
  if (service.spec.type === 'ExternalName') return labels.length === 0 ? external(query, service.spec.externalName ?? '', ttl) : undefined
  const selection = selectionOf(labels)
  if (selection === undefined) return undefined
  const headless = service.spec.clusterIP === 'None'
  const slices = headless || selection.host !== undefined ? directory.slices(asked.namespace, name) : []
  const all = headless || selection.host !== undefined ? endpointTargets(slices, settings) : clusterTargets(service)
  const named = selection.host === undefined ? all : all.filter((target) => target.host === selection.host)
  const targets = selection.port === undefined ? named : named.filter((target) => matchesPort(target, selection))
  if (targets.length === 0) return undefined
  const base = `${name}.${asked.namespace}.svc.${asked.zone}`
  if (query.type === 'SRV') return serviceTargets(query, base, targets, ttl)
  return {
    answers: addressRecords(
      query,
      targets.map(({ address }) => address),
      ttl,
    ),
    additionals: [],
  }
}

interface PortTarget extends Target {
  readonly portName: string
  readonly protocol: string
}

interface Selection {
  readonly host?: string
  readonly port?: string
  readonly protocol?: string
}

/** Nothing, an endpoint's hostname, or `_port._protocol`. */
function selectionOf(labels: readonly string[]): Selection | undefined {
  const [first, second] = labels
  if (first === undefined) return {}
  if (labels.length === 1 && !first.startsWith('_')) return { host: first }
  if (labels.length === 2 && first.startsWith('_') && second?.startsWith('_') === true) {
    return { port: first.slice(1), protocol: second.slice(1) }
  }
  return undefined
}

function matchesPort(target: PortTarget, { port, protocol }: Selection): boolean {
  return target.portName.toLowerCase() === port && target.protocol.toLowerCase() === protocol
}

function clusterTargets(service: Service): readonly PortTarget[] {
  const addresses = service.spec.clusterIPs ?? (service.spec.clusterIP === undefined ? [] : [service.spec.clusterIP])
  return (service.spec.ports ?? []).flatMap((port) =>
    addresses
      .filter((address) => isIP(address) !== 0)
      .map((address) => ({ address, port: port.port, host: '', portName: port.name ?? '', protocol: port.protocol ?? 'TCP' })),
  )
}

function endpointTargets(slices: readonly EndpointSlice[], settings: ZoneSettings): readonly PortTarget[] {
  return slices.flatMap((slice) => {
    // A headless service without ports still has addresses; they stand under port 0, which no SRV record shows.
    const ports = slice.ports.length === 0 ? [{ name: '', port: 0, protocol: 'TCP' }] : slice.ports
    return slice.endpoints.filter(isReady).flatMap((endpoint) =>
      endpoint.addresses.flatMap((address) =>
        ports.map((port) => ({
          address,
          port: port.port ?? 0,
          host: hostOf(endpoint, address, settings),
          portName: port.name ?? '',
          protocol: port.protocol ?? 'TCP',
        })),
      ),
    )
  })
}

/** An absent condition counts as ready; the controller sets it for Services that publish addresses which are not. */
function isReady(endpoint: Endpoint): boolean {
  return endpoint.conditions.ready !== false
}

function hostOf(endpoint: Endpoint, address: string, settings: ZoneSettings): string {
  if (endpoint.hostname !== undefined && endpoint.hostname !== '') return endpoint.hostname.toLowerCase()
  if (settings.endpointPodNames === true && endpoint.targetRef?.name !== undefined) return endpoint.targetRef.name
  return address.replaceAll(/[.:]/g, '-')
}

function external(query: Query, target: string, ttl: number): Found {
  if (isIP(target) !== 0) return { answers: addressRecords(query, [target], ttl), additionals: [] }
  const alias = target.replace(/\.$/, '')
  return { answers: [{ type: 'CNAME', name: query.name, ttl, data: alias }], additionals: [], alias }
}

function addressRecords(query: Query, addresses: readonly string[], ttl: number): readonly Answer[] {
  const family = query.type === 'A' ? 4 : query.type === 'AAAA' ? 6 : 0
  const type = family === 4 ? 'A' : 'AAAA'
  const wanted = new Set(addresses.filter((address) => isIP(address) === family))
  return [...wanted].map((data) => ({ type, name: query.name, ttl, data }))
}

function serviceTargets(query: Query, base: string, targets: readonly PortTarget[], ttl: number): Found {
  const answers = new Map<string, Target>()
  const additionals = new Map<string, Answer>()
  for (const target of targets) {
    if (target.port === 0) continue
    const name = target.host === '' ? base : `${target.host}.${base}`
    answers.set(`${name}:${target.port}`, { ...target, host: name })
    additionals.set(`${name}/${target.address}`, { type: isIP(target.address) === 4 ? 'A' : 'AAAA', name, ttl, data: target.address })
  }
  const weight = Math.max(1, Math.floor(100 / Math.max(1, answers.size)))
  return {
    answers: [...answers.values()].map(({ port, host }) => ({
      type: 'SRV',
      name: query.name,
      ttl,
      data: { priority: 0, weight, port, target: host },
    })),
    additionals: [...additionals.values()],
  }
}

/** The name of a cluster IP, or of each endpoint with the address; undefined when the address is not of the cluster. */
function lookupAddress(query: Query, settings: ZoneSettings, directory: Directory): Found | undefined {
  const address = addressOfReverse(query.name)
  const zone = settings.zones.find((candidate) => !isReverse(candidate))
  if (address === undefined || zone === undefined) return undefined
  const names = directory.servicesByAddress(address).map(({ metadata }) => `${metadata.name}.${metadata.namespace ?? ''}.svc.${zone}`)
  if (names.length === 0) {
    for (const slice of directory.slicesByAddress(address)) names.push(...endpointNames(slice, address, { settings, zone }))
  }
  if (names.length === 0) return undefined
  if (query.type !== 'PTR') return NOTHING
  return { answers: names.map((data) => ({ type: 'PTR', name: query.name, ttl: settings.ttlSeconds, data })), additionals: [] }
}

function endpointNames(
  slice: EndpointSlice,
  address: string,
  { settings, zone }: { readonly settings: ZoneSettings; readonly zone: string },
): readonly string[] {
  const service = slice.metadata.labels?.['kubernetes.io/service-name']
  if (service === undefined) return []
  return slice.endpoints
    .filter((endpoint) => endpoint.addresses.includes(address))
    .map((endpoint) => `${hostOf(endpoint, address, settings)}.${service}.${slice.metadata.namespace ?? ''}.svc.${zone}`)
}
