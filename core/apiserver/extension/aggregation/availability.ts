import type { APIService } from '../../../api/types/apiregistration-v1.ts'
import type { Service } from '../../../api/types/core-v1.ts'
import type { EndpointSlice } from '../../../api/types/discovery-v1.ts'
import type { ObjectReader } from '../../admission/admission.ts'

export const SERVICES = { group: '', resource: 'services' }
export const SLICES = { group: 'discovery.k8s.io', resource: 'endpointslices' }
/** Names the service of an EndpointSlice. */
export const SERVICE_NAME = 'kubernetes.io/service-name'

/** The condition Available without its time. */
export interface Availability {
  readonly type: 'Available'
  readonly status: 'True' | 'False'
  readonly reason: string
  readonly message: string
}

export const PASSED: Availability = { type: 'Available', status: 'True', reason: 'Passed', message: 'all checks passed' }

export function unavailable(reason: string, message: string): Availability {
  return { type: 'Available', status: 'False', reason, message }
}

/**
 * What keeps the server behind an APIService from being asked at all; undefined when it can be. Reasons and texts are
 * Kubernetes'. Source: kube-aggregator, remote availability controller.
 */
export function missingBackend({ spec }: APIService, reader: ObjectReader): Availability | undefined {
  const { namespace = '', name = '', port = 443 } = spec.service ?? {}
  const subject = `service/${name} in ${JSON.stringify(namespace)}`
  const service = reader.get<Service>(SERVICES, namespace, name)
  if (service === undefined) return unavailable('ServiceNotFound', `${subject} is not present`)
  // NOTE: another type may be reachable without endpoints, as ExternalName is.
  const { type = 'ClusterIP', ports = [] } = service.spec
  if (type !== 'ClusterIP') return undefined
  const servicePort = ports.find((candidate) => candidate.port === port)
  if (servicePort === undefined) return unavailable('ServicePortError', `${subject} is not listening on port ${port}`)
  return missingEndpoints(reader, { namespace, name, subject, portName: servicePort.name ?? '' })
}

function missingEndpoints(
  reader: ObjectReader,
  { namespace, name, subject, portName }: Readonly<Record<'namespace' | 'name' | 'subject' | 'portName', string>>,
): Availability | undefined {
  const slices = reader.list<EndpointSlice>(SLICES, namespace).filter(({ metadata }) => metadata.labels?.[SERVICE_NAME] === name)
  if (slices.length === 0) return unavailable('EndpointsNotFound', `cannot find endpointslices for ${subject}`)
  if (slices.some((slice) => hasReadyAddress(slice, portName))) return undefined
  return unavailable('MissingEndpoints', `endpointslices for ${subject} have no addresses with port name ${JSON.stringify(portName)}`)
}

function hasReadyAddress({ ports, endpoints }: EndpointSlice, portName: string): boolean {
  if (!ports.some(({ name = '' }) => name === portName)) return false
  return endpoints.some(({ conditions, addresses }) => conditions.ready !== false && addresses.length > 0)
}
