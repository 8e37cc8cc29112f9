import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Service } from '../../core/api/types/core-v1.ts'
import type { EndpointSlice } from '../../core/api/types/discovery-v1.ts'
import { type Directory, lookup } from './records.ts'

const ZONE = 'cluster.local'
const SETTINGS = { zones: [ZONE, 'in-addr.arpa'], pods: 'insecure', ttlSeconds: 5 } as const

const service = (name: string, spec: unknown): Service => ({ metadata: { name, namespace: 'ns' }, spec }) as Service
const SERVICES = [
  service('web', { clusterIP: '10.43.0.7', clusterIPs: ['10.43.0.7', 'fd00::7'], ports: [{ name: 'http', port: 80, protocol: 'TCP' }] }),
  service('db', { clusterIP: 'None', clusterIPs: ['None'], ports: [{ name: 'sql', port: 5432 }] }),
  service('empty', { clusterIP: 'None', clusterIPs: ['None'] }),
  service('ext', { type: 'ExternalName', externalName: 'example.org' }),
]
const SLICE = {
  metadata: { name: 'db-1', namespace: 'ns', labels: { 'kubernetes.io/service-name': 'db' } },
  addressType: 'IPv4',
  ports: [{ name: 'sql', port: 5432, protocol: 'TCP' }],
  endpoints: [
    { addresses: ['10.42.0.1'], hostname: 'db-0', conditions: { ready: true } },
    { addresses: ['10.42.0.2'], conditions: {} },
    { addresses: ['10.42.0.3'], conditions: { ready: false } },
  ],
} as unknown as EndpointSlice
const DIRECTORY: Directory = {
  service: (namespace, name) => SERVICES.find(({ metadata }) => namespace === 'ns' && metadata.name === name),
  slices: (_, name) => (name === 'db' ? [SLICE] : []),
  hasNamespace: (name) => name === 'ns',
  servicesByAddress: (address) => SERVICES.filter(({ spec }) => spec.clusterIP === address),
  slicesByAddress: (address) => (address === '10.42.0.1' ? [SLICE] : []),
  hasPod: () => false,
}

const NX = 'NXDOMAIN'
const ask = (name: string, type: string, zone = ZONE): unknown => {
  const found = lookup({ name, type }, zone, SETTINGS, DIRECTORY)
  return found === undefined ? NX : found.answers.map((answer) => ('data' in answer ? answer.data : answer.type))
}

describe('records of the cluster zone', () => {
  for (const { name, type, want } of [
    { name: 'web.ns.svc.cluster.local', type: 'A', want: ['10.43.0.7'] },
    { name: 'WEB.ns.svc.Cluster.Local', type: 'A', want: ['10.43.0.7'] },
    { name: 'web.ns.svc.cluster.local', type: 'AAAA', want: ['fd00::7'] },
    { name: 'web.ns.svc.cluster.local', type: 'MX', want: [] },
    {
      name: '_http._tcp.web.ns.svc.cluster.local',
      type: 'SRV',
      want: [{ priority: 0, weight: 100, port: 80, target: 'web.ns.svc.cluster.local' }],
    },
    { name: '_https._tcp.web.ns.svc.cluster.local', type: 'SRV', want: NX },
    { name: 'db.ns.svc.cluster.local', type: 'A', want: ['10.42.0.1', '10.42.0.2'] },
    { name: 'db-0.db.ns.svc.cluster.local', type: 'A', want: ['10.42.0.1'] },
    { name: '10-42-0-2.db.ns.svc.cluster.local', type: 'A', want: ['10.42.0.2'] },
    { name: 'db-9.db.ns.svc.cluster.local', type: 'A', want: NX },
    { name: 'empty.ns.svc.cluster.local', type: 'A', want: NX },
    { name: 'ext.ns.svc.cluster.local', type: 'A', want: ['example.org'] },
    { name: 'none.ns.svc.cluster.local', type: 'A', want: NX },
    { name: 'ns.svc.cluster.local', type: 'A', want: [] },
    { name: 'other.svc.cluster.local', type: 'A', want: NX },
    { name: 'svc.cluster.local', type: 'A', want: [] },
    { name: 'cluster.local', type: 'A', want: [] },
    { name: 'cluster.local', type: 'NS', want: ['ns.dns.cluster.local'] },
    { name: 'dns-version.cluster.local', type: 'TXT', want: ['1.1.0'] },
    { name: '10-1-2-3.ns.pod.cluster.local', type: 'A', want: ['10.1.2.3'] },
    { name: 'fd00--5.ns.pod.cluster.local', type: 'AAAA', want: ['fd00::5'] },
    { name: 'x.ns.pod.cluster.local', type: 'A', want: NX },
    { name: '10-1-2-3.other.pod.cluster.local', type: 'A', want: NX },
  ]) {
    it(`${type} ${name} is ${JSON.stringify(want)}`, () => {
      assert.deepEqual(ask(name, type), want)
    })
  }

  it('SRV of a headless Service names and addresses each endpoint', () => {
    const found = lookup({ name: '_sql._tcp.db.ns.svc.cluster.local', type: 'SRV' }, ZONE, SETTINGS, DIRECTORY)
    assert.deepEqual(
      found?.additionals.map((record) => [record.name, 'data' in record ? record.data : undefined]),
      [
        ['db-0.db.ns.svc.cluster.local', '10.42.0.1'],
        ['10-42-0-2.db.ns.svc.cluster.local', '10.42.0.2'],
      ],
    )
    assert.equal(found.answers.length, 2)
  })

  for (const { name, want } of [
    { name: '7.0.43.10.in-addr.arpa', want: ['web.ns.svc.cluster.local'] },
    { name: '1.0.42.10.in-addr.arpa', want: ['db-0.db.ns.svc.cluster.local'] },
    { name: '1.1.1.1.in-addr.arpa', want: NX },
  ]) {
    it(`PTR ${name} is ${JSON.stringify(want)}`, () => {
      assert.deepEqual(ask(name, 'PTR', 'in-addr.arpa'), want)
    })
  }
})
