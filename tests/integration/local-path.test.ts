import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { events, nodes, persistentVolumeClaims, persistentVolumes, pods, serviceAccounts, storageClasses } from '../../core/api/kinds.ts'
import type { PersistentVolume, Pod } from '../../core/api/types/core-v1.ts'
import { startTestApiServer, type TestApiServer } from '../helpers/api-server.ts'
import { eventually } from '../helpers/eventually.ts'
import { inClusterTest, type InClusterTest } from '../helpers/in-cluster.ts'

const MAIN = new URL('../../addons/local-path/main.ts', import.meta.url).pathname
const life = new AbortController()
const { signal } = life

describe('the local-path program against an API server', () => {
  let api: TestApiServer
  let cluster: InClusterTest
  let child: ChildProcess

  before(async () => {
    api = await startTestApiServer()
    cluster = await inClusterTest(api, signal)
    await cluster.client.create(serviceAccounts, { metadata: { namespace: 'kube-system', name: 'default' } }, { signal })
    const folder = join(api.folder, 'config')
    await mkdir(folder)
    const config = { nodePathMap: [{ node: 'DEFAULT_PATH_FOR_NON_LISTED_NODES', paths: ['/data/storage'] }] }
    await writeFile(join(folder, 'config.json'), JSON.stringify(config))
    await writeFile(
      join(folder, 'helperPod.yaml'),
      'apiVersion: v1\nkind: Pod\nmetadata:\n  name: helper-pod\nspec:\n  containers:\n  - name: helper-pod\n    image: busybox\n',
    )
    const metadata = { name: 'local-path', annotations: { defaultVolumeType: 'local' } }
    await cluster.client.create(
      storageClasses,
      { metadata, provisioner: 'rancher.io/local-path', volumeBindingMode: 'WaitForFirstConsumer', reclaimPolicy: 'Delete' },
      { signal },
    )
    await cluster.client.create(nodes, { metadata: { name: 'n1', labels: { 'kubernetes.io/hostname': 'host-1' } } }, { signal })
    const args = [MAIN, 'start', '--config', join(folder, 'config.json')]
    child = spawn(process.execPath, args, {
      env: { ...process.env, ...cluster.env, POD_NAMESPACE: 'kube-system' },
      stdio: ['ignore', 'inherit', 'inherit'],
    })
  })

  after(async () => {
    const gone = once(child, 'exit')
    child.kill('SIGTERM')
    const [code] = (await gone) as [number | null]
    life.abort(new Error('the test is over'))
    await cluster[Symbol.asyncDispose]()
    await api[Symbol.asyncDispose]()
    assert.equal(code, 0)
  })

  /** Plays the node: the helper pod appears, ends well, and is removed by the program. */
  const completeHelper = async (name: string): Promise<Pod> => {
    let pod: Pod | undefined
    await eventually(async () => {
      pod = await cluster.client.get(pods, { namespace: 'kube-system', name }, signal)
    })
    assert.ok(pod !== undefined)
    await cluster.client.updateStatus(pods, { ...pod, status: { phase: 'Succeeded' } }, { signal })
    await eventually(async () => {
      await assert.rejects(cluster.client.get(pods, { namespace: 'kube-system', name }, signal), /not found/)
    })
    return pod
  }

  it('provisions for a claim with a node, and removes the folder when the volume is released', async () => {
    const { client } = cluster
    const annotations = {
      'volume.kubernetes.io/storage-provisioner': 'rancher.io/local-path',
      'volume.kubernetes.io/selected-node': 'n1',
    }
    const claim = await client.create(
      persistentVolumeClaims,
      {
        metadata: { namespace: 'default', name: 'data', annotations },
        spec: { storageClassName: 'local-path', accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
      },
      { signal },
    )
    const name = `pvc-${claim.metadata.uid}`
    const path = `/data/storage/${name}_default_data`
    const setup = await completeHelper(`helper-pod-create-${name}`)
    assert.equal(setup.spec.nodeName, 'n1')
    assert.deepEqual(setup.spec.containers[0]?.args, ['-p', path, '-s', '1073741824', '-m', 'Filesystem', '-a', 'create'])
    let volume = await eventuallyVolume(name)
    assert.deepEqual(volume.spec.local, { path })
    assert.equal(volume.spec.claimRef?.uid, claim.metadata.uid)
    assert.deepEqual(volume.spec.nodeAffinity?.required?.nodeSelectorTerms[0]?.matchExpressions, [
      { key: 'kubernetes.io/hostname', operator: 'In', values: ['host-1'] },
    ])
    await eventually(async () => {
      const told = (await client.list(events, { namespace: 'default' }, signal)).items.map(
        ({ reason, message }) => `${reason ?? ''}: ${message ?? ''}`,
      )
      assert.deepEqual(told.sort(), [
        'Provisioning: External provisioner is provisioning volume for claim "default/data"',
        `ProvisioningSucceeded: Successfully provisioned volume ${name}`,
      ])
    })
    volume = await client.updateStatus(persistentVolumes, { ...volume, status: { phase: 'Released' } }, { signal })
    const teardown = await completeHelper(`helper-pod-delete-${name}`)
    assert.deepEqual(teardown.spec.containers[0]?.command, ['/bin/sh', '/script/teardown'])
    await eventually(async () => {
      const left = await client.get(persistentVolumes, { name }, signal).catch(() => undefined)
      // Its protection finalizer is taken off by a controller that does not run here.
      assert.ok(left === undefined || left.metadata.deletionTimestamp !== undefined)
    })
  })

  const eventuallyVolume = async (name: string): Promise<PersistentVolume> => {
    await eventually(async () => {
      await cluster.client.get(persistentVolumes, { name }, signal)
    })
    return await cluster.client.get(persistentVolumes, { name }, signal)
  }
})
