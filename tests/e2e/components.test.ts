import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { embeddedImage } from '../../addons/image/entry-points.ts'
import { productVersion } from '../../core/cli/version.ts'
import { type Cluster, clusterMissing, startCluster, until } from '../helpers/cluster.ts'

const claim = `apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: notes}
spec:
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 1Mi}}
`
const user = (name: string): string => `apiVersion: v1
kind: Pod
metadata: {name: ${name}}
spec:
  terminationGracePeriodSeconds: 1
  containers:
    - name: main
      image: ${embeddedImage('busybox', productVersion())}
      command: [sleep, "100000"]
      volumeMounts: [{name: notes, mountPath: /notes}]
  volumes: [{name: notes, persistentVolumeClaim: {claimName: notes}}]
`

describe('packaged components', { skip: clusterMissing() ?? false }, () => {
  let cluster: Cluster
  before(async () => {
    cluster = await startCluster()
  })
  after(async () => {
    await cluster[Symbol.asyncDispose]()
  })

  const shell = (pod: string, script: string): Promise<string> => cluster.kubectl(['exec', pod, '--', 'sh', '-c', script])
  const start = async (name: string): Promise<void> => {
    await cluster.kubectl('apply -f -', { input: user(name) })
    await cluster.kubectl(`wait --for=condition=Ready pod/${name} --timeout=90s`).catch(async (err: unknown) => {
      throw new Error(await cluster.kubectl('get pods,pvc,pv,events -A'), { cause: err })
    })
  }
  const volumeFolders = (): readonly string[] => readdirSync(join(cluster.dataDir, 'storage'))

  it('makes volumes that outlive their pods and go with their claims', async () => {
    await until('the service account', () => cluster.kubectl('get serviceaccount default'))
    await cluster.kubectl('apply -f -', { input: claim })
    await start('writer')
    assert.equal(await cluster.kubectl('get pvc notes -o jsonpath={.status.phase}/{.spec.storageClassName}'), 'Bound/local-path')
    await shell('writer', 'echo kept >/notes/file')
    assert.equal(volumeFolders().length, 1)
    await cluster.kubectl('delete pod writer --timeout=60s')
    await start('reader')
    assert.equal(await shell('reader', 'cat /notes/file'), 'kept\n')
    await cluster.kubectl('delete pod reader --timeout=60s')
    await cluster.kubectl('delete pvc notes --timeout=60s')
    await until('the volume is gone', async () => {
      assert.equal(await cluster.kubectl('get pv -o name'), '', await cluster.kubectl('get pv,pods,events -A'))
      assert.deepEqual(volumeFolders(), [])
    })
  })

  it('takes a component out when the next start disables it', async () => {
    await until('the chart', () => cluster.kubectl('-n kube-system get helmchart traefik'))
    await cluster.restart(['--disable', 'traefik'])
    await until('no chart', async () => {
      assert.equal(
        await cluster.kubectl('-n kube-system get helmcharts -o name'),
        '',
        await cluster.kubectl('-n kube-system get jobs,pods'),
      )
    })
    assert.equal(existsSync(join(cluster.manifests, 'traefik.yaml')), false)
    assert.doesNotMatch(await cluster.helm('list -A'), /traefik/)
    assert.match(await cluster.kubectl('-n kube-system get addons -o name'), /coredns/)
  })
})
