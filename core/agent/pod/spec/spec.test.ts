import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { configMaps } from '../../../api/kinds.ts'
import type { Container, Pod, Service } from '../../../api/types/core-v1.ts'
import type { KubeObject } from '../../../meta/object.ts'
import type { ResourceType } from '../../../meta/resource-type.ts'
import { chooseHostDns, parseResolvConf, podDns } from './dns.ts'
import { containerEnvironment, type EnvironmentSource } from './environment.ts'
import { expand } from './expand.ts'
import { podHostname, podHostsFile } from './hostname.ts'
import { containerResources, oomScoreAdj } from './resources.ts'
import { containerSecurity } from './security.ts'
import { serviceVariables } from './service-env.ts'
import { forbiddenSysctl } from './sysctls.ts'

type Spec = Partial<Pod['spec']>
const container = (extra: Partial<Container> = {}): Container => ({ name: 'c', image: 'i', resources: {}, ...extra })
const pod = (spec: Spec = {}, name = 'p'): Pod =>
  ({ metadata: { name, namespace: 'ns', uid: 'u' }, spec: { containers: [container()], ...spec }, status: {} }) as unknown as Pod

describe('expand', () => {
  const values: Readonly<Record<string, string>> = { A: '1', B: '$(A)' }
  for (const [text, want] of [
    ['$(A)', '1'],
    ['$(B)', '$(A)'],
    ['$$(A)', '$(A)'],
    ['$(X)', '$(X)'],
    ['$A ${A} $', '$A ${A} $'],
    ['a$(A)b$(A)', 'a1b1'],
    ['$$$(A)', '$1'],
    ['$(A', '$(A'],
  ] as const)
    it(`turns ${text} into ${want}`, () => {
      assert.equal(
        expand(text, (name) => values[name]),
        want,
      )
    })
})

describe('podDns', () => {
  const host = { servers: ['192.0.2.1'], searches: ['corp.test'], options: ['timeout:2'] }
  const settings = { clusterDns: '10.43.0.10', clusterDomain: 'cluster.local', host }
  const own = ['ns.svc.cluster.local', 'svc.cluster.local', 'cluster.local', 'corp.test']
  const cases: readonly [string, Spec, object][] = [
    ['ClusterFirst', {}, { servers: ['10.43.0.10'], searches: own, options: ['ndots:5'] }],
    ['Default', { dnsPolicy: 'Default' }, host],
    ['ClusterFirst on the host network', { hostNetwork: true }, host],
    [
      'ClusterFirstWithHostNet',
      { hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' },
      { servers: ['10.43.0.10'], searches: own, options: ['ndots:5'] },
    ],
    [
      'None',
      { dnsPolicy: 'None', dnsConfig: { nameservers: ['1.1.1.1'], searches: ['a.'] } },
      { servers: ['1.1.1.1'], searches: ['a'], options: [] },
    ],
    [
      'own options winning',
      { dnsPolicy: 'Default', dnsConfig: { options: [{ name: 'timeout', value: '9' }, { name: 'rotate' }] } },
      { ...host, options: ['timeout:9', 'rotate'] },
    ],
  ]
  for (const [title, spec, want] of cases)
    it(`follows ${title}`, () => {
      assert.deepEqual(podDns(pod(spec), settings).config, want)
    })
  it('says what it leaves out', () => {
    const { config, warnings } = podDns(
      pod({ dnsPolicy: 'None', dnsConfig: { nameservers: ['1.1.1.1', '2.2.2.2', '3.3.3.3', '4.4.4.4'] } }),
      settings,
    )
    assert.equal(config.servers.length, 3)
    assert.match(warnings[0] ?? '', /applied nameserver line is: 1\.1\.1\.1 2\.2\.2\.2 3\.3\.3\.3$/)
  })
  it('never hands loopback servers to pods', () => {
    assert.deepEqual(chooseHostDns(['nameserver 127.0.0.53', 'nameserver 127.0.0.1\nnameserver 192.0.2.9']).servers, ['192.0.2.9'])
    assert.deepEqual(chooseHostDns([]).servers, ['8.8.8.8'])
    assert.deepEqual(parseResolvConf('# x\nsearch a. b\nsearch c\noptions ndots:1 rotate\n').searches, ['c'])
  })
})

describe('podHostname', () => {
  it('uses the name, cut to a label', () => {
    assert.equal(podHostname(pod({}, `${'a'.repeat(62)}-bcd`), 'x').hostname, 'a'.repeat(62))
  })
  it('joins host name and subdomain when asked', () => {
    const spec = { hostname: 'h', subdomain: 's', setHostnameAsFQDN: true }
    assert.equal(podHostname(pod(spec), 'cluster.local').hostname, 'h.s.ns.svc.cluster.local')
    assert.match(
      podHostsFile(pod(spec), ['10.0.0.1'], podHostname(pod(spec), 'cluster.local')),
      /^10\.0\.0\.1\th\.s\.ns\.svc\.cluster\.local\th$/m,
    )
    assert.throws(() => podHostname(pod({ ...spec, hostname: 'h'.repeat(60) }), 'cluster.local'), /too long/)
  })
})

describe('containerEnvironment', () => {
  const source = (objects: Readonly<Record<string, object>>): EnvironmentSource => ({
    read: <T extends KubeObject>(type: ResourceType<T>, _namespace: string, name: string) =>
      Promise.resolve(objects[`${type.resource}/${name}`] as T | undefined),
    serviceVariables: [
      ['SVC_HOST', '1.2.3.4'],
      ['OWN', 'no'],
    ],
    node: { nodeName: 'n', hostIps: ['192.0.2.1'], allocatable: {} },
  })
  const environment = (extra: Partial<Container>, objects = {}): Promise<ReadonlyMap<string, string>> =>
    containerEnvironment(pod(), container(extra), source(objects))

  it('lets later values win and services lose', async () => {
    const env = await environment(
      {
        envFrom: [{ configMapRef: { name: 'm' } }, { prefix: 'P_', configMapRef: { name: 'm' } }],
        env: [
          { name: 'OWN', value: 'yes' },
          { name: 'a', value: '$(b)$(SVC_HOST)' },
        ],
      },
      { [`${configMaps.resource}/m`]: { data: { a: '1', b: '2' } } },
    )
    assert.deepEqual(Object.fromEntries(env), { a: '21.2.3.4', b: '2', P_a: '1', P_b: '2', OWN: 'yes', SVC_HOST: '1.2.3.4' })
  })
  it('leaves out what is optional and absent', async () => {
    const env = await environment({ env: [{ name: 'X', valueFrom: { secretKeyRef: { name: 's', key: 'k', optional: true } } }] })
    assert.equal(env.has('X'), false)
  })
  const failures: readonly [string, Partial<Container>, RegExp][] = [
    ['an absent map', { envFrom: [{ configMapRef: { name: 'm' } }] }, /^configmap "m" not found$/],
    ['an absent secret', { env: [{ name: 'X', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } }] }, /^secret "s" not found$/],
    [
      'an absent key',
      { env: [{ name: 'X', valueFrom: { configMapKeyRef: { name: 'e', key: 'k' } } }] },
      /^couldn't find key k in ConfigMap ns\/e$/,
    ],
    [
      'an unknown field',
      { env: [{ name: 'X', valueFrom: { fieldRef: { fieldPath: 'spec.none' } } }] },
      /^unsupported fieldPath: spec\.none$/,
    ],
  ]
  for (const [title, extra, message] of failures)
    it(`tells of ${title}`, async () => {
      await assert.rejects(environment(extra, { 'configmaps/e': { data: {} } }), { name: 'ConfigError', message })
    })
})

describe('serviceVariables', () => {
  const service = (name: string, namespace: string, clusterIP = '10.43.0.7'): Service =>
    ({
      metadata: { name, namespace },
      spec: {
        clusterIP,
        ports: [
          { name: 'web', port: 80, protocol: 'TCP' },
          { port: 53, protocol: 'UDP' },
        ],
      },
    }) as unknown as Service
  const all = [
    service('kubernetes', 'default', '10.43.0.1'),
    service('my-app', 'ns'),
    service('headless', 'ns', 'None'),
    service('other', 'elsewhere'),
  ]

  it('tells of the namespace and the API server', () => {
    const env = Object.fromEntries(serviceVariables(all, 'ns', true))
    assert.equal(env.MY_APP_SERVICE_HOST, '10.43.0.7')
    assert.equal(env.MY_APP_SERVICE_PORT_WEB, '80')
    assert.equal(env.MY_APP_PORT, 'tcp://10.43.0.7:80')
    assert.equal(env.MY_APP_PORT_53_UDP_PROTO, 'udp')
    assert.equal(env.KUBERNETES_SERVICE_HOST, '10.43.0.1')
    assert.equal(
      Object.keys(env).some((name) => /HEADLESS|OTHER/.test(name)),
      false,
    )
  })
  it('keeps only the API server without links', () => {
    assert.deepEqual(new Set(serviceVariables(all, 'ns', false).map(([name]) => name.split('_')[0])), new Set(['KUBERNETES']))
  })
})

describe('containerSecurity', () => {
  const image = { uid: 0, username: '' }
  const security = (
    extra: Partial<Container>,
    spec: Spec = {},
    from: { readonly uid?: number; readonly username: string } = image,
  ): ReturnType<typeof containerSecurity> =>
    containerSecurity({ pod: pod(spec), container: container(extra), image: from, seccompRoot: '/s' })

  it('prefers the container over the pod, and the pod over the image', () => {
    const shared = { securityContext: { runAsUser: 1, fsGroup: 9, supplementalGroups: [8] } }
    assert.equal(security({ securityContext: { runAsUser: 2 } }, shared).runAsUser?.value, 2)
    assert.equal(security({}, shared).runAsUser?.value, 1)
    assert.equal(security({}, {}, { uid: 7, username: '' }).runAsUser?.value, 7)
    assert.equal(security({}, {}, { username: 'www' }).runAsUsername, 'www')
    assert.deepEqual(security({}, shared).supplementalGroups, [8, 9])
  })
  it('hides /proc from all but the privileged', () => {
    assert.ok(security({}).maskedPaths.includes('/proc/kcore'))
    assert.deepEqual(security({ securityContext: { privileged: true } }).maskedPaths, [])
    assert.deepEqual(security({ securityContext: { procMount: 'Unmasked' } }).readonlyPaths, [])
  })
  it('resolves seccomp profiles', () => {
    assert.deepEqual(security({}).seccomp, { profileType: 'Unconfined' })
    assert.deepEqual(security({}, { securityContext: { seccompProfile: { type: 'RuntimeDefault' } } }).seccomp, {
      profileType: 'RuntimeDefault',
    })
    assert.deepEqual(security({ securityContext: { seccompProfile: { type: 'Localhost', localhostProfile: 'p.json' } } }).seccomp, {
      profileType: 'Localhost',
      localhostRef: '/s/p.json',
    })
  })
  it('joins the processes of a target', () => {
    const join = (spec: Spec): object =>
      containerSecurity({ pod: pod(spec), container: container(), image, seccompRoot: '', targetId: 't' }).namespaceOptions
    assert.deepEqual(join({}), { network: 'POD', ipc: 'POD', pid: 'TARGET', targetId: 't' })
    assert.deepEqual(join({ shareProcessNamespace: true }), { network: 'POD', ipc: 'POD', pid: 'POD' })
    assert.deepEqual(join({ hostPID: true, hostNetwork: true, hostIPC: true }), { network: 'NODE', ipc: 'NODE', pid: 'NODE' })
  })
  for (const [title, extra, from, message] of [
    ['root in the image', {}, image, /image will run as root/],
    ['root asked for', { runAsUser: 0 }, image, /runAsUser breaks non-root policy/],
    ['a name in the image', {}, { username: 'www' }, /non-numeric user \(www\)/],
  ] as const)
    it(`refuses ${title} when root is forbidden`, () => {
      assert.throws(() => security({ securityContext: { runAsNonRoot: true, ...extra } }, {}, from), { name: 'ConfigError', message })
    })
})

describe('containerResources', () => {
  const facts = { memoryCapacityBytes: 1000 << 20, enforcesCpuQuota: true, cgroupVersion: 2 } as const
  it('takes the limit for a missing request', () => {
    const limited = container({ resources: { limits: { cpu: '500m', memory: '100Mi' } } })
    const resources = containerResources(pod({ containers: [limited] }), limited, facts)
    assert.deepEqual(resources, {
      cpuShares: 512,
      cpuQuota: 50_000,
      cpuPeriod: 100_000,
      memoryLimitInBytes: 100 << 20,
      oomScoreAdj: -997,
      unified: { 'memory.oom.group': '1' },
    })
  })
  for (const [title, request, priority, want] of [
    ['a best-effort pod', undefined, 0, 1000],
    ['a tenth of the memory', '100Mi', 0, 900],
    ['nearly nothing', '1', 0, 999],
    ['more than there is', '2000Mi', 0, 3],
    ['a critical pod', undefined, 2_000_001_000, -997],
  ] as const)
    it(`ranks ${title} as ${want}`, () => {
      const asking = container({ resources: request === undefined ? {} : { requests: { memory: request } } })
      assert.equal(oomScoreAdj(pod({ containers: [asking], priority }), asking, facts.memoryCapacityBytes), want)
    })
})

describe('forbiddenSysctl', () => {
  const asking = (name: string): Pod => pod({ securityContext: { sysctls: [{ name, value: '1' }] } })
  it('allows the safe set and what the node allows', () => {
    assert.equal(forbiddenSysctl(asking('net.ipv4.ip_forward'), []), undefined)
    assert.equal(forbiddenSysctl(asking('net/ipv4/ip_forward'), []), undefined)
    assert.equal(forbiddenSysctl(asking('kernel.msgmax'), ['kernel.msg*']), undefined)
    assert.equal(forbiddenSysctl(asking('kernel.msgmax'), ['kernel.sem']), 'forbidden sysctl: "kernel.msgmax" not allowlisted')
  })
})
