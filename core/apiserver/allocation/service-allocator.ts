import type { Service, ServiceSpec } from '../../api/types/core-v1.ts'
import type { ServiceCIDR } from '../../api/types/networking-v1.ts'
import { type FieldError, invalid } from '../../meta/field-error.ts'
import type { ObjectReader } from '../admission/admission.ts'
import { internalError, invalidObject } from '../errors.ts'
import type { Outcome } from '../pipeline/admit.ts'
import type { WriteHook } from '../pipeline/write-services.ts'
import {
  allocatesNodePorts,
  familyOf,
  HEADLESS,
  isHeadless,
  needsClusterIp,
  needsHealthCheckPort,
  needsNodePorts,
} from '../resources/core/service-rules.ts'
import type { Work } from '../resources/resource-def.ts'
import { type AddressRange, addressRange, canonicalAddress } from './address-range.ts'
import { dynamicBands, findFree, Pool } from './pool.ts'

const SERVICES = { group: '', resource: 'services' } as const
const RANGES = { group: 'networking.k8s.io', resource: 'servicecidrs' } as const

export interface ServiceAllocatorDeps {
  /** Services and ServiceCIDRs as they are stored. */
  readonly reader: ObjectReader
  readonly serviceCidrs: readonly string[]
  readonly nodePortRange: readonly [number, number]
  readonly random: () => number
}

type Spec = Work<ServiceSpec>

/**
 * Gives services their cluster addresses and node ports. What is taken is what the stored services have, so there is no
 * second record that could disagree. Source: kubernetes, registry/core/service/storage/alloc.go.
 */
export function createServiceAllocator(deps: ServiceAllocatorDeps): WriteHook {
  const allocator = new ServiceAllocator(deps)
  return {
    onCreate(object, _context, outcome) {
      allocator.allocate(object as unknown as Work<Service>, undefined, outcome)
    },
    onUpdate(next, old, context, outcome) {
      if (context.subresource === '') allocator.allocate(next as unknown as Work<Service>, old as Service, outcome)
    },
  }
}

class ServiceAllocator {
  readonly #deps: ServiceAllocatorDeps
  #addresses: Pool | undefined
  #ports: Pool | undefined

  constructor(deps: ServiceAllocatorDeps) {
    this.#deps = deps
  }

  allocate(service: Work<Service>, old: Service | undefined, outcome: Outcome): void {
    const { addresses, ports } = this.#pools()
    const owner = ownerOf(service)
    this.#allocateAddresses(service, { pool: addresses, owner, outcome })
    this.#allocatePorts(service, old, { pool: ports, owner, outcome })
    this.#allocateHealthPort(service, { pool: ports, owner, outcome })
  }

  #allocateAddresses(service: Work<Service>, taker: Taker): void {
    const { spec } = service
    if (!needsClusterIp(spec) || isHeadless(spec)) return
    const wanted = spec.clusterIPs ?? []
    const families = spec.ipFamilies ?? []
    for (const [index, address] of wanted.entries()) {
      const known = canonicalAddress(address)
      // Whatever is no address is left to validation.
      if (known !== undefined) this.#takeAddress(service, { address: known, shown: address, index }, taker)
    }
    for (let index = wanted.length; index < families.length; index += 1) {
      const family = families[index]
      const range = this.#ranges().find((candidate) => candidate.family === family)
      if (range === undefined) continue
      wanted.push(
        this.#nextAddress(
          this.#ranges().filter((candidate) => candidate.family === family),
          taker,
        ),
      )
    }
    spec.clusterIPs = wanted
    if (wanted[0] !== undefined) spec.clusterIP = wanted[0]
  }

  #takeAddress(service: Service, wanted: { readonly address: string; readonly shown: string; readonly index: number }, taker: Taker): void {
    const { pool, owner, outcome } = taker
    const { address, shown } = wanted
    const before = this.#deps.reader.get<Service>(SERVICES, service.metadata.namespace ?? '', service.metadata.name)
    if (before !== undefined && holdsAddress(before, address)) return
    const reject = (problem: string): Error =>
      invalidObject({ group: '', kind: 'Service' }, service.metadata.name, [
        invalid('spec.clusterIPs', service.spec.clusterIPs, `failed to allocate IP ${shown}: ${problem}`),
      ])
    const ofFamily = this.#ranges().filter(({ family }) => family === familyOf(address))
    if (ofFamily.length === 0) return
    if (!ofFamily.some((range) => range.contains(address))) throw reject('the provided network does not match the current range')
    if (!pool.isFree(address, owner)) throw reject('provided IP is already allocated')
    take(pool, owner, address, outcome)
  }

  #nextAddress(ranges: readonly AddressRange[], { pool, owner, outcome }: Taker): string {
    for (const range of ranges) {
      const bands = dynamicBands({ from: 1, to: range.size }, 16, 256)
      const offset = findFree(bands, (candidate) => !pool.isTaken(range.at(candidate)), this.#deps.random)
      if (offset === undefined) continue
      const address = range.at(offset)
      take(pool, owner, address, outcome)
      return address
    }
    throw internalError('failed to allocate a serviceIP: range is full')
  }

  #allocatePorts(service: Work<Service>, old: Service | undefined, taker: Taker): void {
    const { spec } = service
    if (!needsNodePorts(spec)) return
    const held = new Set(old === undefined ? [] : portsOf(old.spec))
    const own = new Map<number, Set<string>>()
    const problems: FieldError[] = []
    for (const [index, port] of (spec.ports ?? []).entries()) {
      const { nodePort = 0, protocol = 'TCP' } = port
      if (nodePort === 0) continue
      const sharers = own.get(nodePort) ?? new Set()
      own.set(nodePort, sharers.add(protocol))
      if (sharers.size > 1 || held.has(nodePort)) continue
      const problem = this.#takePort(nodePort, taker)
      if (problem !== undefined) problems.push(invalid(`spec.ports[${index}].nodePort`, nodePort, problem))
    }
    if (problems.length > 0) throw invalidObject({ group: '', kind: 'Service' }, service.metadata.name, problems)
    if (allocatesNodePorts(spec)) this.#fillPorts(spec, own, taker)
  }

  /** A port that differs from another one of the service in its protocol alone shares its node port. */
  #fillPorts(spec: Spec, own: Map<number, Set<string>>, taker: Taker): void {
    for (const port of spec.ports ?? []) {
      if ((port.nodePort ?? 0) !== 0) continue
      const { protocol = 'TCP' } = port
      const twin = spec.ports?.find(
        (other) => other.port === port.port && (other.nodePort ?? 0) !== 0 && !own.get(other.nodePort ?? 0)?.has(protocol),
      )
      port.nodePort = twin?.nodePort ?? this.#nextPort('failed to allocate a nodePort', taker)
      own.set(port.nodePort, (own.get(port.nodePort) ?? new Set()).add(protocol))
    }
  }

  #allocateHealthPort(service: Work<Service>, taker: Taker): void {
    const { spec } = service
    if (!needsHealthCheckPort(spec)) return
    const wanted = spec.healthCheckNodePort ?? 0
    if (wanted === 0) {
      spec.healthCheckNodePort = this.#nextPort('failed to allocate a HealthCheck NodePort', taker)
      return
    }
    const before = this.#deps.reader.get<Service>(SERVICES, service.metadata.namespace ?? '', service.metadata.name)
    if (before?.spec.healthCheckNodePort === wanted) return
    const problem = this.#takePort(wanted, taker)
    if (problem !== undefined) throw internalError(`failed to allocate requested HealthCheck NodePort ${wanted}: ${problem}`)
  }

  #takePort(port: number, { pool, owner, outcome }: Taker): string | undefined {
    const [from, to] = this.#deps.nodePortRange
    if (port < from || port > to) return `provided port is not in the valid range. The range of valid ports is ${from}-${to}`
    if (!pool.isFree(String(port), owner)) return 'provided port is already allocated'
    take(pool, owner, String(port), outcome)
    return undefined
  }

  #nextPort(failure: string, { pool, owner, outcome }: Taker): number {
    const [from, to] = this.#deps.nodePortRange
    const port = findFree(dynamicBands({ from, to }, 16, 128), (candidate) => !pool.isTaken(String(candidate)), this.#deps.random)
    if (port === undefined) throw internalError(`${failure}: range is full`)
    take(pool, owner, String(port), outcome)
    return port
  }

  #ranges(): readonly AddressRange[] {
    const objects = this.#deps.reader.list<ServiceCIDR>(RANGES)
    const added = objects.filter(({ metadata }) => metadata.deletionTimestamp === undefined).flatMap(({ spec }) => spec.cidrs ?? [])
    const cidrs = [...new Set([...this.#deps.serviceCidrs, ...added])]
    return cidrs.map(addressRange).filter((range) => range !== undefined)
  }

  #pools(): { readonly addresses: Pool; readonly ports: Pool } {
    if (this.#addresses !== undefined && this.#ports !== undefined) return { addresses: this.#addresses, ports: this.#ports }
    const { reader } = this.#deps
    const find = (owner: string): Service | undefined => {
      const slash = owner.indexOf('/')
      return reader.get<Service>(SERVICES, owner.slice(0, slash), owner.slice(slash + 1))
    }
    const addresses = new Pool((owner, address) => holds(find(owner), (service) => holdsAddress(service, address)))
    const ports = new Pool((owner, port) => holds(find(owner), (service) => portsOf(service.spec).includes(Number(port))))
    const learn = (service: Service | undefined): void => {
      if (service === undefined) return
      for (const address of addressesOf(service)) addresses.learn(ownerOf(service), address)
      for (const port of portsOf(service.spec)) ports.learn(ownerOf(service), String(port))
    }
    for (const service of reader.list<Service>(SERVICES)) learn(service)
    // Other servers write to the same datastore.
    reader.onChange(SERVICES, (changed) => {
      if (changed === undefined) for (const service of reader.list<Service>(SERVICES)) learn(service)
      else learn(reader.get<Service>(SERVICES, changed.namespace ?? '', changed.name))
    })
    this.#addresses = addresses
    this.#ports = ports
    return { addresses, ports }
  }
}

interface Taker {
  readonly pool: Pool
  readonly owner: string
  readonly outcome: Outcome
}

function take(pool: Pool, owner: string, value: string, outcome: Outcome): void {
  pool.take(owner, value)
  outcome.onSettled((committed) => pool.settle(owner, value, committed))
}

function ownerOf({ metadata }: Service): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`
}

function holds(service: Service | undefined, check: (service: Service) => boolean): boolean {
  return service !== undefined && check(service)
}

function addressesOf({ spec }: Service): string[] {
  if (!needsClusterIp(spec)) return []
  const all = spec.clusterIPs ?? (spec.clusterIP === undefined ? [] : [spec.clusterIP])
  return all.filter((address) => address !== '' && address !== HEADLESS).map((address) => canonicalAddress(address) ?? address)
}

function holdsAddress(service: Service, address: string): boolean {
  return addressesOf(service).includes(address)
}

function portsOf(spec: ServiceSpec): number[] {
  const ports = needsNodePorts(spec) ? (spec.ports ?? []).map(({ nodePort = 0 }) => nodePort) : []
  const health = spec.healthCheckNodePort ?? 0
  return [...ports, health].filter((port) => port !== 0)
}
