import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Write, writeOf } from '../../../../tests/helpers/admission.ts'
import { FakeClock } from '../../../../tests/helpers/fake-clock.ts'
import { FakeReader } from '../../../../tests/helpers/object-reader.ts'
import { silentLogger } from '../../../observability/log.ts'
import type { AdmissionPlugin } from '../admission.ts'
import { readAdmissionConfiguration } from '../configuration.ts'
import { type AdmissionOptions, admissionPlugins } from '../index.ts'
import { podSecurity } from '../pod-security/pod-security.ts'
import { NAMESPACES } from '../target.ts'
import { alwaysPullImages } from './always-pull-images.ts'
import { denyServiceExternalIPs } from './deny-service-external-ips.ts'
import { eventRateLimit } from './event-rate-limit.ts'
import { extendedResourceToleration } from './extended-resource-toleration.ts'
import { limitPodHardAntiAffinityTopology } from './hard-anti-affinity.ts'
import { podNodeSelector } from './pod-node-selector.ts'

function run(plugin: AdmissionPlugin, write: Write): Record<string, unknown> {
  const attributes = writeOf(write)
  if (plugin.handles(attributes)) {
    void plugin.admit?.(attributes)
    void plugin.validate?.(attributes)
  }
  return (attributes.object as unknown as { spec: Record<string, unknown> }).spec
}
const pod = (spec: object = {}): object => ({
  metadata: { name: 'web', namespace: 'default' },
  spec: { containers: [{ name: 'a', image: 'x', resources: {} }], ...spec },
})

describe('plugins that are off by default', () => {
  it('AlwaysPullImages pulls on create, and on update only new images', () => {
    assert.equal((run(alwaysPullImages, { object: pod() })['containers'] as { imagePullPolicy: string }[])[0]?.imagePullPolicy, 'Always')
    const spec = run(alwaysPullImages, { object: pod(), oldObject: pod() })
    assert.equal((spec['containers'] as { imagePullPolicy?: string }[])[0]?.imagePullPolicy, undefined)
  })

  it('DenyServiceExternalIPs refuses new addresses only', () => {
    const service = (...externalIPs: string[]): object => ({ metadata: { name: 's', namespace: 'default' }, spec: { externalIPs } })
    run(denyServiceExternalIPs, { resource: 'services', object: service('1.1.1.1'), oldObject: service('1.1.1.1', '2.2.2.2') })
    assert.throws(
      () => run(denyServiceExternalIPs, { resource: 'services', object: service('1.1.1.1') }),
      /Use of external IPs is denied by admission control/,
    )
  })

  it('EventRateLimit lets a burst through and then a rate', async () => {
    const clock = new FakeClock()
    const plugin = eventRateLimit({ clock, limits: [{ type: 'Namespace', qps: 2, burst: 3 }] })
    const event = (namespace = 'default'): unknown =>
      run(plugin, { resource: 'events', namespace, object: { metadata: { name: 'e', namespace }, spec: {} } })
    for (let count = 0; count < 3; count += 1) event()
    assert.throws(() => event(), { code: 429, message: 'limit reached on type Namespace for key default' })
    event('other')
    await clock.advance(500)
    event()
    assert.throws(() => event(), { code: 429 })
  })

  it('ExtendedResourceToleration tolerates nodes of the devices asked for', () => {
    const containers = [{ name: 'a', resources: { requests: { cpu: '1', 'nvidia.com/gpu': '1' } } }]
    assert.deepEqual(run(extendedResourceToleration, { object: pod({ containers }) })['tolerations'], [
      { key: 'nvidia.com/gpu', operator: 'Exists' },
    ])
  })

  it('LimitPodHardAntiAffinityTopology allows host names only', () => {
    const affinity = (topologyKey: string): object => ({
      affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey }] } },
    })
    run(limitPodHardAntiAffinityTopology, { object: pod(affinity('kubernetes.io/hostname')) })
    assert.throws(
      () => run(limitPodHardAntiAffinityTopology, { object: pod(affinity('zone')) }),
      /has TopologyKey zone but only key kubernetes.io\/hostname is allowed/,
    )
  })

  it('PodNodeSelector keeps pods on the nodes of their namespace', () => {
    const reader = new FakeReader()
    reader.put(NAMESPACES, {
      metadata: { name: 'default', annotations: { 'scheduler.alpha.kubernetes.io/node-selector': 'a=b, c=d' } },
    } as never)
    const plugin = podNodeSelector({ reader })
    assert.deepEqual(run(plugin, { object: pod({ nodeSelector: { a: 'b', x: 'y' } }) })['nodeSelector'], { a: 'b', c: 'd', x: 'y' })
    assert.throws(() => run(plugin, { object: pod({ nodeSelector: { a: 'z' } }) }), /conflicts with its namespace node label selector/)
  })
})

describe('the list of plugins', () => {
  const reader = new FakeReader()
  const deps = {
    reader,
    authorizer: { authorize: () => ({ allowed: true, reason: '' }) },
    rules: { rulesFor: () => ({ rules: [], incomplete: false, problems: [] }), rulesOfRole: () => [] },
    clock: new FakeClock(),
    random: Math.random,
    log: silentLogger,
    webhooks: { call: async () => Promise.resolve(undefined), [Symbol.asyncDispose]: async () => Promise.resolve() },
    resources: () => [],
  }
  const names = (options?: AdmissionOptions): readonly string[] => admissionPlugins(deps, options).map(({ name }) => name)

  it("is Kubernetes' own, quotas last", () => {
    assert.deepEqual(names(), [
      'NamespaceLifecycle',
      'LimitRanger',
      'ServiceAccount',
      'NodeRestriction',
      'TaintNodesByCondition',
      'PodSecurity',
      'Priority',
      'DefaultTolerationSeconds',
      'DefaultStorageClass',
      'StorageObjectInUseProtection',
      'PersistentVolumeClaimResize',
      'RuntimeClass',
      'CertificateApproval',
      'CertificateSigning',
      'ClusterTrustBundleAttest',
      'CertificateSubjectRestriction',
      'DefaultIngressClass',
      'PodTopologyLabels',
      'RBACEscalation',
      'MutatingAdmissionWebhook',
      'ValidatingAdmissionPolicy',
      'ValidatingAdmissionWebhook',
      'ResourceQuota',
    ])
  })

  it('follows flags, and does not let rights be escalated', () => {
    const chosen = names({ enable: ['AlwaysPullImages', 'NodeRestriction'], disable: ['PodSecurity'] })
    assert.equal(chosen.includes('AlwaysPullImages'), true)
    assert.equal(chosen.includes('PodSecurity'), false)
    assert.equal(chosen.includes('RBACEscalation'), true)
    assert.throws(() => names({ disable: ['RBACEscalation'] }), /unknown admission plugins: RBACEscalation/)
    assert.throws(
      () => names({ enable: ['PodSecurityPolicy'] }),
      /^Error: unknown admission plugins: PodSecurityPolicy; known are AlwaysPullImages, /,
    )
  })
})

describe('an admission configuration file', () => {
  const document = {
    apiVersion: 'apiserver.config.k8s.io/v1',
    kind: 'AdmissionConfiguration',
    plugins: [
      {
        name: 'PodSecurity',
        configuration: {
          defaults: { enforce: 'restricted', 'enforce-version': 'v1.30' },
          exemptions: { namespaces: ['kube-system'], usernames: ['boss'] },
        },
      },
      { name: 'EventRateLimit', path: 'limits.yaml' },
    ],
  }
  const read = (): ReturnType<typeof readAdmissionConfiguration> =>
    readAdmissionConfiguration(document, (path) =>
      path === 'limits.yaml' ? { limits: [{ type: 'Server', qps: 5, burst: 10 }] } : undefined,
    )

  it('sets defaults and exemptions of PodSecurity, and event limits', () => {
    const { podSecurity: configuration, eventLimits } = read()
    assert.deepEqual(eventLimits, [{ type: 'Server', qps: 5, burst: 10 }])
    const reader = new FakeReader()
    reader.put(NAMESPACES, { metadata: { name: 'default' } })
    const plugin = podSecurity({ reader, configuration })
    assert.throws(() => run(plugin, { object: pod() }), /violates PodSecurity "restricted:v1.30"/)
    run(plugin, { object: pod(), namespace: 'kube-system' })
    run(plugin, { object: pod(), user: { name: 'boss', groups: [] } })
    reader.put(NAMESPACES, { metadata: { name: 'default', labels: { 'pod-security.kubernetes.io/enforce': 'privileged' } } } as never)
    run(plugin, { object: pod() })
  })

  it('is refused when it would not hold', () => {
    const attempt = (plugin: object, kind = 'AdmissionConfiguration'): void => {
      readAdmissionConfiguration({ kind, plugins: [plugin] }, () => undefined)
    }
    assert.throws(() => {
      attempt({}, 'X')
    }, /want kind AdmissionConfiguration/)
    assert.throws(() => {
      attempt({ name: 'ImagePolicyWebhook' })
    }, /takes no configuration here/)
    assert.throws(() => {
      attempt({ name: 'PodSecurity', configuration: { defaults: { enforce: 'x' } } })
    }, /PodSecurity: defaults.enforce: Invalid value: "x"/)
  })
})
