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
/** One file for each of the places where the Corefile imports some. */
const customDns = `apiVersion: v1
kind: ConfigMap
metadata: {name: coredns-custom, namespace: kube-system}
data:
  queries.override: |
    log
  internal.server: |
    internal.example:53 {
      hosts {
        192.0.2.10 db.internal.example
      }
    }
`
const client = (name: string): string => `apiVersion: v1
kind: Pod
metadata: {name: ${name}}
spec:
  terminationGracePeriodSeconds: 1
  containers:
    - name: main
      image: ${embeddedImage('busybox', productVersion())}
      command: [sleep, "100000"]
`
const user = (name: string): string => `${client(name)}      volumeMounts: [{name: notes, mountPath: /notes}]
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
  const start = async (pod: string): Promise<void> => {
    await cluster.kubectl('apply -f -', { input: pod })
    await cluster.kubectl('wait --for=condition=Ready -f - --timeout=90s', { input: pod }).catch(async (err: unknown) => {
      throw new Error(await cluster.kubectl('get pods,pvc,pv,events -A'), { cause: err })
    })
  }
  const volumeFolders = (): readonly string[] => readdirSync(join(cluster.dataDir, 'storage'))

  it('makes volumes that outlive their pods and go with their claims', async () => {
    await until('the service account', () => cluster.kubectl('get serviceaccount default'))
    await cluster.kubectl('apply -f -', { input: claim })
    await start(user('writer'))
    assert.equal(await cluster.kubectl('get pvc notes -o jsonpath={.status.phase}/{.spec.storageClassName}'), 'Bound/local-path')
    await shell('writer', 'echo kept >/notes/file')
    assert.equal(volumeFolders().length, 1)
    await cluster.kubectl('delete pod writer --timeout=60s')
    await start(user('reader'))
    assert.equal(await shell('reader', 'cat /notes/file'), 'kept\n')
    await cluster.kubectl('delete pod reader --timeout=60s')
    await cluster.kubectl('delete pvc notes --timeout=60s')
    await until('the volume is gone', async () => {
      assert.equal(await cluster.kubectl('get pv -o name'), '', await cluster.kubectl('get pv,pods,events -A'))
      assert.deepEqual(volumeFolders(), [])
    })
  })

  it('answers as the ConfigMap coredns-custom says', async () => {
    await start(client('client'))
    await cluster.kubectl('apply -f -', { input: customDns })
    // The node shows pods the new file, and the server looks for one every half minute.
    await until(
      'the own zone',
      async () => assert.match(await shell('client', 'nslookup db.internal.example'), /^Address.*: 192\.0\.2\.10$/m),
      90_000,
    )
    await shell('client', 'nslookup kubernetes.default.svc.cluster.local')
    await until('the logged query', async () => {
      assert.match(await cluster.kubectl('-n kube-system logs deployment/coredns'), /kubernetes\.default\.svc\.cluster\.local/)
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
