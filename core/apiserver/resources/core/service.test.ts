import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { created, createProblems, decoded, updated, updateProblems } from '../testing.ts'
import { serviceDef } from './service.ts'

const service = (spec: object = {}): object => ({ spec: { ports: [{ port: 80 }], selector: { app: 'web' }, ...spec } })

describe('services', () => {
  it('are stored with what Kubernetes fills in, but for what is allocated', () => {
    assert.deepEqual(created(serviceDef, service()).spec, {
      ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
      selector: { app: 'web' },
      sessionAffinity: 'None',
      sessionAffinityConfig: undefined,
      type: 'ClusterIP',
      internalTrafficPolicy: 'Cluster',
      ipFamilyPolicy: 'SingleStack',
      ipFamilies: ['IPv4'],
    })
  })

  it('that balance load get policies, ports and a mode for their addresses', () => {
    const { spec, status } = decoded(serviceDef, {
      ...service({ type: 'LoadBalancer' }),
      status: { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } },
    })
    assert.deepEqual([spec.externalTrafficPolicy, spec.allocateLoadBalancerNodePorts], ['Cluster', true])
    assert.equal(status.loadBalancer.ingress?.[0]?.ipMode, 'VIP')
  })

  it('without address and selector belong to both families', () => {
    const { spec } = created(serviceDef, service({ clusterIP: 'None', selector: undefined }))
    assert.deepEqual([spec.clusterIPs, spec.ipFamilyPolicy, spec.ipFamilies], [['None'], 'RequireDualStack', ['IPv4', 'IPv6']])
  })

  it('keep what was allocated when an update leaves it out', () => {
    const old = created(
      serviceDef,
      service({
        type: 'NodePort',
        clusterIP: '10.43.0.9',
        ports: [
          { name: 'a', port: 80, nodePort: 30001 },
          { name: 'b', port: 81, nodePort: 30002 },
        ],
      }),
    )
    const { spec } = updated(serviceDef, old, service({ type: 'NodePort', ports: [{ name: 'b', port: 82 }] }))
    assert.deepEqual([spec.clusterIP, spec.clusterIPs, spec.ports?.[0]?.nodePort], ['10.43.0.9', ['10.43.0.9'], 30002])
  })

  it('lose what their new type has no use for', () => {
    const old = created(serviceDef, service({ type: 'NodePort', clusterIP: '10.43.0.9', ports: [{ port: 80, nodePort: 30001 }] }))
    const same = {
      clusterIP: '10.43.0.9',
      clusterIPs: ['10.43.0.9'],
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      ports: [{ port: 80, nodePort: 30001 }],
    }
    const plain = updated(serviceDef, old, service({ ...same, type: 'ClusterIP', externalTrafficPolicy: 'Cluster' })).spec
    assert.deepEqual([plain.ports?.[0]?.nodePort, plain.externalTrafficPolicy, plain.clusterIP], [undefined, undefined, '10.43.0.9'])
    const external = updated(serviceDef, old, service({ ...same, type: 'ExternalName', externalName: 'example.com' })).spec
    assert.deepEqual(
      [external.clusterIP, external.clusterIPs, external.ipFamilies, external.ipFamilyPolicy],
      [undefined, undefined, undefined, undefined],
    )
  })

  const accepted: readonly (readonly [string, object])[] = [
    ['a headless one without ports', service({ clusterIP: 'None', ports: [] })],
    ['an external name with a dot at its end', { spec: { type: 'ExternalName', externalName: 'example.com.' } }],
    ['affinity of clients', service({ sessionAffinity: 'ClientIP' })],
  ]
  for (const [title, draft] of accepted)
    it(`accept ${title}`, () => {
      assert.deepEqual(createProblems(serviceDef, draft), [])
    })

  const rejected: readonly (readonly [string, object, readonly string[]])[] = [
    ['no ports', service({ ports: [] }), ['spec.ports: Required value']],
    [
      'ports',
      service({ ports: [{ port: 0 }, { name: 'a', port: 80 }, { name: 'a', port: 80 }] }),
      [
        'spec.ports[0].name: Required value',
        'spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive',
        'spec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive',
        'spec.ports[2].name: Duplicate value: "a"',
        'spec.ports[2]: Duplicate value: {"port":80,"protocol":"TCP"}',
      ],
    ],
    [
      'a type',
      service({ type: 'x' }),
      ['spec.type: Unsupported value: "x": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"'],
    ],
    [
      'a node port of a cluster address',
      service({ ports: [{ port: 80, nodePort: 30000 }] }),
      ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
    ],
    ['no external name', { spec: { type: 'ExternalName' } }, ['spec.externalName: Required value']],
    [
      'headless node ports',
      service({ type: 'NodePort', clusterIP: 'None' }),
      ['spec.clusterIPs[0]: Invalid value: "None": may not be set to \'None\' for NodePort services'],
    ],
    [
      'addresses that differ',
      service({ clusterIP: '10.43.0.1', clusterIPs: ['10.43.0.2'] }),
      ['spec.clusterIPs: Invalid value: ["10.43.0.2"]: first value must match `clusterIP`'],
    ],
    [
      'a family that the cluster lacks',
      service({ ipFamilies: ['IPv6'] }),
      ['spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster'],
    ],
    [
      'two families of one',
      service({ ipFamilyPolicy: 'RequireDualStack' }),
      ['spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services'],
    ],
    [
      'a traffic policy inside',
      service({ externalTrafficPolicy: 'Local' }),
      ['spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services'],
    ],
    [
      'ranges without a balancer',
      service({ loadBalancerSourceRanges: ['10.0.0.0/8'] }),
      ["spec.loadBalancerSourceRanges: Forbidden: may only be used when `type` is 'LoadBalancer'"],
    ],
    [
      'a class without a balancer',
      service({ loadBalancerClass: 'a.b/c' }),
      ["spec.loadBalancerClass: Forbidden: may only be used when `type` is 'LoadBalancer'"],
    ],
    [
      'external addresses',
      service({ externalIPs: ['127.0.0.1', 'x'] }),
      [
        'spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
        'spec.externalIPs[1]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
      ],
    ],
    [
      'a long affinity',
      service({ sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 86401 } } }),
      ['spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 86401: must be greater than 0 and less than 86400'],
    ],
  ]
  for (const [title, draft, problems] of rejected)
    it(`reject ${title}`, () => {
      assert.deepEqual(createProblems(serviceDef, draft), problems)
    })

  it('keep their address', () => {
    assert.deepEqual(
      updateProblems(serviceDef, service({ clusterIP: '10.43.0.1' }), service({ clusterIP: '10.43.0.2', clusterIPs: ['10.43.0.1'] })),
      ['spec.clusterIPs[0]: Invalid value: ["10.43.0.2"]: may not change once set'],
    )
  })
})
