import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { type Write, writeOf } from '../../../../tests/helpers/admission.ts'
import { FakeClock } from '../../../../tests/helpers/fake-clock.ts'
import { FakeReader } from '../../../../tests/helpers/object-reader.ts'
import type { AdmissionPlugin } from '../admission.ts'
import { RESOURCE_QUOTAS } from '../target.ts'
import { resourceQuota } from './resource-quota.ts'

const core = (resource: string): { group: string; resource: string } => ({ group: '', resource })
const pod = (name: string, requests: object = {}, more: object = {}): object => ({
  metadata: { name, namespace: 'default' },
  spec: { containers: [{ name: 'a', resources: { requests } }], ...more },
  status: { phase: 'Pending' },
})

describe('ResourceQuota', () => {
  let reader = new FakeReader()
  let clock = new FakeClock()
  let plugin: AdmissionPlugin = resourceQuota({ reader, clock })
  beforeEach(() => {
    reader = new FakeReader()
    clock = new FakeClock()
    plugin = resourceQuota({ reader, clock })
  })
  const quota = (hard: object, more: object = {}, name = 'q'): unknown =>
    reader.put(RESOURCE_QUOTAS, { metadata: { name, namespace: 'default' }, spec: { hard, ...more }, status: {} } as never)
  const admit = (write: Write): void => {
    const attributes = writeOf(write)
    if (plugin.handles(attributes)) void plugin.validate?.(attributes)
  }
  const create = (name: string, requests: object = {}, more: object = {}): void => {
    admit({ object: pod(name, requests, more) })
    reader.put(core('pods'), pod(name, requests, more) as never)
  }

  it('counts what exists and refuses what is too much', () => {
    quota({ pods: '2', 'requests.cpu': '1' })
    create('a', { cpu: '600m' })
    assert.throws(
      () => {
        create('b', { cpu: '500m' })
      },
      {
        code: 403,
        message: 'pods "b" is forbidden: exceeded quota: q, requested: requests.cpu=500m, used: requests.cpu=600m, limited: requests.cpu=1',
      },
    )
    create('b', { cpu: '400m' })
    assert.throws(() => {
      create('c', { cpu: '1m' })
    }, /exceeded quota: q, requested: pods=1,requests.cpu=1m, used: pods=2,requests.cpu=1, limited: pods=2,requests.cpu=1/)
    reader.remove(core('pods'), { namespace: 'default', name: 'a' })
    create('c', { cpu: '600m' })
  })

  it('counts writes on their way, until they show, fail or are long gone', async () => {
    quota({ pods: '1' })
    let settle: (committed: boolean) => void = () => undefined
    const write: Write = {
      object: pod('a'),
      onSettled: (listener) => {
        settle = listener
      },
    }
    admit(write)
    assert.throws(() => {
      admit({ object: pod('b') })
    }, /used: pods=1/)
    settle(false)
    admit({ object: pod('b') })
    assert.throws(() => {
      admit({ object: pod('c') })
    }, /used: pods=1/)
    await clock.advance(5_001)
    admit({ object: pod('c') })
    reader.put(core('pods'), pod('c') as never)
    reader.remove(core('pods'), { namespace: 'default', name: 'c' })
    await clock.advance(5_001)
    admit({ object: pod('d'), dryRun: true })
    admit({ object: pod('d') })
  })

  it('lets go of pods that are over', () => {
    quota({ pods: '1', 'count/pods': '2' })
    create('a')
    reader.put(core('pods'), { ...pod('a'), status: { phase: 'Succeeded' } } as never)
    create('b')
    assert.throws(() => {
      create('c')
    }, /requested: count\/pods=1,pods=1/)
  })

  it('obliges containers to state what is limited', () => {
    quota({ 'requests.cpu': '1', 'limits.memory': '1Gi' })
    assert.throws(
      () => {
        create('a')
      },
      { message: 'pods "a" is forbidden: failed quota: q: must specify limits.memory for: a; requests.cpu for: a' },
    )
    create('b', {}, { containers: [{ name: 'a', resources: { requests: { cpu: '1' }, limits: { memory: '1Mi' } } }] })
  })

  it('charges overhead, init containers and extended resources', () => {
    quota({ cpu: '2', 'requests.nvidia.com/gpu': '1' })
    const initContainers = [{ name: 'i', resources: { requests: { cpu: '1500m' } } }]
    assert.throws(() => {
      create('a', { cpu: '1' }, { initContainers, overhead: { cpu: '600m' } })
    }, /requested: cpu=2100m/)
    create('a', { cpu: '1', 'nvidia.com/gpu': '1' }, { initContainers, overhead: { cpu: '500m' } })
    assert.throws(() => {
      create('b', { cpu: '0', 'nvidia.com/gpu': '1' })
    }, /requests.nvidia.com\/gpu=1/)
  })

  it('looks only at pods in its scopes', () => {
    quota({ pods: '0' }, { scopes: ['BestEffort'] })
    quota({ pods: '0' }, { scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator: 'In', values: ['high'] }] } }, 'p')
    create('a', { cpu: '1' })
    assert.throws(() => {
      create('b')
    }, /exceeded quota: q/)
    assert.throws(() => {
      create('c', { cpu: '1' }, { priorityClassName: 'high' })
    }, /exceeded quota: p/)
  })

  it('charges services and claims for what an update adds', () => {
    quota({ 'services.nodeports': '2', 'requests.storage': '3Gi', 'fast.storageclass.storage.k8s.io/requests.storage': '2Gi' })
    const service = (type: string, ports: number): object => ({
      metadata: { name: 's', namespace: 'default' },
      spec: { type, ports: Array(ports).fill({ port: 1 }) },
    })
    admit({ resource: 'services', object: service('NodePort', 2), oldObject: service('ClusterIP', 2) })
    assert.throws(() => {
      admit({ resource: 'services', object: service('LoadBalancer', 3) })
    }, /requested: services.nodeports=3/)
    const claim = (storage: string): object => ({
      metadata: { name: 'c', namespace: 'default' },
      spec: { storageClassName: 'fast', resources: { requests: { storage } } },
    })
    const type = core('persistentvolumeclaims')
    admit({ resource: 'persistentvolumeclaims', object: claim('1Gi') })
    reader.put(type, claim('1Gi') as never)
    assert.throws(() => {
      admit({ resource: 'persistentvolumeclaims', object: claim('4Gi'), oldObject: claim('1Gi') })
    }, /requested: fast.storageclass.storage.k8s.io\/requests.storage=3Gi,requests.storage=3Gi, used: fast.storageclass.storage.k8s.io\/requests.storage=1Gi,requests.storage=1Gi/)
    admit({ resource: 'persistentvolumeclaims', object: claim('1Gi'), oldObject: claim('2Gi') })
  })

  it('counts any kind by its name and group', () => {
    quota({ 'count/deployments.apps': '1', configmaps: '1' })
    const object = { metadata: { name: 'x', namespace: 'default' } }
    admit({ group: 'apps', resource: 'deployments', object })
    assert.throws(() => {
      admit({ group: 'apps', resource: 'deployments', object: { metadata: { name: 'y', namespace: 'default' } } })
    }, /requested: count\/deployments.apps=1, used: count\/deployments.apps=1/)
    admit({ resource: 'configmaps', object })
    admit({ resource: 'secrets', object })
  })
})
