import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { embeddedImage } from '../../addons/image/entry-points.ts'
import type { Pod, PodList } from '../../core/api/types/core-v1.ts'
import { productVersion } from '../../core/cli/version.ts'
import { type Cluster, clusterMissing, commandSucceeds, startCluster, until } from '../helpers/cluster.ts'
import { mountsBelow, shims } from '../helpers/cluster-clean-up.ts'

const STREAMS = 3
const KILL_AFTER = 60

const pod = `apiVersion: v1
kind: Pod
metadata: {name: steady}
spec:
  terminationGracePeriodSeconds: 1
  containers:
    - {name: main, image: "${embeddedImage('busybox', productVersion())}", command: [sleep, "100000"]}
`

describe('a cluster whose server ends', { skip: clusterMissing() ?? false }, () => {
  let cluster: Cluster
  before(async () => {
    cluster = await startCluster({ flags: ['--disable', 'traefik', '--disable', 'local-storage'] })
    await until('the service account', () => cluster.kubectl('get serviceaccount default'))
    await cluster.kubectl('apply -f -', { input: pod })
    await cluster.kubectl('wait --for=condition=Ready pod/steady --timeout=60s')
  })
  after(async () => {
    await cluster[Symbol.asyncDispose]()
  })

  /** Container id and restarts of every running pod. */
  const containers = async (): Promise<readonly string[]> => {
    const { items } = JSON.parse(await cluster.kubectl('get pods -A -o json')) as PodList
    return items
      .flatMap(({ metadata, status }) =>
        (status.containerStatuses ?? []).map((each) => `${metadata.name} ${String(each.containerID)} restarts=${each.restartCount}`),
      )
      .sort()
  }
  const settled = async (): Promise<readonly string[]> => {
    await cluster.kubectl('-n kube-system rollout status deployment/coredns --timeout=60s')
    return containers()
  }

  /** Where a pod leaves traces that every containerd of the machine shares: its logs, and what runc knows of its container. */
  const tracesOf = async (name: string): Promise<readonly string[]> => {
    const { metadata, status } = JSON.parse(await cluster.kubectl(`get pod ${name} -o json`)) as Pod
    const id = status.containerStatuses?.[0]?.containerID?.replace('containerd://', '') ?? ''
    return [`/var/log/pods/default_${name}_${metadata.uid}`, `/run/containerd/runc/k8s.io/${id}`]
  }

  it('keeps every acknowledged object and every container when it is killed in the middle of writes', async () => {
    const before = await settled()
    assert.ok(before.length >= 2, before.join('\n'))
    const acknowledged: string[] = []
    const enough = Promise.withResolvers<undefined>()
    const write = async (stream: number): Promise<void> => {
      for (let at = 0; ; at += 1) {
        const name = `item-${stream}-${at}`
        const { code } = await cluster.tryKubectl(['create', 'configmap', name, '--from-literal', `at=${at}`])
        if (code !== 0) return
        acknowledged.push(name)
        if (acknowledged.length >= KILL_AFTER) enough.resolve(undefined)
      }
    }
    const streams = Array.from({ length: STREAMS }, (_, stream) => write(stream))
    await enough.promise
    await cluster.kill9()
    await Promise.all(streams)
    assert.ok(acknowledged.length >= KILL_AFTER)

    await cluster.restart()
    const kept = new Set((await cluster.kubectl('get configmaps -o name')).split('\n'))
    assert.deepEqual(
      acknowledged.filter((name) => !kept.has(`configmap/${name}`)),
      [],
    )
    assert.deepEqual(await settled(), before)
    assert.equal(await cluster.kubectl('exec steady -- echo reachable'), 'reachable\n')
  })

  it('ends in order within ten seconds of SIGTERM, while pods go on', async () => {
    const before = await settled()
    const running = shims()
    const { code, tookMs } = await cluster.stop()
    assert.equal(code, 0, cluster.output())
    assert.ok(tookMs < 10_000, `${tookMs} ms`)
    assert.deepEqual(shims(), running)
    await cluster.restart()
    assert.deepEqual(await settled(), before)
  })

  it('leaves nothing on the machine after scripts/killall, but its data', async () => {
    assert.notDeepEqual(shims(), [])
    const traces = await tracesOf('steady')
    assert.deepEqual(
      traces.filter((path) => existsSync(path)),
      traces,
    )
    const printed = cluster.killAll()
    assert.deepEqual(
      traces.filter((path) => existsSync(path)),
      [],
      printed,
    )
    assert.deepEqual(shims(), [], printed)
    assert.deepEqual(mountsBelow([cluster.dataDir, '/run/k3ts', '/var/lib/kubelet/pods']), [], printed)
    assert.equal(commandSucceeds('ip', 'link', 'show', 'cni0'), false, printed)
    assert.equal(commandSucceeds('nft', 'list', 'table', 'ip', 'k3ts'), false, printed)

    await cluster.restart()
    await cluster.kubectl('wait --for=condition=Ready pod/steady --timeout=60s')
    assert.equal(await cluster.kubectl('exec steady -- echo reachable'), 'reachable\n')
  })
})
