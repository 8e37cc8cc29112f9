import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { APIService } from '../../../api/types/apiregistration-v1.ts'
import type { Service } from '../../../api/types/core-v1.ts'
import type { EndpointSlice } from '../../../api/types/discovery-v1.ts'
import type { ObjectReader } from '../../admission/admission.ts'
import { missingBackend, SERVICES } from './availability.ts'

const api = { spec: { service: { namespace: 'tools', name: 'metrics', port: 443 } } } as unknown as APIService
const backend = (spec: object): Service => ({ metadata: { name: 'metrics', namespace: 'tools' }, spec }) as unknown as Service
const slice = (more: object): EndpointSlice =>
  ({
    metadata: { name: 'metrics-1', namespace: 'tools', labels: { 'kubernetes.io/service-name': 'metrics' } },
    ports: [{ name: 'https', port: 8443 }],
    endpoints: [],
    ...more,
  }) as unknown as EndpointSlice

const https = backend({ type: 'ClusterIP', ports: [{ name: 'https', port: 443 }] })
const ready = { endpoints: [{ addresses: ['10.42.0.3'], conditions: { ready: true } }] }

function missing(service: Service | undefined, slices: readonly EndpointSlice[] = []): string | undefined {
  const reader = {
    get: (resource: object) => (resource === SERVICES ? service : undefined),
    list: () => slices,
  } as unknown as ObjectReader
  const found = missingBackend(api, reader)
  return found && `${found.status} ${found.reason}: ${found.message}`
}

describe('missingBackend', () => {
  it('wants the service, its port and an endpoint that is ready', () => {
    assert.equal(missing(undefined), 'False ServiceNotFound: service/metrics in "tools" is not present')
    assert.equal(
      missing(backend({ type: 'ClusterIP', ports: [{ port: 80 }] })),
      'False ServicePortError: service/metrics in "tools" is not listening on port 443',
    )
    assert.equal(missing(https), 'False EndpointsNotFound: cannot find endpointslices for service/metrics in "tools"')
    const none = 'False MissingEndpoints: endpointslices for service/metrics in "tools" have no addresses with port name "https"'
    assert.equal(missing(https, [slice({})]), none)
    assert.equal(missing(https, [slice({ endpoints: [{ addresses: ['10.42.0.3'], conditions: { ready: false } }] })]), none)
    assert.equal(missing(https, [slice({ ...ready, ports: [{ name: 'http', port: 80 }] })]), none)
    assert.equal(missing(https, [slice({}), slice(ready)]), undefined)
  })

  it('leaves services of other types to the attempt', () => {
    assert.equal(missing(backend({ type: 'ExternalName', externalName: 'example.com' })), undefined)
  })
})
