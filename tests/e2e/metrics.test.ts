import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { embeddedImage } from '../../addons/image/entry-points.ts'
import { productVersion } from '../../core/cli/version.ts'
import { type Cluster, clusterMissing, startCluster, until } from '../helpers/cluster.ts'

/** Uses far more CPU than it asks for, within its limit. */
const busy = `apiVersion: apps/v1
kind: Deployment
metadata: {name: busy}
spec:
  selector: {matchLabels: {app: busy}}
  template:
    metadata: {labels: {app: busy}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: main
          image: ${embeddedImage('busybox', productVersion())}
          command: [sh, -c, 'while true; do :; done']
          resources: {requests: {cpu: 10m}, limits: {cpu: 100m}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: busy}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: busy}
  maxReplicas: 2
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}]
`

describe('resource metrics', { skip: clusterMissing() ?? false }, () => {
  let cluster: Cluster
  before(async () => {
    cluster = await startCluster({ flags: ['--disable', 'traefik'] })
  })
  after(async () => {
    await cluster[Symbol.asyncDispose]()
  })

  const explained = async (): Promise<string> => cluster.kubectl('get apiservices,pods,events -A')

  it('shows what nodes, pods and containers use', async () => {
    await until('kubectl top', () => cluster.kubectl('top nodes')).catch(async (err: unknown) => {
      throw new Error(await explained(), { cause: err })
    })
    assert.match(await cluster.kubectl('top nodes'), /^NAME .*\n\S+ +\d+m +\d+% +[1-9]\d*Mi +\d+% *\n$/)
    const pods = await until('the program itself', async () => {
      const text = await cluster.kubectl('top pods -A --containers')
      assert.match(text, /metrics-server/)
      return text
    })
    assert.match(pods, /^kube-system +coredns-\S+ +coredns +\d+m +[1-9]\d*Mi *$/m)
    assert.match(await cluster.kubectl('-n kube-system get podmetrics -l k8s-app=kube-dns'), /^NAME +CPU +MEMORY +WINDOW\ncoredns-\S+ /)
  })

  it('is served beside everything else', async () => {
    assert.match(await cluster.kubectl('get apiservice v1beta1.metrics.k8s.io'), /kube-system\/metrics-server +True/)
    assert.match(await cluster.kubectl('api-resources --api-group=metrics.k8s.io'), /^nodes .*NodeMetrics$/m)
    assert.match(await cluster.kubectl('explain nodemetrics.usage'), /^FIELD: usage/m)
  })

  it('asks for permission in the name of the user', async () => {
    const own = await cluster.tryKubectl('top pods -n kube-system --as=jane')
    assert.equal(own.code, 1)
    assert.match(own.stderr, /User "jane" cannot list resource "pods" in API group "metrics\.k8s\.io"/)
    await cluster.kubectl('create clusterrolebinding jane --clusterrole=view --user=jane')
    await until('the view role', () => cluster.kubectl('top pods -n kube-system --as=jane'))
  })

  it('has autoscalers scale', async () => {
    await cluster.kubectl('apply -f -', { input: busy })
    await until(
      'a second replica',
      async () => assert.equal(await cluster.kubectl('get hpa busy -o jsonpath={.status.desiredReplicas}'), '2', await explained()),
      120_000,
    )
    await cluster.kubectl('rollout status deployment/busy --timeout=60s')
    assert.match(await cluster.kubectl('get hpa busy'), /cpu: \d{3,}%\/50%/)
    await cluster.kubectl('delete hpa,deployment busy')
  })

  it('leaves with --disable metrics-server, and takes nothing else with it', async () => {
    await cluster.restart(['--disable', 'traefik,metrics-server'])
    await until('nothing of it', async () => {
      assert.equal(await cluster.kubectl('get deploy,svc,apiservices,clusterroles,rolebindings -A -o name').then(named), '')
    })
    assert.equal(existsSync(join(cluster.manifests, 'metrics-server', 'metrics-apiservice.yaml')), false)
    const { code, stderr } = await cluster.tryKubectl('top nodes')
    assert.deepEqual([code, stderr], [1, 'error: Metrics API not available\n'])
    await cluster.kubectl('create namespace short')
    await cluster.kubectl('delete namespace short --timeout=30s')
  })

  const named = (text: string): string =>
    text
      .split('\n')
      .filter((line) => line.includes('metrics'))
      .join('\n')
})
