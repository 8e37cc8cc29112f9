import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  clusterRoles,
  configMaps,
  persistentVolumeClaims,
  pods,
  resourceQuotas,
  secrets,
  serviceAccounts,
  services,
} from '../../core/api/kinds.ts'
import type { Container, ResourceQuota } from '../../core/api/types/core-v1.ts'
import type { PolicyRule } from '../../core/api/types/rbac-v1.ts'
import type { Draft } from '../../core/meta/object.ts'
import { pod } from '../../tests/helpers/builders.ts'
import { type Bench, controllerBench } from '../../tests/helpers/controller-bench.ts'
import { FakeDiscovery } from '../../tests/helpers/fake-discovery.ts'
import { clusterRoleAggregation } from './cluster-role-aggregation.ts'
import { resourceQuotaController } from './resource-quota/resource-quota.ts'
import { serviceAccountTokenController } from './service-account-token.ts'
import { tokenCleaner } from './token-cleaner.ts'

describe('usage of quotas', () => {
  const start = async (bench: Bench, spec: Draft<ResourceQuota['spec']>): Promise<void> => {
    const { cluster, clock } = bench
    const { informers } = cluster
    cluster.seed(resourceQuotas, { metadata: { namespace: 'default', name: 'q' }, spec, status: {} })
    await bench.run(
      resourceQuotaController({
        client: cluster,
        informers,
        discovery: new FakeDiscovery(configMaps, pods, services),
        quotas: informers.informer(resourceQuotas),
        pods: informers.informer(pods),
        services: informers.informer(services),
        claims: informers.informer(persistentVolumeClaims),
        clock,
      }),
    )
  }
  const used = (bench: Bench): unknown => bench.cluster.all(resourceQuotas)[0]?.status.used
  const container = (cpu: string, memory: string, more: Draft<Container> = {}): Draft<Container> => ({
    name: 'c',
    resources: { requests: { cpu, memory }, limits: { memory } },
    ...more,
  })

  it('sums requests and limits of pods, counts services, claims and any named kind', async () => {
    await using bench = controllerBench()
    const hard = {
      pods: '10',
      'requests.cpu': '4',
      cpu: '4',
      memory: '1Gi',
      'limits.memory': '2Gi',
      'services.nodeports': '2',
      'requests.storage': '10Gi',
      configmaps: '5',
      'count/pods': '9',
    }
    const init = [container('500m', '64Mi'), container('100m', '16Mi', { restartPolicy: 'Always' })]
    bench.cluster.seed(
      pods,
      pod('a', { spec: { containers: [container('100m', '128Mi'), container('50m', '128Mi')], initContainers: init } }),
    )
    bench.cluster.seed(pods, pod('over', { spec: { containers: [container('1', '1Gi')] }, status: { phase: 'Succeeded' } }))
    bench.cluster.seed(services, {
      metadata: { namespace: 'default', name: 's' },
      spec: { type: 'NodePort', ports: [{ port: 1 }, { port: 2 }] },
    })
    bench.cluster.seed(persistentVolumeClaims, {
      metadata: { namespace: 'default', name: 'c' },
      spec: { resources: { requests: { storage: '3Gi' } } },
    })
    bench.cluster.seed(configMaps, { metadata: { namespace: 'default', name: 'm' } })
    await start(bench, { hard })
    assert.deepEqual(used(bench), {
      pods: '1',
      'requests.cpu': '500m',
      cpu: '500m',
      memory: '272Mi',
      'limits.memory': '272Mi',
      'services.nodeports': '2',
      'requests.storage': '3Gi',
      configmaps: '1',
      'count/pods': '2',
    })
    bench.cluster.remove(configMaps, { namespace: 'default', name: 'm' })
    bench.cluster.remove(pods, { namespace: 'default', name: 'a' })
    await bench.settle()
    assert.deepEqual([(used(bench) as Record<string, string>)['configmaps'], (used(bench) as Record<string, string>)['memory']], ['0', '0'])
  })

  it('looks only at pods in its scopes', async () => {
    await using bench = controllerBench()
    bench.cluster.seed(pods, pod('effortless', { spec: { containers: [{ name: 'c', resources: {} }] } }))
    bench.cluster.seed(pods, pod('asking', { spec: { containers: [container('1', '1Mi')] } }))
    await start(bench, { hard: { pods: '5' }, scopes: ['BestEffort'] })
    assert.deepEqual(used(bench), { pods: '1' })
  })
})

describe('tokens in Secrets', () => {
  const start = async (bench: Bench): Promise<void> => {
    const { cluster } = bench
    const { informers } = cluster
    await bench.run(
      serviceAccountTokenController({
        client: cluster,
        secrets: informers.informer(secrets),
        serviceAccounts: informers.informer(serviceAccounts),
        rootCa: 'PEM',
      }),
    )
  }
  const secret = (uid?: string) => ({
    metadata: {
      namespace: 'default',
      name: 't',
      annotations: { 'kubernetes.io/service-account.name': 'bot', ...(uid !== undefined && { 'kubernetes.io/service-account.uid': uid }) },
    },
    type: 'kubernetes.io/service-account-token' as const,
  })

  it('are asked for, stored with the authority and the namespace, and deleted with their account', async () => {
    await using bench = controllerBench()
    const account = bench.cluster.seed(serviceAccounts, { metadata: { namespace: 'default', name: 'bot' } })
    bench.cluster.seed(secrets, secret())
    await start(bench)
    const [filled] = bench.cluster.all(secrets)
    const data = Object.fromEntries(
      Object.entries(filled?.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]),
    )
    assert.deepEqual(data, { 'ca.crt': 'PEM', namespace: 'default', token: 'fake-token' })
    assert.equal(filled?.metadata.annotations?.['kubernetes.io/service-account.uid'], account.metadata.uid)
    bench.cluster.remove(serviceAccounts, { namespace: 'default', name: 'bot' })
    await bench.settle()
    assert.deepEqual(bench.cluster.all(secrets), [])
  })

  it('of an account that was made anew are deleted', async () => {
    await using bench = controllerBench()
    bench.cluster.seed(serviceAccounts, { metadata: { namespace: 'default', name: 'bot' } })
    bench.cluster.seed(secrets, secret('uid-of-another'))
    await start(bench)
    assert.deepEqual(bench.cluster.all(secrets), [])
  })
})

describe('aggregated cluster roles', () => {
  it('hold the rules of all roles their selectors match, each once', async () => {
    await using bench = controllerBench()
    const { cluster } = bench
    const rule = (resource: string): PolicyRule => ({ apiGroups: [''], resources: [resource], verbs: ['get'] })
    const labels = { aggregate: 'yes' }
    cluster.seed(clusterRoles, {
      metadata: { name: 'all' },
      aggregationRule: { clusterRoleSelectors: [{ matchLabels: labels }] },
      rules: [],
    })
    cluster.seed(clusterRoles, { metadata: { name: 'b', labels }, rules: [rule('pods'), rule('secrets')] })
    cluster.seed(clusterRoles, { metadata: { name: 'a', labels }, rules: [rule('pods')] })
    cluster.seed(clusterRoles, { metadata: { name: 'c' }, rules: [rule('nodes')] })
    await bench.run(clusterRoleAggregation({ client: cluster, clusterRoles: cluster.informers.informer(clusterRoles) }))
    const resources = (): unknown =>
      cluster
        .all(clusterRoles)
        .find(({ metadata }) => metadata.name === 'all')
        ?.rules.map((each) => each.resources?.[0])
    assert.deepEqual(resources(), ['pods', 'secrets'])
    cluster.change(clusterRoles, { name: 'c' }, (role) => ({ ...role, metadata: { ...role.metadata, labels } }))
    await bench.settle()
    assert.deepEqual(resources(), ['pods', 'secrets', 'nodes'])
  })
})

describe('bootstrap tokens', () => {
  it('are deleted when they expire', async () => {
    await using bench = controllerBench()
    const { cluster, clock } = bench
    const token = (name: string, expiration?: string): void => {
      const data = expiration === undefined ? {} : { expiration: Buffer.from(expiration).toString('base64') }
      cluster.seed(secrets, { metadata: { namespace: 'kube-system', name }, data })
    }
    token('soon', '2026-01-01T00:10:00Z')
    token('garbled', 'tomorrow')
    token('lasting')
    await bench.run(tokenCleaner({ client: cluster, secrets: cluster.informers.informer(secrets), clock }))
    const left = (): string[] => cluster.all(secrets).map(({ metadata }) => metadata.name)
    assert.deepEqual(left(), ['soon', 'lasting'])
    await clock.advance(601_000)
    await bench.settle()
    assert.deepEqual(left(), ['lasting'])
  })
})
