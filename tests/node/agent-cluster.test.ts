/** The agent against the real API server and the real controllers: what a fake API cannot prove. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { createAgent } from '../../core/agent/agent.ts'
import { buildNetwork } from '../../core/agent/cni/config.ts'
import { cniConfDir, imagesDir } from '../../core/agent/paths.ts'
import { configMaps, deployments, leases, namespaces, nodes, pods } from '../../core/api/kinds.ts'
import type { Pod } from '../../core/api/types/core-v1.ts'
import { isConditionTrue } from '../../core/meta/conditions.ts'
import { createLogger, silentLogger } from '../../core/observability/log.ts'
import { systemClock } from '../../core/runtime/clock.ts'
import { testSettings } from '../helpers/agent.ts'
import { startControlPlane } from '../helpers/control-plane.ts'
import { eventually } from '../helpers/eventually.ts'
import { pauseImageArchive, TEST_IMAGE as image, testImageArchive } from '../helpers/images.ts'
import { createNodeSandbox, runtimeMissing } from '../helpers/node-sandbox.ts'

describe('an agent in a cluster', { skip: runtimeMissing() ?? false }, () => {
  it('registers, is ready, runs a Deployment with a service account token, and lets pods go', async () => {
    await using plane = await startControlPlane()
    await using sandbox = createNodeSandbox()
    const { client, signal } = plane
    const bridge = `k3c${sandbox.dir.slice(-6).toLowerCase()}`
    using link = { [Symbol.dispose]: () => spawnSync('ip', ['link', 'delete', bridge]), name: bridge }
    mkdirSync(cniConfDir(sandbox.paths), { recursive: true })
    const network = buildNetwork({ podCidr: '10.204.7.0/24', bridge: link.name, mtu: 1500, leaseDir: join(sandbox.dir, 'leases') })
    writeFileSync(join(cniConfDir(sandbox.paths), '10-test.conflist'), network)
    mkdirSync(imagesDir(sandbox.paths), { recursive: true })
    writeFileSync(join(imagesDir(sandbox.paths), 'busybox.tar'), testImageArchive())
    writeFileSync(join(imagesDir(sandbox.paths), 'pause.tar'), pauseImageArchive())
    const log = process.argv.includes('--verbose') ? createLogger({ level: 'debug' }) : silentLogger
    const settings = testSettings(sandbox, { version: 'v1.35.0+k3ts1' })
    const agent = createAgent({ client, informers: plane.informers, settings, log, clock: systemClock, paths: sandbox.paths })
    const { done } = await agent.start(sandbox.signal)

    const node = await eventually(async () => {
      const found = await client.get(nodes, { name: 'node-1' }, signal)
      assert.ok(isConditionTrue(found.status.conditions, 'Ready'))
      return found
    }, 10_000)
    assert.equal(node.metadata.labels?.['kubernetes.io/hostname'], 'node-1')
    assert.equal(node.status.nodeInfo.containerRuntimeVersion.startsWith('containerd://'), true)
    assert.equal((await client.get(leases, { namespace: 'kube-node-lease', name: 'node-1' }, signal)).spec.holderIdentity, 'node-1')

    await eventually(() => client.get(namespaces, { name: 'default' }, signal))
    await client.create(configMaps, { metadata: { namespace: 'default', name: 'conf' }, data: { greeting: 'hello' } }, { signal })
    const command = ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 0.1; done']
    const labels = { app: 'web' }
    const volumes = [{ name: 'conf', configMap: { name: 'conf' } }]
    const volumeMounts = [{ name: 'conf', mountPath: '/conf' }]
    const template = {
      metadata: { labels },
      spec: { nodeName: 'node-1', volumes, containers: [{ name: 'main', image, command, volumeMounts }] },
    }
    await client.create(
      deployments,
      { metadata: { namespace: 'default', name: 'web' }, spec: { replicas: 2, selector: { matchLabels: labels }, template } },
      { signal },
    )
    const web = (): Promise<readonly Pod[]> =>
      client.list(pods, { namespace: 'default', labelSelector: 'app=web' }, signal).then(({ items }) => items)
    await eventually(async () => {
      const { status } = await client.get(deployments, { namespace: 'default', name: 'web' }, signal)
      const seen = JSON.stringify((await web()).map((pod) => pod.status))
      assert.equal(status.availableReplicas, 2, seen)
    }, 20_000)
    const [pod] = await web()
    assert.ok(pod !== undefined)
    const container = (await agent.parts).directory.container(pod, 'main')
    const { stdout } = await (await agent.parts).runtime.execSync(container?.id ?? '', ['cat', '/conf/greeting'], 5, signal)
    assert.equal(stdout.toString(), 'hello')
    assert.equal(pod.status.conditions?.filter(({ type }) => type === 'Ready').length, 1)

    await eventually(async () => {
      const { status } = await client.get(nodes, { name: 'node-1' }, signal)
      assert.ok(status.images?.some(({ names }) => names.includes(image)))
    }, 15_000)
    const foreground = { propagationPolicy: 'Foreground' as const, signal }
    await client.delete(deployments, { namespace: 'default', name: 'web' }, foreground)
    await eventually(async () => assert.deepEqual(await web(), []), 20_000)
    await sandbox[Symbol.asyncDispose]()
    await done
  })
})
