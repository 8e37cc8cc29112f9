import assert from 'node:assert/strict'
import { it } from 'node:test'
import { cloudNodeController } from '../../controllers/cloud/node.ts'
import { DNS_CONFIG, nodeHostsController } from '../../controllers/cloud/node-hosts.ts'
import { serviceLbController } from '../../controllers/cloud/service-lb.ts'
import { controllerRunner } from '../../controllers/runtime/run.ts'
import { configMaps, daemonSets, endpointSlices, nodes, pods, serviceAccounts, services } from '../../core/api/kinds.ts'
import { CLOUD_CONTROLLER, NODE_MANAGER } from '../../core/cli/identities.ts'
import { isNotFound } from '../../core/meta/status-error.ts'
import { silentLogger } from '../../core/observability/log.ts'
import { systemClock, toTimestamp } from '../../core/runtime/clock.ts'
import { type ControlPlane, startControlPlane } from '../helpers/control-plane.ts'
import { eventually } from '../helpers/eventually.ts'

const SYSTEM = 'kube-system'
const WEB = { namespace: 'default', name: 'web' }

async function startCloud({ clientAs, informers, signal }: ControlPlane): Promise<void> {
  const recorder = { event: () => undefined }
  const known = { client: clientAs(CLOUD_CONTROLLER), recorder, nodes: informers.informer(nodes) }
  const lb = serviceLbController({
    ...known,
    services: informers.informer(services),
    daemonSets: informers.informer(daemonSets),
    pods: informers.informer(pods),
    slices: informers.informer(endpointSlices),
    serviceAccounts: informers.informer(serviceAccounts),
    settings: { namespace: SYSTEM, image: 'lb:1' },
  })
  const hosts = nodeHostsController({ ...known, client: clientAs(NODE_MANAGER), configMaps: informers.informer(configMaps, DNS_CONFIG) })
  await controllerRunner([cloudNodeController(known), hosts, lb], { informers, clock: systemClock, log: silentLogger }).start(signal)
}

/** What a kubelet would write about the load balancer's pods. */
async function serve({ client, signal }: ControlPlane): Promise<void> {
  for (const pod of (await client.list(pods, { namespace: SYSTEM }, signal)).items) {
    if (pod.status.podIP !== undefined) continue
    const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime: toTimestamp(Date.now()) }]
    const status = { phase: 'Running' as const, podIP: '10.42.0.9', podIPs: [{ ip: '10.42.0.9' }], conditions }
    const body = { status }
    await client.patch(pods, pod.metadata, { type: 'merge', body }, { signal, subresource: 'status' })
  }
}

it('cloud controllers over the real API server open a node, serve a Service on it and take the load balancer down', async () => {
  await using plane = await startControlPlane({ controllers: ['namespace', 'serviceaccount'] })
  const { client, signal } = plane
  const options = { signal }
  const annotations = { 'k3s.io/internal-ip': '192.0.2.1', 'k3s.io/hostname': 'n1' }
  const taint = { key: 'node.cloudprovider.kubernetes.io/uninitialized', value: 'true', effect: 'NoSchedule' as const }
  await client.create(nodes, { metadata: { name: 'n1', annotations }, spec: { taints: [taint] } }, options)
  await client.create(configMaps, { metadata: { namespace: SYSTEM, name: 'coredns' }, data: { Corefile: '.:53' } }, options)
  const spec = { type: 'LoadBalancer' as const, ports: [{ port: 80 }], selector: { app: 'web' } }
  await client.create(services, { metadata: WEB, spec }, options)
  await startCloud(plane)

  const set = await eventually(async () => {
    const node = await client.get(nodes, { name: 'n1' }, signal)
    assert.equal(node.spec.providerID, 'k3s://n1')
    assert.equal(node.spec.taints?.some(({ key }) => key === taint.key) ?? false, false)
    assert.equal(node.metadata.labels?.['node.kubernetes.io/instance-type'], 'k3s')
    const map = await client.get(configMaps, { namespace: SYSTEM, name: 'coredns' }, signal)
    assert.deepEqual(map.data, { Corefile: '.:53', NodeHosts: '192.0.2.1 n1\n' })
    const [first] = (await client.list(daemonSets, { namespace: SYSTEM }, signal)).items
    assert.ok(first !== undefined)
    return first
  }, 10_000)

  const { template } = set.spec
  const labels = template.metadata.labels ?? {}
  const containers = [{ name: 'lb', image: 'lb:1' }]
  await client.create(pods, { metadata: { namespace: SYSTEM, name: 'lb', labels }, spec: { nodeName: 'n1', containers } }, options)
  await eventually(async () => {
    await serve(plane)
    const { status } = await client.get(services, WEB, signal)
    assert.deepEqual(status.loadBalancer.ingress, [{ ip: '192.0.2.1', ipMode: 'VIP' }])
  }, 10_000)
  const settled = await client.get(daemonSets, set.metadata, signal)
  assert.equal(settled.metadata.generation, 1, 'defaults filled in by the server are no difference')
  assert.equal(settled.metadata.resourceVersion, set.metadata.resourceVersion)

  await client.delete(services, WEB, options)
  await eventually(async () => {
    await assert.rejects(client.get(services, WEB, signal), isNotFound)
    assert.deepEqual((await client.list(daemonSets, { namespace: SYSTEM }, signal)).items, [])
  }, 10_000)
})
