import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CONTROLLERS } from '../../controllers/index.ts'
import { isActive } from '../../controllers/runtime/pod.ts'
import { controllerRunner } from '../../controllers/runtime/run.ts'
import { selectControllers } from '../../controllers/runtime/select.ts'
import {
  daemonSets,
  deployments,
  endpointSlices,
  jobs,
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  replicaSets,
  services,
  statefulSets,
} from '../../core/api/kinds.ts'
import type { Pod } from '../../core/api/types/core-v1.ts'
import type { Draft, KubeObject } from '../../core/meta/object.ts'
import type { ResourceType } from '../../core/meta/resource-type.ts'
import { silentLogger } from '../../core/observability/log.ts'
import { toTimestamp } from '../../core/runtime/clock.ts'
import { deployment, podTemplate } from '../helpers/builders.ts'
import { FakeClock, settle } from '../helpers/fake-clock.ts'
import { FakeCluster } from '../helpers/fake-cluster.ts'
import { FakeDiscovery } from '../helpers/fake-discovery.ts'
import { LateInformers, seededRandom, unreliable } from '../helpers/hostile-cluster.ts'

const TYPES: readonly ResourceType<KubeObject>[] = [
  daemonSets,
  deployments,
  jobs,
  persistentVolumeClaims,
  pods,
  replicaSets,
  services,
  statefulSets,
]
const SEEDS = Array.from({ length: 6 }, (_, i) => i + 1)
// Nodes send no heartbeats here.
const WITHOUT_NODES = ['*', '-node-lifecycle', '-taint-eviction']

interface World extends AsyncDisposable {
  readonly cluster: FakeCluster
  readonly random: () => number
  /** A stretch of time with faults and late caches; `meanwhile` runs between its moments. */
  storm(moments: number, meanwhile?: () => void): Promise<void>
  /** Faults end, caches catch up, backoffs run out. */
  calm(meanwhile?: () => void): Promise<void>
}

/** All controllers over a server that fails one write in five and caches that lag behind; they are restarted at times. */
async function openWorld(seed: number, prepare: (cluster: FakeCluster) => void): Promise<World> {
  const random = seededRandom(seed)
  const clock = new FakeClock()
  const cluster = new FakeCluster(clock)
  prepare(cluster)
  let rate = 0.2
  let running: { readonly stop: AbortController; readonly done: Promise<void>; readonly informers: LateInformers } | undefined
  const stop = async (): Promise<void> => {
    running?.stop.abort(new Error('killed'))
    await running?.done
  }
  const start = async (): Promise<void> => {
    await stop()
    const informers = new LateInformers(cluster)
    const client = unreliable(cluster, random, () => rate)
    const context = {
      client,
      informers,
      discovery: new FakeDiscovery(...TYPES),
      recorderFor: () => ({ event: () => {} }),
      clock,
      log: silentLogger,
      settings: { clusterCidrs: [], rootCa: 'PEM' },
    }
    const abort = new AbortController()
    const { done } = await controllerRunner(
      selectControllers(CONTROLLERS, WITHOUT_NODES, () => context),
      {
        informers,
        clock,
        log: silentLogger,
      },
    ).start(abort.signal)
    running = { stop: abort, done, informers }
  }
  await start()
  return {
    cluster,
    random,
    storm: async (moments, meanwhile) => {
      for (let i = 0; i < moments; i++) {
        meanwhile?.()
        running?.informers.deliverSome(random)
        await clock.advance(random() * 2_000)
        if (random() < 0.03) await start()
      }
    },
    calm: async (meanwhile) => {
      rate = 0
      for (let i = 0; i < 150; i++) {
        meanwhile?.()
        running?.informers.deliverAll()
        await clock.advance(10_000)
        await settle()
      }
    },
    [Symbol.asyncDispose]: stop,
  }
}

/** What scheduler and kubelets do, at random moments. */
function kubelet({ cluster, random }: World, ends = false, always = false): () => void {
  return () => {
    for (const pod of cluster.all(pods)) {
      if (!always && random() < 0.7) continue
      const now = toTimestamp(cluster.clock.now())
      const named =
        pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms[0]?.matchFields?.[0]?.values?.[0]
      const ready = [{ type: 'Ready', status: 'True', lastTransitionTime: now }]
      const ip = `10.42.0.${Number(pod.metadata.uid.slice(4)) % 250}`
      if (pod.metadata.deletionTimestamp !== undefined) {
        if ((pod.metadata.finalizers ?? []).length === 0) cluster.remove(pods, pod.metadata)
        else if (pod.status.phase !== 'Failed' && pod.status.phase !== 'Succeeded') set(cluster, pod, { phase: 'Failed' })
      } else if (pod.status.phase !== 'Running' && pod.status.phase !== 'Succeeded' && pod.status.phase !== 'Failed') {
        set(cluster, pod, { phase: 'Running', podIP: ip, podIPs: [{ ip }], conditions: ready }, named)
      } else if (ends && pod.status.phase === 'Running') set(cluster, pod, { phase: 'Succeeded' })
    }
  }
}

function set(cluster: FakeCluster, pod: Pod, status: Draft<Pod['status']>, node = 'n1'): void {
  cluster.change(pods, pod.metadata, (object) => ({
    ...object,
    spec: { ...object.spec, nodeName: object.spec.nodeName ?? node },
    status: status,
  }))
}

const seedNodes = (cluster: FakeCluster): void => {
  for (const name of ['n1', 'n2', 'n3']) {
    cluster.seed(nodes, { metadata: { name }, spec: { podCIDRs: ['x'] }, status: { conditions: [{ type: 'Ready', status: 'True' }] } })
  }
}
const images = (list: readonly Pod[]): (string | undefined)[] => list.filter(isActive).map(({ spec }) => spec.containers[0]?.image)

describe('controllers reach their goal whatever write fails, whatever answer is lost, however late the caches', () => {
  for (const seed of SEEDS) {
    it(`a Deployment in the middle of rollouts and its endpoints, seed ${seed}`, async () => {
      await using world = await openWorld(seed, (cluster) => {
        seedNodes(cluster)
        cluster.slowPodDeletion = true
        cluster.seed(services, {
          metadata: { namespace: 'default', name: 'web' },
          spec: { selector: { app: 'web' }, ports: [{ port: 80 }] },
        })
        cluster.seed(deployments, deployment({ replicas: 4, revisionHistoryLimit: 1 }))
      })
      const { cluster } = world
      const edit = (image: string, replicas: number): void => {
        cluster.change(deployments, { namespace: 'default', name: 'web' }, (object) => ({
          ...object,
          metadata: { ...object.metadata, generation: (object.metadata.generation ?? 0) + 1 },
          spec: { ...object.spec, replicas, template: podTemplate(image) },
        }))
      }
      await world.storm(30, kubelet(world))
      edit('web:2', 6)
      await world.storm(15, kubelet(world))
      edit('web:3', 5)
      await world.storm(40, kubelet(world))
      await world.calm(kubelet(world, false, true))
      assert.deepEqual(images(cluster.all(pods)), ['web:3', 'web:3', 'web:3', 'web:3', 'web:3'])
      const [web] = cluster.all(deployments)
      assert.deepEqual([web?.status.replicas, web?.status.updatedReplicas, web?.status.availableReplicas], [5, 5, 5])
      assert.ok(cluster.all(replicaSets).length <= 2, `${cluster.all(replicaSets).length} sets`)
      const endpoints = cluster.all(endpointSlices).flatMap((slice) => slice.endpoints.map(({ targetRef }) => targetRef?.name))
      assert.deepEqual(
        endpoints.sort(),
        cluster
          .all(pods)
          .map(({ metadata }) => metadata.name)
          .sort(),
      )
    })

    it(`a Job counts each pod once, seed ${seed}`, async () => {
      await using world = await openWorld(seed, (cluster) => {
        seedNodes(cluster)
        const labels = { 'batch.kubernetes.io/controller-uid': 'u' }
        const template = { ...podTemplate('work:1', labels), spec: { ...podTemplate().spec, restartPolicy: 'Never' as const } }
        const spec = {
          parallelism: 3,
          completions: 10,
          backoffLimit: 100,
          completionMode: 'NonIndexed' as const,
          selector: { matchLabels: labels },
          template,
        }
        cluster.seed(jobs, { metadata: { namespace: 'default', name: 'work' }, spec, status: {} })
      })
      const { cluster } = world
      const ended = new Set<string>()
      cluster.informers.informer(pods).onChange((next) => {
        if (next?.status.phase === 'Succeeded') ended.add(next.metadata.uid)
      })
      await world.storm(120, kubelet(world, true))
      await world.calm(kubelet(world, true, true))
      const [job] = cluster.all(jobs)
      // A pod whose creation nobody heard of may end after the Job did, and so be counted never, but none is counted twice.
      const counted = job?.status.succeeded ?? 0
      assert.ok(counted >= 10 && counted <= ended.size, `${counted} counted, ${ended.size} succeeded`)
      assert.equal(job?.status.conditions?.find(({ type }) => type === 'Complete')?.status, 'True')
      assert.deepEqual(
        cluster.all(pods).flatMap(({ metadata }) => metadata.finalizers ?? []),
        [],
      )
      assert.equal(cluster.all(pods).filter(isActive).length, 0)
    })

    it(`a StatefulSet with claims and a DaemonSet, seed ${seed}`, async () => {
      await using world = await openWorld(seed, (cluster) => {
        seedNodes(cluster)
        cluster.slowPodDeletion = true
        const claim = {
          metadata: { name: 'data' },
          spec: { accessModes: ['ReadWriteOnce' as const], resources: { requests: { storage: '1Gi' } }, storageClassName: '' },
        }
        const db = {
          replicas: 3,
          serviceName: 'db',
          selector: { matchLabels: { app: 'db' } },
          template: podTemplate('db:1', { app: 'db' }),
          volumeClaimTemplates: [claim],
          updateStrategy: { type: 'RollingUpdate' as const, rollingUpdate: { partition: 0 } },
        }
        cluster.seed(statefulSets, {
          metadata: { namespace: 'default', name: 'db' },
          spec: db,
          status: { replicas: 0, availableReplicas: 0 },
        })
        for (const name of ['v1', 'v2', 'v3', 'v4']) {
          cluster.seed(persistentVolumes, {
            metadata: { name },
            spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'] },
            status: {},
          })
        }
        const agent = {
          selector: { matchLabels: { app: 'agent' } },
          template: podTemplate('agent:1', { app: 'agent' }),
          updateStrategy: { type: 'RollingUpdate' as const },
        }
        cluster.seed(daemonSets, { metadata: { namespace: 'default', name: 'agent' }, spec: agent, status: {} })
      })
      const { cluster } = world
      await world.storm(60, kubelet(world))
      cluster.change(statefulSets, { namespace: 'default', name: 'db' }, (set) => ({
        ...set,
        spec: { ...set.spec, template: podTemplate('db:2', { app: 'db' }) },
      }))
      cluster.change(daemonSets, { namespace: 'default', name: 'agent' }, (set) => ({
        ...set,
        spec: { ...set.spec, template: podTemplate('agent:2', { app: 'agent' }) },
      }))
      await world.storm(60, kubelet(world))
      await world.calm(kubelet(world, false, true))
      const active = cluster.all(pods).filter(isActive)
      const shown = active.map(
        ({ metadata, spec }) =>
          `${metadata.labels?.['app'] === 'db' ? metadata.name : (spec.nodeName ?? '')} ${spec.containers[0]?.image ?? ''}`,
      )
      assert.deepEqual(shown.sort(), ['db-0 db:2', 'db-1 db:2', 'db-2 db:2', 'n1 agent:2', 'n2 agent:2', 'n3 agent:2'])
      const bound = cluster.all(persistentVolumeClaims)
      assert.deepEqual(bound.map(({ metadata, status }) => `${metadata.name} ${status.phase ?? ''}`).sort(), [
        'data-db-0 Bound',
        'data-db-1 Bound',
        'data-db-2 Bound',
      ])
      const claimed = cluster.all(persistentVolumes).filter(({ spec }) => spec.claimRef !== undefined)
      assert.deepEqual(claimed.map(({ spec }) => spec.claimRef?.name).sort(), ['data-db-0', 'data-db-1', 'data-db-2'])
      assert.deepEqual(bound.map(({ spec }) => spec.volumeName).sort(), claimed.map(({ metadata }) => metadata.name).sort())
    })
  }
})
