import { randomInt } from 'node:crypto'
import type { Service } from '../../../api/types/core-v1.ts'
import type { EndpointSlice } from '../../../api/types/discovery-v1.ts'
import type { ObjectReader } from '../admission.ts'

const SERVICES = { group: '', resource: 'services' }
const SLICES = { group: 'discovery.k8s.io', resource: 'endpointslices' }

export interface Address {
  readonly host: string
  readonly port: number
}

/**
 * A ready endpoint behind a service, chosen at random; the server does not depend on service routing on its own host.
 * Throws a plain Error with Kubernetes' text when there is none.
 */
export function serviceAddress(reader: ObjectReader, namespace: string, name: string, port: number): Address {
  const service = reader.get<Service>(SERVICES, namespace, name)
  if (service === undefined) throw new Error(`service ${JSON.stringify(name)} not found`)
  if (service.spec.type === 'ExternalName') return { host: service.spec.externalName ?? '', port }
  const servicePort = (service.spec.ports ?? []).find((candidate) => candidate.port === port)
  if (servicePort === undefined) throw new Error(`no service port ${port} found for service ${JSON.stringify(name)}`)
  const addresses = reader
    .list<EndpointSlice>(SLICES, namespace)
    .filter(({ metadata }) => metadata.labels?.['kubernetes.io/service-name'] === name)
    .flatMap((slice) => readyAddresses(slice, servicePort.name ?? ''))
  const chosen = addresses[addresses.length === 0 ? 0 : randomInt(addresses.length)]
  if (chosen === undefined) throw new Error(`no endpoints available for service ${JSON.stringify(name)}`)
  return chosen
}

function readyAddresses(slice: EndpointSlice, portName: string): readonly Address[] {
  const port = slice.ports.find((candidate) => (candidate.name ?? '') === portName)?.port
  if (port === undefined) return []
  return slice.endpoints
    .filter(({ conditions }) => conditions.ready !== false)
    .flatMap(({ addresses }) => addresses.slice(0, 1).map((host) => ({ host, port })))
}
