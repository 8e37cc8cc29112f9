import { randomInt } from 'node:crypto'
import type { Pod, Service } from '../../api/types/core-v1.ts'
import type { EndpointSlice } from '../../api/types/discovery-v1.ts'
import type { ObjectReader } from '../admission/admission.ts'
import { badRequest, notFound, serviceUnavailable } from '../errors.ts'
import type { Endpoint } from './dial.ts'

const PODS = { group: '', resource: 'pods' } as const
const SERVICES = { group: '', resource: 'services' } as const
const SLICES = { group: 'discovery.k8s.io', resource: 'endpointslices' } as const

/** Where a proxied request goes. */
export interface ProxyTarget extends Endpoint {
  readonly secure: boolean
}

interface ProxyName {
  readonly scheme: string
  readonly name: string
  readonly port: string
}

/** `name`, `name:port` or `scheme:name:port`. Throws StatusError BadRequest. */
export function proxyName(text: string, kind: string): ProxyName {
  const parts = text.split(':')
  const [first = '', second = '', third = ''] = parts
  if (parts.length > 3 || (parts.length === 3 && first !== 'http' && first !== 'https' && first !== ''))
    throw badRequest(`invalid ${kind} request ${JSON.stringify(text)}`)
  return parts.length === 3 ? { scheme: first, name: second, port: third } : { scheme: '', name: first, port: second }
}

/** Source: kubernetes, registry/core/pod/strategy.go, ResourceLocation. */
export function podTarget(reader: ObjectReader, namespace: string, text: string): ProxyTarget {
  const { scheme, name, port } = proxyName(text, 'pod')
  const pod = reader.get<Pod>(PODS, namespace, name)
  if (pod === undefined) throw notFound(PODS, name)
  const containers = pod.spec.containers.flatMap(({ ports }) => ports ?? [])
  const wanted = port === '' ? containers[0]?.containerPort : portOf(port, containers)
  const host = pod.status.podIP ?? pod.status.podIPs?.[0]?.ip ?? ''
  if (host === '') throw badRequest('address not allowed')
  return { host, port: wanted ?? (scheme === 'https' ? 443 : 80), secure: scheme === 'https' }
}

function portOf(text: string, named: readonly { readonly name?: string | undefined; readonly containerPort: number }[]): number {
  if (/^\d+$/.test(text)) return Number(text)
  const found = named.find(({ name }) => name === text)
  if (found === undefined) throw badRequest(`invalid pod request: no port named ${JSON.stringify(text)}`)
  return found.containerPort
}

/** A ready endpoint at random. Source: kubernetes, registry/core/service/storage, ResourceLocation. */
export function serviceTarget(reader: ObjectReader, namespace: string, text: string): ProxyTarget {
  const { scheme, name, port } = proxyName(text, 'service')
  const service = reader.get<Service>(SERVICES, namespace, name)
  if (service === undefined) throw notFound(SERVICES, name)
  const wanted = portNameOf(service, port)
  const candidates = reader
    .list<EndpointSlice>(SLICES, namespace)
    .filter(({ metadata }) => metadata.labels?.['kubernetes.io/service-name'] === name)
    .flatMap((slice) => endpointsOf(slice, wanted))
  const chosen = candidates[candidates.length === 0 ? 0 : randomInt(candidates.length)]
  if (chosen === undefined) throw serviceUnavailable(`no endpoints available for service ${JSON.stringify(text)}`)
  return { ...chosen, secure: scheme === 'https' }
}

/** The name of the port that a number or name means; any port for none. */
function portNameOf({ spec, metadata }: Service, port: string): string | undefined {
  if (port === '') return spec.ports?.[0]?.name ?? ''
  const found = spec.ports?.find((candidate) => candidate.name === port || String(candidate.port) === port)
  if (found === undefined)
    throw serviceUnavailable(`no service port ${JSON.stringify(port)} found for service ${JSON.stringify(metadata.name)}`)
  return found.name ?? ''
}

function endpointsOf({ ports, endpoints }: EndpointSlice, portName: string | undefined): readonly Endpoint[] {
  const port = ports.find(({ name = '' }) => name === portName)?.port
  if (port === undefined) return []
  return endpoints
    .filter(({ conditions }) => conditions.ready !== false)
    .flatMap(({ addresses }) => addresses.slice(0, 1).map((host) => ({ host, port })))
}
