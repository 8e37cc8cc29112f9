import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  configMaps,
  cronJobs,
  daemonSets,
  deployments,
  endpointSlices,
  events,
  jobs,
  namespaces,
  nodes,
  persistentVolumes,
  pods,
  replicaSets,
  replicationControllers,
  serviceAccounts,
  services,
  statefulSets,
} from '../../core/api/kinds.ts'
import type { Pod } from '../../core/api/types/core-v1.ts'
import { isNotFound } from '../../core/meta/status-error.ts'
import { toTimestamp } from '../../core/runtime/clock.ts'
import { deployment, podTemplate } from '../helpers/builders.ts'
import { type ControlPlane, startControlPlane } from '../helpers/control-plane.ts'
import { eventually } from '../helpers/eventually.ts'

const inDefault = { namespace: 'default' }

/** What a kubelet would write, for all pods that are not on their way. */
async function serve({ client, signal }: ControlPlane, end?: 'Succeeded' | 'Failed'): Promise<void> {
  const { items } = await client.list(pods, inDefault, signal)
  const now = toTimestamp(Date.now())
  await Promise.all(
    items
      .filter(
        ({ status, metadata }) =>
          metadata.deletionTimestamp === undefined && (end === undefined ? status.phase === 'Pending' : status.phase !== end),
      )
      .map((pod: Pod) => {
        const ip = `10.42.0.${2 + items.indexOf(pod)}`
        const ready = { type: 'Ready', status: end === undefined ? 'True' : 'False', lastTransitionTime: now }
        const status = {
          ...pod.status,
          phase: end ?? ('Running' as const),
          startTime: now,
          podIP: ip,
          podIPs: [{ ip }],
          conditions: [ready],
        }
        return client.updateStatus(pods, { ...pod, status }, { signal })
      }),
  )
}

async function wait<T>(check: () => Promise<T>): Promise<T> {
  return eventually(check, 10_000)
}

describe('controllers over the real API server', () => {
  it('roll a Deployment, follow it with endpoints, and clean up after it', async () => {
    await using plane = await startControlPlane()
    const { client, signal } = plane
    await client.create(
      services,
      { metadata: { ...inDefault, name: 'web' }, spec: { selector: { app: 'web' }, ports: [{ port: 80 }] } },
      { signal },
    )
    await client.create(deployments, { ...deployment({ replicas: 3 }), status: undefined }, { signal })
    const images = async (): Promise<string[]> =>
      (await client.list(pods, inDefault, signal)).items.map(({ spec }) => spec.containers[0]?.image ?? '')
    const settled = async (image: string): Promise<void> => {
      await wait(async () => {
        await serve(plane)
        const { status, metadata } = await client.get(deployments, { ...inDefault, name: 'web' }, signal)
        assert.deepEqual(await images(), [image, image, image])
        assert.equal(status.observedGeneration, metadata.generation)
        assert.equal(status.availableReplicas, 3)
        assert.equal(status.conditions?.find(({ type }) => type === 'Progressing')?.reason, 'NewReplicaSetAvailable')
      })
    }
    await settled('web:1')
    await wait(async () => {
      const { items } = await client.list(endpointSlices, inDefault, signal)
      assert.equal(items.flatMap(({ endpoints }) => endpoints).filter(({ conditions }) => conditions.ready).length, 3)
    })
    await client.patch(
      deployments,
      { ...inDefault, name: 'web' },
      { type: 'strategic', body: { spec: { template: { spec: { containers: [{ name: 'web', image: 'web:2' }] } } } } },
      { signal },
    )
    await settled('web:2')
    const sets = await client.list(replicaSets, inDefault, signal)
    assert.equal(sets.items.length, 2)
    const told = await wait(async () => {
      const { items } = await client.list(events, inDefault, signal)
      assert.ok(items.some(({ reason }) => reason === 'ScalingReplicaSet'))
      return items
    })
    assert.ok(told.some(({ involvedObject, reason }) => involvedObject.kind === 'ReplicaSet' && reason === 'SuccessfulCreate'))
    await client.delete(deployments, { ...inDefault, name: 'web' }, { signal, propagationPolicy: 'Foreground' })
    await wait(async () => {
      for (const type of [deployments, replicaSets, pods])
        assert.deepEqual(
          (await client.list(type as typeof pods, inDefault, signal)).items.map(({ metadata }) => metadata.name),
          [],
        )
    })
  })

  it('run a Job to its end and collect its pods with it', async () => {
    await using plane = await startControlPlane()
    const { client, signal } = plane
    const spec = {
      completions: 2,
      parallelism: 2,
      template: { ...podTemplate(), spec: { ...podTemplate().spec, restartPolicy: 'Never' as const } },
    }
    await client.create(jobs, { metadata: { ...inDefault, name: 'work' }, spec }, { signal })
    await wait(async () => assert.equal((await client.list(pods, inDefault, signal)).items.length, 2))
    await serve(plane, 'Succeeded')
    await wait(async () => {
      const { status } = await client.get(jobs, { ...inDefault, name: 'work' }, signal)
      assert.equal(status.succeeded, 2)
      assert.equal(status.conditions?.find(({ type }) => type === 'Complete')?.status, 'True')
    })
    await client.delete(jobs, { ...inDefault, name: 'work' }, { signal, propagationPolicy: 'Background' })
    await wait(async () => assert.equal((await client.list(pods, inDefault, signal)).items.length, 0))
  })

  it('keep daemons on nodes and numbered pods in order', async () => {
    await using plane = await startControlPlane()
    const { client, signal } = plane
    for (const name of ['n1', 'n2']) await client.create(nodes, { metadata: { name } }, { signal })
    const selector = { matchLabels: { app: 'web' } }
    await client.create(daemonSets, { metadata: { ...inDefault, name: 'agent' }, spec: { selector, template: podTemplate() } }, { signal })
    await wait(async () => assert.equal((await client.list(pods, inDefault, signal)).items.length, 2))
    await client.delete(daemonSets, { ...inDefault, name: 'agent' }, { signal })
    await wait(async () => assert.equal((await client.list(pods, inDefault, signal)).items.length, 0))
    await client.create(
      statefulSets,
      { metadata: { ...inDefault, name: 'db' }, spec: { replicas: 2, serviceName: 'db', selector, template: podTemplate() } },
      { signal },
    )
    await wait(async () => {
      await serve(plane)
      assert.deepEqual(
        (await client.list(pods, inDefault, signal)).items.map(({ metadata }) => metadata.name),
        ['db-0', 'db-1'],
      )
    })
  })

  it('start the Jobs of a CronJob', async () => {
    await using plane = await startControlPlane()
    const { client, signal } = plane
    const jobTemplate = { spec: { template: { ...podTemplate(), spec: { ...podTemplate().spec, restartPolicy: 'Never' as const } } } }
    await client.create(cronJobs, { metadata: { ...inDefault, name: 'tick' }, spec: { schedule: '@every 1s', jobTemplate } }, { signal })
    await wait(async () => assert.ok((await client.list(jobs, inDefault, signal)).items.length >= 1))
    await wait(async () => assert.ok((await client.get(cronJobs, { ...inDefault, name: 'tick' }, signal)).status.lastScheduleTime))
  })

  it('come to rest: nothing is written when nothing changes', async () => {
    await using plane = await startControlPlane()
    const { client, signal } = plane
    const options = { signal }
    await client.create(nodes, { metadata: { name: 'n1' } }, options)
    await client.create(
      services,
      { metadata: { ...inDefault, name: 'web' }, spec: { selector: { app: 'web' }, ports: [{ port: 80, name: 'http' }] } },
      options,
    )
    await client.create(deployments, { ...deployment({ replicas: 2, minReadySeconds: 0 }), status: undefined }, options)
    await client.create(
      daemonSets,
      {
        metadata: { ...inDefault, name: 'agent' },
        spec: { selector: { matchLabels: { app: 'ds' } }, template: podTemplate('a', { app: 'ds' }) },
      },
      options,
    )
    const claim = {
      metadata: { name: 'data' },
      spec: { accessModes: ['ReadWriteOnce' as const], resources: { requests: { storage: '1Gi' } } },
    }
    const db = {
      replicas: 2,
      serviceName: 'db',
      selector: { matchLabels: { app: 'db' } },
      template: podTemplate('d', { app: 'db' }),
      volumeClaimTemplates: [claim],
    }
    await client.create(statefulSets, { metadata: { ...inDefault, name: 'db' }, spec: db }, options)
    const once = { template: { ...podTemplate('j', { app: 'job' }), spec: { ...podTemplate().spec, restartPolicy: 'Never' as const } } }
    await client.create(
      jobs,
      { metadata: { ...inDefault, name: 'work' }, spec: { ...once, completionMode: 'Indexed', completions: 2, parallelism: 2 } },
      options,
    )
    const volume = { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce' as const], hostPath: { path: '/tmp/x' } }
    await client.create(persistentVolumes, { metadata: { name: 'v' }, spec: volume }, options)
    await client.create(
      replicationControllers,
      {
        metadata: { ...inDefault, name: 'rc' },
        spec: { replicas: 1, selector: { app: 'rc' }, template: podTemplate('rc', { app: 'rc' }) },
      },
      options,
    )
    await wait(async () => {
      await serve(plane)
      const { items } = await client.list(pods, inDefault, signal)
      assert.equal(items.filter(({ status }) => status.phase === 'Running').length, 2 + 1 + 2 + 2 + 1)
    })
    const revision = async (): Promise<string> => (await client.list(configMaps, {}, signal)).resourceVersion
    await eventually(async () => {
      const before = await revision()
      await new Promise((resolve) => setTimeout(resolve, 500))
      assert.equal(await revision(), before)
    }, 8_000)
  })

  it('furnish a namespace and empty it when it is deleted', async () => {
    await using plane = await startControlPlane()
    const { client, signal } = plane
    await client.create(namespaces, { metadata: { name: 'short' } }, { signal })
    await wait(async () => {
      await client.get(serviceAccounts, { namespace: 'short', name: 'default' }, signal)
      await client.get(configMaps, { namespace: 'short', name: 'kube-root-ca.crt' }, signal)
    })
    await client.create(configMaps, { metadata: { namespace: 'short', name: 'more' } }, { signal })
    await client.delete(namespaces, { name: 'short' }, { signal })
    await wait(async () => assert.rejects(client.get(namespaces, { name: 'short' }, signal), isNotFound))
    assert.deepEqual((await client.list(configMaps, { namespace: 'short' }, signal)).items, [])
  })
})
