import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Node, Pod, Service } from '../../core/api/types/core-v1.ts'
import type { EndpointSlice } from '../../core/api/types/discovery-v1.ts'
import { buildDaemonSet, sourceRanges } from './service-lb-daemon-set.ts'
import { daemonSetName } from './service-lb-names.ts'
import { planPlacement } from './service-lb-placement.ts'
import { planIngress } from './service-lb-status.ts'
import { readTolerations } from './tolerations.ts'

const settings = { namespace: 'kube-system', image: 'lb:1', priorityClassName: 'system-node-critical' }

function service(spec: object = {}, metadata: object = {}): Service {
  return {
    metadata: { name: 'web', namespace: 'default', uid: '01234567-89ab', ...metadata },
    spec: {
      type: 'LoadBalancer',
      ports: [{ protocol: 'TCP', port: 80, nodePort: 30080 }],
      clusterIPs: ['10.43.0.9', 'fd00::9'],
      ipFamilies: ['IPv4'],
      ...spec,
    },
  } as unknown as Service
}

describe('DaemonSet of a load balancer', () => {
  it('has the form that tools know', () => {
    const labels = { 'svccontroller.k3s.cattle.io/svcname': 'web', 'svccontroller.k3s.cattle.io/svcnamespace': 'default' }
    const name = 'svclb-web-01234567'
    const placement = { isAllowList: false, constraints: {} }
    assert.deepEqual(buildDaemonSet({ service: service(), settings, placement, tolerations: [] }), {
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata: { name, namespace: 'kube-system', labels: { ...labels, 'svccontroller.k3s.cattle.io/nodeselector': 'false' } },
      spec: {
        selector: { matchLabels: { app: name } },
        updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1 } },
        template: {
          metadata: { labels: { ...labels, app: name } },
          spec: {
            serviceAccountName: 'svclb',
            automountServiceAccountToken: false,
            priorityClassName: 'system-node-critical',
            securityContext: { sysctls: [{ name: 'net.ipv4.ip_forward', value: '1' }] },
            tolerations: [
              { key: 'node-role.kubernetes.io/master', operator: 'Exists', effect: 'NoSchedule' },
              { key: 'node-role.kubernetes.io/control-plane', operator: 'Exists', effect: 'NoSchedule' },
              { key: 'CriticalAddonsOnly', operator: 'Exists' },
            ],
            containers: [
              {
                name: 'lb-tcp-80',
                image: 'lb:1',
                imagePullPolicy: 'IfNotPresent',
                ports: [{ name: 'lb-tcp-80', containerPort: 80, hostPort: 80, protocol: 'TCP' }],
                env: [
                  { name: 'SRC_PORT', value: '80' },
                  { name: 'SRC_RANGES', value: '0.0.0.0/0' },
                  { name: 'DEST_PROTO', value: 'TCP' },
                  { name: 'DEST_PORT', value: '80' },
                  { name: 'DEST_IPS', value: '10.43.0.9,fd00::9' },
                ],
                securityContext: { capabilities: { add: ['NET_ADMIN'] } },
              },
            ],
          },
        },
      },
    })
  })

  const hostIps = { valueFrom: { fieldRef: { fieldPath: 'status.hostIPs' } } }
  const destinations: readonly { readonly title: string; readonly spec: object; readonly port: string; readonly ips: object }[] = [
    { title: "with the Local policy goes to the node's own port", spec: {}, port: '30080', ips: hostIps },
    {
      title: 'without node ports goes to the cluster address',
      spec: { ports: [{ protocol: 'TCP', port: 80 }] },
      port: '80',
      ips: { value: '10.43.0.9,fd00::9' },
    },
  ]
  for (const { title, spec, port, ips } of destinations) {
    it(title, () => {
      const local = service({ externalTrafficPolicy: 'Local', ...spec })
      const built = buildDaemonSet({ service: local, settings, placement: { isAllowList: false, constraints: {} }, tolerations: [] })
      const env = built.spec?.template?.spec?.containers?.[0]?.env?.slice(3)
      assert.deepEqual(env, [
        { name: 'DEST_PORT', value: port },
        { name: 'DEST_IPS', ...ips },
      ])
    })
  }

  it('takes priority, families and port names from the Service', () => {
    const annotations = { 'svccontroller.k3s.cattle.io/priorityclassname': 'mine' }
    const both = service({ ipFamilies: ['IPv6', 'IPv4'], ports: [{ protocol: 'UDP', port: 53 }] }, { annotations })
    const built = buildDaemonSet({ service: both, settings, placement: { isAllowList: true, constraints: {} }, tolerations: [] })
    const pod = built.spec?.template?.spec
    assert.equal(pod?.priorityClassName, 'mine')
    assert.deepEqual(
      pod.securityContext?.sysctls?.map((sysctl) => sysctl.name),
      ['net.ipv6.conf.all.forwarding', 'net.ipv4.ip_forward'],
    )
    assert.equal(pod.containers?.[0]?.name, 'lb-udp-53')
    assert.equal(built.metadata?.labels?.['svccontroller.k3s.cattle.io/nodeselector'], 'true')
  })

  const names: readonly (readonly [name: string, want: string])[] = [
    ['web', 'svclb-web-01234567'],
    ['a'.repeat(63), `svclb-${'a'.repeat(48)}-01234567`],
    [`${'a'.repeat(46)}--b`, `svclb-${'a'.repeat(46)}-01234567`],
  ]
  for (const [name, want] of names) {
    it(`of Service ${name} is called ${want}`, () => {
      assert.equal(daemonSetName(service({}, { name })), want)
    })
  }
})

describe('source ranges', () => {
  const annotations = { 'service.beta.kubernetes.io/load-balancer-source-ranges': ' 10.0.0.0/8,192.0.2.0/24' }
  const cases: readonly { readonly title: string; readonly spec?: object; readonly metadata?: object; readonly want: string }[] = [
    { title: 'allow everybody by default', want: '0.0.0.0/0' },
    { title: 'also with IPv6', spec: { ipFamilies: ['IPv6'] }, want: '0.0.0.0/0,::/0' },
    { title: 'all of IPv4 means all', spec: { ipFamilies: ['IPv6'], loadBalancerSourceRanges: ['0.0.0.0/0'] }, want: '0.0.0.0/0,::/0' },
    { title: 'are sorted, once each', spec: { loadBalancerSourceRanges: ['b/8', ' a/8', 'b/8'] }, want: 'a/8,b/8' },
    { title: 'may be an annotation', metadata: { annotations }, want: '10.0.0.0/8,192.0.2.0/24' },
    { title: 'the field wins', spec: { loadBalancerSourceRanges: ['a/8'] }, metadata: { annotations }, want: 'a/8' },
  ]
  for (const { title, spec, metadata, want } of cases) {
    it(title, () => {
      assert.equal(sourceRanges(service(spec, metadata)), want)
    })
  }
})

const ENABLE = 'svccontroller.k3s.cattle.io/enablelb'
const POOL = 'svccontroller.k3s.cattle.io/lbpool'
const MEMBER = 'lbpool.svccontroller.k3s.cattle.io/blue'

describe('placement', () => {
  const requirement = (key: string, value: string): object => ({ key, operator: 'In', values: [value] })
  const nodeSelectorTerms = [
    { matchExpressions: [requirement(ENABLE, 'true'), requirement(POOL, 'blue')] },
    { matchExpressions: [requirement(MEMBER, 'true')] },
  ]
  const affinity = { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } }
  const cases: readonly { readonly title: string; readonly labels: object; readonly pool?: string; readonly want: object }[] = [
    { title: 'is everywhere by default', labels: {}, want: { isAllowList: false, constraints: {} } },
    { title: 'ignores a pool without allowed nodes', labels: {}, pool: 'blue', want: { isAllowList: false, constraints: {} } },
    {
      title: 'is on allowed nodes',
      labels: { [ENABLE]: 'true' },
      want: { isAllowList: true, constraints: { nodeSelector: { [ENABLE]: 'true' } } },
    },
    {
      title: 'is on allowed nodes of the pool',
      labels: { [ENABLE]: 'true' },
      pool: 'blue',
      want: { isAllowList: true, constraints: { nodeSelector: { [ENABLE]: 'true', [POOL]: 'blue' } } },
    },
    {
      title: 'is on members of the pool too',
      labels: { [MEMBER]: 'true' },
      pool: 'blue',
      want: { isAllowList: false, constraints: { affinity } },
    },
    { title: 'does not follow other pools', labels: { [MEMBER]: 'true' }, pool: 'red', want: { isAllowList: false, constraints: {} } },
  ]
  for (const { title, labels, pool, want } of cases) {
    it(title, () => {
      const nodes = [{ metadata: { name: 'a', labels } }, { metadata: { name: 'b' } }] as unknown as readonly Node[]
      assert.deepEqual(planPlacement(service({}, pool === undefined ? {} : { labels: { [POOL]: pool } }), nodes), want)
    })
  }
})

describe('addresses of a load balancer', () => {
  const addresses: Readonly<Record<string, readonly string[]>> = {
    a: ['InternalIP 192.0.2.2', 'InternalIP 2001:db8::2'],
    b: ['InternalIP 192.0.2.1', 'InternalIP 2001:db8::1'],
    c: ['InternalIP 192.0.2.3', 'ExternalIP 198.51.100.3', 'Hostname c'],
  }
  const nodeOf = (name: string): Node | undefined => {
    const list = addresses[name]?.map((text) => ({ type: text.split(' ')[0], address: text.split(' ')[1] }))
    return list === undefined ? undefined : ({ metadata: { name }, status: { addresses: list } } as unknown as Node)
  }
  const pod = (nodeName: string, status = 'True', podIP = '10.42.0.2'): Pod =>
    ({ metadata: {}, spec: { nodeName }, status: { podIP, conditions: [{ type: 'Ready', status }] } }) as unknown as Pod
  const endpoint = (nodeName: string, ready: boolean, kind = 'Pod'): object => ({ nodeName, conditions: { ready }, targetRef: { kind } })
  const slice = (...endpoints: readonly object[]): EndpointSlice => ({ endpoints }) as unknown as EndpointSlice
  const cases: readonly {
    readonly title: string
    readonly spec?: object
    readonly pods: readonly Pod[]
    readonly slices?: readonly EndpointSlice[]
    readonly rootless?: boolean
    readonly want: readonly string[]
  }[] = [
    { title: 'are none without pods', pods: [], want: [] },
    { title: 'are sorted', pods: [pod('a'), pod('b')], want: ['192.0.2.1', '192.0.2.2'] },
    { title: 'are of nodes with ready pods', pods: [pod('a'), pod('b', 'False')], want: ['192.0.2.2'] },
    { title: 'need a pod address and a known node', pods: [pod('a', 'True', ''), pod('gone')], want: [] },
    { title: 'are the external ones alone when there is one', pods: [pod('a'), pod('c')], want: ['198.51.100.3'] },
    {
      title: "follow the Service's families",
      spec: { ipFamilies: ['IPv6', 'IPv4'] },
      pods: [pod('a'), pod('b')],
      want: ['2001:db8::1', '2001:db8::2', '192.0.2.1', '192.0.2.2'],
    },
    {
      title: 'with the Local policy are of nodes with ready endpoints',
      spec: { externalTrafficPolicy: 'Local' },
      pods: [pod('a'), pod('b'), pod('c')],
      slices: [slice(endpoint('a', false), endpoint('c', true, 'Node')), slice(endpoint('b', true))],
      want: ['192.0.2.1'],
    },
    { title: 'are the loopback without root', pods: [pod('a')], rootless: true, want: ['127.0.0.1'] },
    { title: 'are none without root and pods', pods: [], rootless: true, want: [] },
  ]
  for (const { title, spec, pods, slices = [], rootless = false, want } of cases) {
    it(title, () => {
      const ingress = planIngress({ service: service(spec), pods, slices, nodeOf, settings: { ...settings, isRootless: rootless } })
      assert.deepEqual(
        ingress,
        want.map((ip) => ({ ip, ipMode: 'VIP' })),
      )
    })
  }
})

describe('tolerations annotation', () => {
  const cases: readonly (readonly [value: unknown, problem: string])[] = [
    [{}, 'must be a list of tolerations'],
    [['x'], '[0]: must be a toleration'],
    [[{ key: 1 }], '[0]: key must be a string'],
    [[{ key: 'a' }, { key: 'a', operator: 'In' }], '[1]: operator must be Exists or Equal'],
    [[{ key: 'a', effect: 'Never' }], '[0]: effect must be NoSchedule, PreferNoSchedule or NoExecute'],
    [[{ effect: 'NoSchedule' }], '[0]: operator must be Exists when key is empty'],
    [[{ key: 'a', operator: 'Exists', value: 'b' }], '[0]: value must be empty when operator is Exists'],
    [[{ key: 'a', tolerationSeconds: 'b' }], '[0]: tolerationSeconds must be an integer'],
  ]
  for (const [value, problem] of cases) {
    it(`${JSON.stringify(value)}: ${problem}`, () => {
      assert.throws(() => readTolerations(value), new Error(problem))
    })
  }

  it('is taken as it is', () => {
    const list = [{ operator: 'Exists' }, { key: 'a', value: 'b', effect: 'NoExecute', tolerationSeconds: 5 }]
    assert.deepEqual(readTolerations(list), list)
  })
})
