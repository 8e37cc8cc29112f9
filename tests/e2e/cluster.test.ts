import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { NodeList, PodList } from '../../core/api/types/core-v1.ts'
import { type Cluster, clusterMissing, startCluster, until } from '../helpers/cluster.ts'

describe('a cluster', { skip: clusterMissing() ?? false }, () => {
  let cluster: Cluster
  before(async () => {
    cluster = await startCluster()
  })
  after(async () => {
    await cluster[Symbol.asyncDispose]()
  })

  const nodeName = async (): Promise<string> => (await cluster.kubectl('get nodes -o name')).trim().replace('node/', '')

  it('has one Ready node that tells its capacity, addresses and versions', async () => {
    const { items } = JSON.parse(await cluster.kubectl('get nodes -o json')) as NodeList
    assert.equal(items.length, 1)
    const status = items[0]?.status
    assert.equal(status?.conditions?.find((condition) => condition.type === 'Ready')?.status, 'True')
    for (const resource of ['cpu', 'memory', 'pods', 'ephemeral-storage']) {
      assert.match(String(status.capacity?.[resource]), /^[1-9]\d*/, resource)
      assert.match(String(status.allocatable?.[resource]), /^[1-9]\d*/, resource)
    }
    assert.deepEqual(status.addresses?.map((address) => address.type).sort(), ['Hostname', 'InternalIP'])
    assert.match(status.nodeInfo.kubeletVersion, /^v1\.35\./)
    assert.match(status.nodeInfo.containerRuntimeVersion, /^containerd:\/\/\d+\.\d+/)
  })

  it('runs its DNS server', async () => {
    await cluster.kubectl('-n kube-system rollout status deployment/coredns --timeout=60s')
    const { items } = JSON.parse(await cluster.kubectl('-n kube-system get pods -l k8s-app=kube-dns -o json')) as PodList
    assert.equal(items.length, 1)
    assert.equal(items[0]?.status.phase, 'Running')
    assert.match(String(items[0].status.podIP), /^10\.42\.0\.\d+$/)
  })

  it('tells its health and version', async () => {
    const health = await cluster.kubectl(['get', '--raw', '/readyz?verbose'])
    assert.match(health, /^\[\+\]ping ok$/m)
    assert.match(health, /readyz check passed/)
    assert.match(await cluster.kubectl('version'), /^Server Version: v1\.35\./m)
  })

  it('lists and explains its resources', async () => {
    const resources = await cluster.kubectl('api-resources')
    for (const line of [
      /^pods +po +v1 +true +Pod$/m,
      /^deployments +deploy +apps\/v1 +true +Deployment$/m,
      /^helmcharts .*helm\.cattle\.io\/v1 +true +HelmChart$/m,
    ])
      assert.match(resources, line)
    const text = await cluster.kubectl('explain deployment.spec.strategy')
    assert.match(text, /^FIELD: strategy <DeploymentStrategy>/m)
    assert.match(text, /^FIELDS:$/m)
    assert.match(text, /rollingUpdate\t<RollingUpdateDeployment>/)
  })

  it('lists everything and describes its node and pods', async () => {
    const list = await cluster.kubectl('get all -A -o wide')
    assert.match(list, /^default +service\/kubernetes +ClusterIP +10\.43\.0\.1 /m)
    assert.match(list, /^kube-system +pod\/coredns-\S+ +1\/1 +Running /m)
    const node = await cluster.kubectl(`describe node ${await nodeName()}`)
    assert.match(node, /^ +Ready +True .*KubeletReady/m)
    assert.match(node, /^ +kube-system +coredns-/m)
    const pod = await cluster.kubectl('-n kube-system describe pod -l k8s-app=kube-dns')
    assert.match(pod, /^Status: +Running$/m)
    await until('events of the pod', async () => {
      const events = await cluster.kubectl('-n kube-system get events')
      for (const reason of ['Scheduled', 'Created', 'Started']) assert.match(events, new RegExp(`Normal +${reason} +pod/coredns-`))
    })
  })
})
