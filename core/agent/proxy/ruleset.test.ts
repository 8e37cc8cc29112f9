import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Service } from '../../api/types/core-v1.ts'
import type { EndpointSlice } from '../../api/types/discovery-v1.ts'
import { routesOf } from './routes.ts'
import { buildRuleset, EMPTY_RULESET, transaction } from './ruleset.ts'

const service = (spec: object, status: object = { loadBalancer: {} }): Service =>
  ({
    metadata: { namespace: 'ns', name: 'web' },
    spec: {
      type: 'ClusterIP',
      clusterIP: '10.43.0.5',
      clusterIPs: ['10.43.0.5'],
      ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
      ...spec,
    },
    status,
  }) as unknown as Service

interface Ready {
  readonly ready?: boolean
  readonly serving?: boolean
  readonly terminating?: boolean
}
const slice = (...endpoints: readonly (readonly [string, string, Ready?])[]): EndpointSlice =>
  ({
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: endpoints.map(([ip, nodeName, conditions]) => ({ addresses: [ip], nodeName, conditions: { ready: true, ...conditions } })),
  }) as unknown as EndpointSlice

describe('routes of a service', () => {
  it('has none for headless and external names', () => {
    assert.deepEqual(routesOf(service({ clusterIP: 'None', clusterIPs: ['None'] }), [slice(['10.42.0.2', 'a'])], 'a'), [])
    assert.deepEqual(routesOf(service({ type: 'ExternalName' }), [], 'a'), [])
  })

  it('uses ready endpoints, and draining ones only when none is ready', () => {
    const draining = { ready: false, serving: true, terminating: true }
    assert.deepEqual(
      routesOf(service({}), [slice(['10.42.0.2', 'a'], ['10.42.0.3', 'a', draining])], 'a')[0]?.endpoints.map((e) => e.ip),
      ['10.42.0.2'],
    )
    assert.deepEqual(
      routesOf(service({}), [slice(['10.42.0.3', 'a', draining])], 'a')[0]?.endpoints.map((e) => e.ip),
      ['10.42.0.3'],
    )
    assert.deepEqual(routesOf(service({}), [slice(['10.42.0.3', 'a', { ready: false, serving: false }])], 'a')[0]?.endpoints, [])
  })

  it('keeps to this node when the traffic policies say so', () => {
    const [route] = routesOf(
      service({ type: 'NodePort', externalTrafficPolicy: 'Local', ports: [{ name: 'http', port: 80, nodePort: 30_080 }] }),
      [slice(['10.42.0.2', 'a'], ['10.42.1.2', 'b'])],
      'a',
    )
    assert.equal(route?.endpoints.length, 2)
    assert.deepEqual(
      route.externalEndpoints.map((e) => e.ip),
      ['10.42.0.2'],
    )
    assert.equal(route.nodePort, 30_080)
  })
})

describe('the rules', () => {
  const rulesFor = (spec: object, ...endpoints: readonly (readonly [string, string])[]) =>
    buildRuleset(routesOf(service(spec), endpoints.length === 0 ? [] : [slice(...endpoints)], 'a'), [])

  it('spread connections over the endpoints by one map', () => {
    const rules = rulesFor({}, ['10.42.0.2', 'a'], ['10.42.0.3', 'a'])
    assert.deepEqual(
      [...rules.chains.values()],
      [['meta l4proto tcp dnat ip to numgen random mod 2 map { 0 : 10.42.0.2 . 8080, 1 : 10.42.0.3 . 8080 }']],
    )
  })

  it('refuse connections to a service without endpoints', () => {
    assert.deepEqual([...(rulesFor({}).elements.get('no-endpoints') ?? [])], [['10.43.0.5 . tcp . 80', '']])
  })

  it('hide the client only from endpoints on other nodes', () => {
    const nodePort = { type: 'NodePort', ports: [{ name: 'http', port: 80, nodePort: 30_080 }] }
    const local = [...rulesFor(nodePort, ['10.42.0.2', 'a']).chains].find(([name]) => name.startsWith('ext-'))
    const remote = [...rulesFor(nodePort, ['10.42.1.2', 'b']).chains].find(([name]) => name.startsWith('ext-'))
    assert.equal(local?.[1].includes('jump masquerade-later'), false)
    assert.equal(remote?.[1].includes('jump masquerade-later'), true)
  })

  it('drop strangers on load balancer addresses with source ranges', () => {
    const balanced = service(
      { type: 'LoadBalancer', loadBalancerSourceRanges: ['192.0.2.0/24'] },
      { loadBalancer: { ingress: [{ ip: '198.51.100.7', ipMode: 'VIP' }] } },
    )
    const rules = buildRuleset(routesOf(balanced, [slice(['10.42.0.2', 'a'])], 'a'), [])
    const chain = [...rules.chains].find(([name]) => name.startsWith('lb-'))
    assert.equal(chain?.[1][0], 'ip saddr != { 192.0.2.0/24 } drop')
  })

  it('change by the smallest transaction', () => {
    const before = rulesFor({}, ['10.42.0.2', 'a'])
    assert.equal(transaction('t', before, rulesFor({}, ['10.42.0.2', 'a'])), '')
    const grown = transaction('t', before, rulesFor({}, ['10.42.0.2', 'a'], ['10.42.0.3', 'a']))
    assert.match(
      grown,
      /^flush chain ip t svc-\w+\nadd rule ip t svc-\w+ .*\nadd element ip t hairpin \{ 10\.42\.0\.3 \. 10\.42\.0\.3 \}\n$/,
    )
    const emptied = transaction('t', before, EMPTY_RULESET)
    assert.match(emptied, /delete element ip t services/)
    assert.match(emptied, /delete chain ip t svc-/)
  })
})
