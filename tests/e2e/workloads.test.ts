/** Disruption, order and preemption on a real cluster, where controllers, scheduler, node and API server have to agree. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { StatefulSet } from '../../core/api/types/apps-v1.ts'
import type { Job } from '../../core/api/types/batch-v1.ts'
import type { Node, PodList } from '../../core/api/types/core-v1.ts'
import { type Cluster, clusterMissing, startCluster, until } from '../helpers/cluster.ts'
import { createAll, podOf, podReady, podWhen, shell } from '../helpers/pods.ts'

const DEVICE = 'example.com/device'
const template = (app: string, container: object, spec: object = {}): object => ({
  metadata: { labels: { app } },
  spec: { terminationGracePeriodSeconds: 0, containers: [container], ...spec },
})
const workload = (kind: string, name: string, spec: object, container: object = shell('sleep 3600')): object => ({
  apiVersion: 'apps/v1',
  kind,
  metadata: { name },
  spec: { selector: { matchLabels: { app: name } }, template: template(name, container), ...spec },
})
const job = (name: string, script: string, spec: object): object => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name },
  spec: { template: template(name, shell(script), { restartPolicy: 'Never' }), ...spec },
})
const healthy = shell('touch /tmp/ok; sleep 3600', { readinessProbe: { exec: { command: ['test', '-f', '/tmp/ok'] }, periodSeconds: 1 } })
const priorityClass = (name: string, value: number): object => ({
  apiVersion: 'scheduling.k8s.io/v1',
  kind: 'PriorityClass',
  metadata: { name },
  value,
})
const devices = (count: number): { readonly resources: object } => ({
  resources: { requests: { [DEVICE]: String(count) }, limits: { [DEVICE]: String(count) } },
})
const tolerates = (tolerationSeconds?: number): object => ({
  key: 'example.com/out',
  operator: 'Exists',
  effect: 'NoExecute',
  tolerationSeconds,
})

describe('workloads', { skip: clusterMissing() ?? false }, () => {
  let cluster: Cluster
  let node = ''
  before(async () => {
    cluster = await startCluster({ flags: ['--disable=traefik,local-storage,metrics-server'] })
    node = (await cluster.kubectl('get nodes -o name')).trim().replace('node/', '')
    await createAll(cluster, [
      workload('StatefulSet', 'ordered', { replicas: 2, serviceName: 'ordered' }, healthy),
      job('disrupted', 'sleep 3600', {
        backoffLimit: 0,
        podFailurePolicy: { rules: [{ action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget' }] }] },
      }),
      job('indexed', 'test $JOB_COMPLETION_INDEX != 1', {
        completions: 3,
        parallelism: 3,
        completionMode: 'Indexed',
        backoffLimitPerIndex: 0,
      }),
      job('enough', 'test $JOB_COMPLETION_INDEX = 0 || sleep 3600', {
        completions: 2,
        parallelism: 2,
        completionMode: 'Indexed',
        successPolicy: { rules: [{ succeededCount: 1 }] },
      }),
      podOf('patient', [shell('sleep 3600')], { tolerations: [tolerates()] as never }),
      podOf('hurried', [shell('sleep 3600')], { tolerations: [tolerates(2)] as never }),
      priorityClass('low', 1),
      priorityClass('high', 1000),
      {
        apiVersion: 'storage.k8s.io/v1',
        kind: 'VolumeAttributesClass',
        metadata: { name: 'gold' },
        driverName: 'example.com',
        parameters: { class: 'fast' },
      },
    ])
  })
  after(async () => {
    await cluster[Symbol.asyncDispose]()
  })

  const read = async <T>(what: string): Promise<T> => JSON.parse(await cluster.kubectl(`get ${what} -o json`)) as T
  const podsOf = async (app: string) => (await read<PodList>(`pods -l app=${app}`)).items
  const finished = (name: string, type: string): Promise<Job> =>
    until(`${type} of ${name}`, async () => {
      const found = await read<Job>(`job ${name}`)
      assert.ok(
        found.status.conditions?.some((each) => each.type === type && each.status === 'True'),
        JSON.stringify(found.status),
      )
      return found
    })

  describe('pods', { concurrency: true }, () => {
    it('of a StatefulSet wait for each other, up and down', async () => {
      const readyReplicas = (count: number): Promise<void> =>
        until(`${count} ready`, async () => assert.equal((await read<StatefulSet>('statefulset ordered')).status.readyReplicas, count))
      await readyReplicas(2)
      await cluster.kubectl('exec ordered-0 -- rm /tmp/ok')
      await readyReplicas(1)
      await cluster.kubectl('scale statefulset ordered --replicas=3')
      await new Promise((resolve) => setTimeout(resolve, 1_500))
      assert.deepEqual((await podsOf('ordered')).length, 2)
      await cluster.kubectl('exec ordered-0 -- touch /tmp/ok')
      await readyReplicas(3)
      await cluster.kubectl('scale statefulset ordered --replicas=1')
      await until('one is left', async () =>
        assert.deepEqual(
          (await podsOf('ordered')).map(({ metadata }) => metadata.name),
          ['ordered-0'],
        ),
      )
    })

    it('of a Job are replaced after a disruption, which is no failure', async () => {
      const [pod] = await until('its pod', async () => {
        const found = await podsOf('disrupted')
        assert.equal(found.length, 1)
        return found
      })
      const { name = '', uid } = pod?.metadata ?? {}
      await podReady(cluster, name)
      const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace: 'default' } }
      await cluster.kubectl(['create', '--raw', `/api/v1/namespaces/default/pods/${name}/eviction`, '-f', '-'], {
        input: JSON.stringify(eviction),
      })
      await until('another pod', async () => {
        const others = (await podsOf('disrupted')).filter(({ metadata, status }) => metadata.uid !== uid && status.phase === 'Running')
        assert.equal(others.length, 1)
      })
      const { status } = await read<Job>('job disrupted')
      assert.deepEqual([status.failed ?? 0, status.conditions ?? []], [0, []])
    })

    it('of a Job count by index, and end when enough have succeeded', async () => {
      const { status } = await finished('indexed', 'Failed')
      assert.deepEqual([status.completedIndexes, status.failedIndexes], ['0,2', '1'])
      const enough = await finished('enough', 'Complete')
      assert.equal(enough.status.conditions?.find(({ type }) => type === 'Complete')?.reason, 'SuccessPolicy')
    })
  })

  it('leave a node for a taint when their time is over', async () => {
    await podReady(cluster, 'patient')
    await podReady(cluster, 'hurried')
    await cluster.kubectl(`taint node ${node} example.com/out:NoExecute`)
    await cluster.kubectl('wait --for=delete pod/hurried --timeout=20s')
    await cluster.kubectl(`taint node ${node} example.com/out-`)
    assert.equal((await podReady(cluster, 'patient')).metadata.deletionTimestamp, undefined)
  })

  it('make room for what is more important, and say so', async () => {
    const status = { status: { capacity: { [DEVICE]: '2' }, allocatable: { [DEVICE]: '2' } } }
    await cluster.kubectl(['patch', 'node', node, '--subresource=status', '--type=merge', '-p', JSON.stringify(status)])
    const low = { ...(podOf('low', [shell('sleep 3600', devices(2))], { priorityClassName: 'low' }) as { metadata: object }) }
    await createAll(cluster, [{ ...low, metadata: { ...low.metadata, finalizers: ['example.com/kept'] } }])
    await podReady(cluster, 'low')
    assert.equal((await read<Node>(`node ${node}`)).status.allocatable?.[DEVICE], '2')
    await createAll(cluster, [podOf('high', [shell('sleep 3600', devices(1))], { priorityClassName: 'high' })])
    await podReady(cluster, 'high')
    const victim = await podWhen(cluster, 'low', ({ metadata }) => metadata.deletionTimestamp !== undefined)
    assert.equal(victim.status.conditions?.find(({ type }) => type === 'DisruptionTarget')?.reason, 'PreemptionByScheduler')
    await cluster.kubectl(['patch', 'pod', 'low', '--type=merge', '-p', '{"metadata":{"finalizers":null}}'])
  })

  it('do not hold what nobody uses', async () => {
    await cluster.kubectl('delete volumeattributesclass gold --timeout=15s')
  })
})
