import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { embeddedImage } from '../../addons/image/entry-points.ts'
import type { EventList, PodList, Service } from '../../core/api/types/core-v1.ts'
import { productVersion } from '../../core/cli/version.ts'
import { type Cluster, clusterMissing, freePort, startCluster, until } from '../helpers/cluster.ts'

const IMAGE = embeddedImage('busybox', productVersion())

const namespace = `apiVersion: v1
kind: Namespace
metadata: {name: shop}
`
const configuration = (greeting: string): string => `apiVersion: v1
kind: ConfigMap
metadata: {name: page, namespace: shop}
data: {index.html: "${greeting}"}
---
apiVersion: v1
kind: Secret
metadata: {name: keys, namespace: shop}
stringData: {password: opensesame}
`
const deployment = (replicas: number, release: string): string => `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: ${replicas}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: httpd
          image: ${IMAGE}
          command: [sh, -c, "echo serving $RELEASE; exec httpd -f -v -p 8080 -h /www"]
          env:
            - {name: RELEASE, value: ${release}}
            - {name: PASSWORD, valueFrom: {secretKeyRef: {name: keys, key: password}}}
            - {name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
          readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1}
          volumeMounts:
            - {name: page, mountPath: /www}
            - {name: keys, mountPath: /keys}
      volumes:
        - {name: page, configMap: {name: page}}
        - {name: keys, secret: {secretName: keys}}
`
const service = `apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: 8080}]
`
const app = (...documents: readonly string[]): string => documents.join('---\n')

describe('an application in the manifest folder', { skip: clusterMissing() ?? false }, () => {
  let cluster: Cluster
  before(async () => {
    cluster = await startCluster({ flags: ['--disable', 'traefik', '--disable', 'local-storage'] })
    cluster.manifest('app.yaml', app(namespace, configuration('hello'), deployment(2, 'one'), service))
  })
  after(async () => {
    await cluster[Symbol.asyncDispose]()
  })

  const kubectl = (args: string): Promise<string> => cluster.kubectl(`-n shop ${args}`)
  const shell = (pod: string, script: string): Promise<string> => cluster.kubectl(['-n', 'shop', 'exec', pod, '--', 'sh', '-c', script])
  const pods = async () => (JSON.parse(await kubectl('get pods -l app=web -o json')) as PodList).items
  /** Pods of the current release, all ready, none on its way out. */
  const settled = (replicas: number) =>
    until(`${replicas} pods`, async () => {
      await kubectl('rollout status deployment/web --timeout=60s')
      const items = await pods()
      assert.equal(items.length, replicas, await kubectl('get pods -o wide'))
      return items
    })
  const firstPod = async (): Promise<string> => (await pods())[0]?.metadata.name ?? ''

  it('runs its pods, each with an address, and they reach each other', async () => {
    await until('the deployment', () => kubectl('get deployment web'))
    const [one, two] = await settled(2)
    assert.ok(one !== undefined && two !== undefined)
    assert.match(String(one.status.podIP), /^10\.42\.0\.\d+$/)
    assert.notEqual(one.status.podIP, two.status.podIP)
    assert.equal(await shell(one.metadata.name, `wget -qO- http://${two.status.podIP}:8080/`), 'hello')
  })

  it('serves it by cluster address and by name', async () => {
    const { spec } = JSON.parse(await kubectl('get service web -o json')) as Service
    const pod = await firstPod()
    await until('the cluster address', async () => {
      assert.equal(await shell(pod, `wget -qO- http://${spec.clusterIP}/`), 'hello')
    })
    for (const name of ['web', 'web.shop', 'web.shop.svc.cluster.local'])
      await until(name, async () => {
        assert.equal(await shell(pod, `wget -qO- http://${name}/`), 'hello')
      })
  })

  it('shows pods their configuration, secrets and token', async () => {
    const pod = await firstPod()
    assert.equal(await shell(pod, 'cat /www/index.html'), 'hello')
    assert.equal(await shell(pod, 'cat /keys/password'), 'opensesame')
    assert.equal(await shell(pod, 'echo $PASSWORD'), 'opensesame\n')
    assert.match(await shell(pod, 'echo $POD_IP'), /^10\.42\.0\./)
    const account = '/var/run/secrets/kubernetes.io/serviceaccount'
    assert.equal(await shell(pod, `cat ${account}/namespace`), 'shop')
    const [, payload = ''] = (await shell(pod, `cat ${account}/token`)).split('.')
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { readonly sub: string }
    assert.equal(claims.sub, 'system:serviceaccount:shop:default')
  })

  it('follows logs, talks to commands, copies files and forwards ports', async () => {
    const pod = await firstPod()
    const follow = cluster.spawnKubectl(`-n shop logs -f ${pod}`)
    let log = ''
    follow.stdout?.on('data', (chunk: Buffer) => (log += chunk.toString()))
    const logged = (line: RegExp): Promise<void> => (line.test(log) ? Promise.resolve() : Promise.reject(new Error(`the log: ${log}`)))
    await until('the log so far', () => logged(/^serving one$/m))
    await shell(pod, 'echo told-later >/proc/1/fd/1')
    await until('what is written later', () => logged(/^told-later$/m))
    follow.kill()

    assert.equal(await cluster.kubectl(`-n shop exec -i ${pod} -- tr a-z A-Z`, { input: 'quiet words\n' }), 'QUIET WORDS\n')
    const failed = await cluster.tryKubectl(['-n', 'shop', 'exec', pod, '--', 'sh', '-c', 'exit 7'])
    assert.match(failed.stderr, /command terminated with exit code 7/)

    const folder = join(cluster.dataDir, 'copied')
    mkdirSync(folder)
    writeFileSync(join(folder, 'there'), 'a file\n')
    await kubectl(`cp ${folder}/there ${pod}:/tmp/there`)
    assert.equal(await shell(pod, 'cat /tmp/there'), 'a file\n')
    await kubectl(`cp ${pod}:/tmp/there ${folder}/back`)
    assert.equal(readFileSync(join(folder, 'back'), 'utf8'), 'a file\n')

    const port = await freePort()
    const forward = cluster.spawnKubectl(`-n shop port-forward service/web ${port}:80`)
    await until('the forwarded port', async () => {
      assert.equal(await (await fetch(`http://127.0.0.1:${port}/`)).text(), 'hello')
    })
    forward.kill()
  })

  it('follows changes of the file', async () => {
    cluster.manifest('app.yaml', app(namespace, configuration('good day'), deployment(2, 'two'), service))
    await until('the second release', async () => {
      assert.match(await kubectl('get deployment web -o jsonpath={.spec.template.spec.containers[0].env[0].value}'), /^two$/)
    })
    for (const pod of await settled(2)) {
      const name = pod.metadata.name
      assert.match(await kubectl(`logs ${name}`), /^serving two$/m)
      await until('the new page', async () => {
        assert.equal(await shell(name, 'cat /www/index.html'), 'good day')
      })
    }
  })

  it('scales and rolls back', async () => {
    await kubectl('scale deployment/web --replicas=3')
    await settled(3)
    await kubectl('rollout undo deployment/web')
    await settled(3)
    assert.match(await kubectl(`logs ${await firstPod()}`), /^serving one$/m)
    assert.match(await kubectl('rollout history deployment/web'), /^3 /m)
  })

  it('prunes what a file no longer holds', async () => {
    cluster.manifest('app.yaml', app(namespace, configuration('good day'), deployment(1, 'three')))
    await until('no service', async () => {
      assert.equal(await kubectl('get service --no-headers -o name'), '')
    })
    assert.equal((await settled(1)).length, 1)
  })

  it('leaves the objects of a file that is deleted, and kubectl deletes them', async () => {
    rmSync(join(cluster.manifests, 'app.yaml'))
    // A later file that has been applied shows that the removal was seen before.
    cluster.manifest('later.yaml', 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: later, namespace: shop}\n')
    await until('the later file', () => kubectl('get configmap later'))
    assert.match(await kubectl('get deployment,configmap,secret -o name'), /deployment\.apps\/web[^]*configmap\/page[^]*secret\/keys/)
    await kubectl('delete deployment web')
    await until('no pods', async () => {
      assert.equal(await kubectl('get pods -o name'), '')
    })
  })

  it('says where a broken file is broken, and deploys the others', async () => {
    cluster.manifest('broken.yaml', 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: broken\n data: {}\n')
    cluster.manifest('whole.yaml', 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: whole, namespace: shop}\n')
    await until('the whole file', () => kubectl('get configmap whole'))
    await until('the event', async () => {
      const list = JSON.parse(
        await cluster.kubectl('-n kube-system get events --field-selector involvedObject.name=broken,type=Warning -o json'),
      ) as EventList
      const [event] = list.items
      assert.ok(event !== undefined, await cluster.kubectl('-n kube-system get events'))
      assert.deepEqual(
        [event.reason, event.message],
        ['ParseManifestFailed', `${join(cluster.manifests, 'broken.yaml')}:5: bad indentation of a mapping entry`],
      )
    })
  })
})
