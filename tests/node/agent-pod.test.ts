import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { containerdSocket, containerdState, podDir, staticPodsDir } from '../../core/agent/paths.ts'
import { rotateIfFull } from '../../core/agent/pod/log-rotation.ts'
import { emptyRuntime } from '../../core/agent/pod/pod-runtime.ts'
import { configMaps, pods, secrets } from '../../core/api/kinds.ts'
import type { ContainerStatus, Pod } from '../../core/api/types/core-v1.ts'
import type { Draft } from '../../core/meta/object.ts'
import { silentLogger } from '../../core/observability/log.ts'
import { systemClock } from '../../core/runtime/clock.ts'
import { eventually } from '../helpers/eventually.ts'
import { TEST_IMAGE as image } from '../helpers/images.ts'
import { runtimeMissing } from '../helpers/node-sandbox.ts'
import { startTestNode, type TestNode } from '../helpers/test-node.ts'

const sleeper = (name = 'main', extra: Draft<Pod['spec']['containers'][number]> = {}): Draft<Pod['spec']['containers'][number]> => ({
  name,
  image,
  // A shell that ends at the first TERM: without it every deletion would take the whole grace period.
  command: ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 0.1; done'],
  ...extra,
})
const status = (pod: Pod, name = 'main'): ContainerStatus => {
  const all = [
    ...(pod.status.containerStatuses ?? []),
    ...(pod.status.initContainerStatuses ?? []),
    ...(pod.status.ephemeralContainerStatuses ?? []),
  ]
  const found = all.find((candidate) => candidate.name === name)
  assert.ok(found !== undefined, `no status of ${name}`)
  return found
}
const condition = (pod: Pod, type: string): string | undefined =>
  pod.status.conditions?.find((candidate) => candidate.type === type)?.status
const isReady = (pod: Pod): void => {
  assert.equal(pod.status.phase, 'Running')
  assert.equal(condition(pod, 'Ready'), 'True')
}

describe('pods on a node', { skip: runtimeMissing() ?? false }, () => {
  let node: TestNode
  before(async () => {
    node = await startTestNode()
  })
  after(async () => {
    await node[Symbol.asyncDispose]()
  })

  it('start, are told as Running and Ready, and are taken away when deleted', async () => {
    node.api.addPod({ containers: [sleeper()] }, { name: 'web', labels: { app: 'web' } })
    const pod = await node.until('web', isReady)
    assert.match(pod.status.podIP ?? '', /^10\.203\./)
    assert.deepEqual(pod.status.podIPs, [{ ip: pod.status.podIP }])
    assert.equal(pod.status.hostIP, '127.0.0.1')
    assert.equal(pod.status.qosClass, 'BestEffort')
    assert.match(status(pod).containerID ?? '', /^containerd:\/\/[0-9a-f]{64}$/)
    assert.equal(status(pod).image, image)
    assert.equal(status(pod).started, true)
    for (const type of ['PodReadyToStartContainers', 'Initialized', 'ContainersReady', 'PodScheduled'])
      assert.equal(condition(pod, type), 'True')
    const reasons = node.events('web').map(({ reason, message, involvedObject }) => `${reason} ${message} ${involvedObject.fieldPath}`)
    const where = 'spec.containers{main}'
    assert.deepEqual(reasons, [
      `Pulled Container image "${image}" already present on machine and can be accessed by the pod ${where}`,
      `Created Container created ${where}`,
      `Started Container started ${where}`,
    ])
    const { uid } = pod.metadata
    node.api.deletePod('web', 5)
    await node.gone('web')
    assert.equal(
      node.events('web').some(({ reason, message }) => reason === 'Killing' && message === 'Stopping container main'),
      true,
    )
    await eventually(async () => {
      assert.ok(!existsSync(podDir(node.sandbox.paths, uid)), 'volumes are gone')
      assert.deepEqual(
        readdirSync(node.sandbox.paths.podLogs).filter((name) => name.endsWith(uid)),
        [],
        'logs are gone',
      )
      assert.deepEqual(await node.parts().runtime.listPodSandboxes({ labels: { 'io.kubernetes.pod.uid': uid } }, node.sandbox.signal), [])
    })
  })

  it('get environment, names and arguments as the spec says', async () => {
    node.api.seed(configMaps, { metadata: { name: 'conf', namespace: 'default' }, data: { KEY: 'from-map', other: 'x' } })
    node.api.seed(secrets, { metadata: { name: 'cred', namespace: 'default' }, data: { pw: Buffer.from('s3cret').toString('base64') } })
    node.api.addPod(
      {
        hostname: 'box',
        subdomain: 'sub',
        hostAliases: [{ ip: '1.2.3.4', hostnames: ['foo.test', 'bar.test'] }],
        dnsConfig: { options: [{ name: 'ndots', value: '2' }] },
        containers: [
          sleeper('main', {
            workingDir: '/tmp',
            args: ['$(GREETING)', '$$(GREETING)', '$(NONE)'],
            command: ['sh', '-c', 'echo "$0|$1|$2"; trap "exit 0" TERM; while :; do sleep 0.1; done'],
            resources: { limits: { cpu: '500m', memory: '64Mi' } },
            envFrom: [{ prefix: 'P_', configMapRef: { name: 'conf' } }, { secretRef: { name: 'absent', optional: true } }],
            env: [
              { name: 'NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
              { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
              { name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
              { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'limits.cpu', divisor: '1m' } } },
              { name: 'PW', valueFrom: { secretKeyRef: { name: 'cred', key: 'pw' } } },
              { name: 'MAP', valueFrom: { configMapKeyRef: { name: 'conf', key: 'KEY' } } },
              { name: 'GREETING', value: 'hi $(NAME) $(KUBERNETES_SERVICE_PORT)' },
            ],
          }),
        ],
      },
      { name: 'env' },
    )
    const pod = await node.until('env', isReady)
    const env = new Map(
      (await node.exec('env', 'main', 'env')).split('\n').map((line) => [line.split('=')[0], line.slice(line.indexOf('=') + 1)]),
    )
    const want = {
      P_KEY: 'from-map',
      P_other: 'x',
      NAME: 'env',
      IP: pod.status.podIP,
      NODE: 'node-1',
      CPU: '500',
      PW: 's3cret',
      MAP: 'from-map',
      GREETING: 'hi env 443',
      KUBERNETES_SERVICE_HOST: '10.43.0.1',
      KUBERNETES_PORT_443_TCP_ADDR: '10.43.0.1',
      HOSTNAME: 'box',
    }
    for (const [name, value] of Object.entries(want)) assert.equal(env.get(name), value, name)
    assert.equal(readFileSync(node.log('env', 'main'), 'utf8').split(' ').slice(3).join(' ').trim(), 'hi env 443|$(GREETING)|$(NONE)')
    assert.equal((await node.exec('env', 'main', 'sh', '-c', 'pwd')).trim(), '/tmp')
    assert.equal((await node.exec('env', 'main', 'hostname')).trim(), 'box')
    const hosts = await node.exec('env', 'main', 'cat', '/etc/hosts')
    assert.match(hosts, new RegExp(`^${pod.status.podIP}\tbox\\.sub\\.default\\.svc\\.cluster\\.local\tbox$`, 'm'))
    assert.match(hosts, /^1\.2\.3\.4\tfoo\.test\tbar\.test$/m)
    const resolv = await node.exec('env', 'main', 'cat', '/etc/resolv.conf')
    assert.match(resolv, /^nameserver 10\.43\.0\.10$/m)
    assert.match(resolv, /^search default\.svc\.cluster\.local svc\.cluster\.local cluster\.local/m)
    assert.match(resolv, /^options ndots:2$/m)
  })

  it('wait with CreateContainerConfigError until what they refer to exists', async () => {
    node.api.addPod({ containers: [sleeper('main', { envFrom: [{ configMapRef: { name: 'late' } }] })] }, { name: 'waiter' })
    const pod = await node.until('waiter', (seen) => assert.equal(status(seen).state.waiting?.reason, 'CreateContainerConfigError'))
    assert.equal(status(pod).state.waiting?.message, 'configmap "late" not found')
    assert.ok(node.events('waiter').some(({ reason, message }) => reason === 'Failed' && message === 'Error: configmap "late" not found'))
    node.api.seed(configMaps, { metadata: { name: 'late', namespace: 'default' }, data: {} })
    await node.until('waiter', isReady)
  })

  it('are limited by cgroups, container and pod', async () => {
    const resources = { requests: { cpu: '100m', memory: '32Mi' }, limits: { cpu: '250m', memory: '48Mi' } }
    node.api.addPod({ containers: [sleeper('main', { resources })] }, { name: 'limited' })
    const pod = await node.until('limited', isReady)
    assert.equal(pod.status.qosClass, 'Burstable')
    assert.deepEqual(status(pod).resources, resources)
    assert.deepEqual(status(pod).allocatedResources, resources.requests)
    const root = node.sandbox.paths.cgroupRoot
    const base = `${root}/burstable/pod${pod.metadata.uid}`
    const read = (controller: string, file: string): string => readFileSync(join('/sys/fs/cgroup', controller, base, file), 'utf8').trim()
    if (existsSync('/sys/fs/cgroup/cpu')) {
      assert.equal(read('cpu', 'cpu.shares'), '102')
      assert.equal(read('cpu', 'cpu.cfs_quota_us'), '25000')
      assert.equal(read('memory', 'memory.limit_in_bytes'), String(48 << 20))
      const child = (status(pod).containerID ?? '').replace('containerd://', '')
      assert.equal(read('memory', `${child}/memory.limit_in_bytes`), String(48 << 20))
    } else {
      assert.equal(read('', 'cpu.max'), '25000 100000')
      assert.equal(read('', 'memory.max'), String(48 << 20))
    }
  })

  it('are resized in place', async () => {
    const small = { requests: { cpu: '50m', memory: '32Mi' }, limits: { cpu: '100m', memory: '32Mi' } }
    const large = { requests: { cpu: '70m', memory: '48Mi' }, limits: { cpu: '200m', memory: '64Mi' } }
    const resizePolicy = [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }]
    node.api.addPod(
      { containers: [sleeper('main', { resources: small }), sleeper('picky', { resources: small, resizePolicy })] },
      { name: 'sized' },
    )
    const before = await node.until('sized', isReady)
    const resize = (resources: object): void => {
      node.api.change(pods, { namespace: 'default', name: 'sized' }, (pod) => ({
        ...pod,
        spec: { ...pod.spec, containers: pod.spec.containers.map((container) => ({ ...container, resources })) },
      }))
    }
    resize(large)
    const after = await node.until('sized', (pod) => {
      isReady(pod)
      assert.deepEqual([status(pod).resources, status(pod, 'picky').resources], [large, large])
      assert.equal(status(pod, 'picky').restartCount, 1)
    })
    assert.equal(status(after).containerID, status(before).containerID, 'resized without a restart')
    assert.equal(status(after).restartCount, 0)
    if (existsSync('/sys/fs/cgroup/cpu')) {
      const id = (status(after).containerID ?? '').replace('containerd://', '')
      const base = `${node.sandbox.paths.cgroupRoot}/burstable/pod${after.metadata.uid}`
      const read = (controller: string, file: string): string => readFileSync(join('/sys/fs/cgroup', controller, base, file), 'utf8').trim()
      assert.equal(read('cpu', `${id}/cpu.cfs_quota_us`), '20000')
      assert.equal(read('memory', `${id}/memory.limit_in_bytes`), String(64 << 20))
      assert.equal(read('memory', 'memory.limit_in_bytes'), String(128 << 20))
    }
    resize({ requests: { cpu: '1000' } })
    const pending = await node.until('sized', (pod) => assert.equal(condition(pod, 'PodResizePending'), 'True'))
    assert.equal(pending.status.conditions?.find(({ type }) => type === 'PodResizePending')?.reason, 'Infeasible')
    assert.deepEqual(status(pending).resources, large)
    resize(large)
    await node.until('sized', (pod) => assert.equal(condition(pod, 'PodResizePending'), undefined))
    node.api.deletePod('sized', 0)
  })

  it('run as the user they ask for, with the rights they ask for', async () => {
    node.api.addPod(
      {
        securityContext: { runAsUser: 1000, runAsGroup: 3000, fsGroup: 2000, supplementalGroups: [4000], runAsNonRoot: true },
        volumes: [{ name: 'data', emptyDir: {} }],
        containers: [
          sleeper('main', {
            securityContext: { readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
            volumeMounts: [{ name: 'data', mountPath: '/data' }],
          }),
        ],
      },
      { name: 'user' },
    )
    await node.until('user', isReady)
    assert.match(await node.exec('user', 'main', 'id'), /uid=1000.* gid=3000 groups=.*2000.*4000|uid=1000.* gid=3000 groups=.*4000.*2000/)
    assert.match(await node.exec('user', 'main', 'grep', 'NoNewPrivs', '/proc/self/status'), /1/)
    assert.match(await node.exec('user', 'main', 'grep', 'CapBnd', '/proc/1/status'), /0000000000000000/)
    await assert.rejects(node.exec('user', 'main', 'touch', '/x'), /Read-only/)
    await node.exec('user', 'main', 'sh', '-c', 'echo x > /data/file')
    assert.match(await node.exec('user', 'main', 'stat', '-c', '%u %g %a', '/data/file'), /^1000 2000 /)
  })

  it('are refused when they must not be root and would be', async () => {
    node.api.addPod({ securityContext: { runAsNonRoot: true }, containers: [sleeper()] }, { name: 'rooted' })
    const pod = await node.until('rooted', (seen) => assert.equal(status(seen).state.waiting?.reason, 'CreateContainerConfigError'))
    assert.match(
      status(pod).state.waiting?.message ?? '',
      /^container has runAsNonRoot and image will run as root \(pod: "rooted_default\(/,
    )
  })

  it('see volumes, and changes of their content', async () => {
    node.api.seed(configMaps, { metadata: { name: 'files', namespace: 'default' }, data: { 'a.txt': 'one', 'b.txt': 'two' } })
    node.api.addPod(
      {
        serviceAccountName: 'default',
        volumes: [
          { name: 'conf', configMap: { name: 'files' } },
          {
            name: 'token',
            projected: {
              sources: [
                { serviceAccountToken: { path: 'token', expirationSeconds: 3600 } },
                { downwardAPI: { items: [{ path: 'name', fieldRef: { fieldPath: 'metadata.name' } }] } },
              ],
            },
          },
          { name: 'mem', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } },
          { name: 'scratch', emptyDir: {} },
        ],
        containers: [
          sleeper('main', {
            env: [{ name: 'WHO', value: 'sub' }],
            volumeMounts: [
              { name: 'conf', mountPath: '/conf' },
              { name: 'conf', mountPath: '/one/a.txt', subPath: 'a.txt', readOnly: true },
              { name: 'token', mountPath: '/var/run/secrets', readOnly: true },
              { name: 'mem', mountPath: '/mem' },
              { name: 'scratch', mountPath: '/sub', subPathExpr: '$(WHO)/dir' },
            ],
          }),
        ],
      },
      { name: 'vols' },
    )
    const pod = await node.until('vols', isReady)
    assert.equal(await node.exec('vols', 'main', 'cat', '/conf/a.txt', '/one/a.txt', '/conf/b.txt'), 'oneonetwo')
    assert.match(await node.exec('vols', 'main', 'cat', '/var/run/secrets/token', '/var/run/secrets/name'), /^token-default-\d+vols$/)
    assert.match(await node.exec('vols', 'main', 'df', '-k', '/mem'), /\b1024\b/)
    await node.exec('vols', 'main', 'touch', '/sub/x')
    assert.ok(existsSync(join(podDir(node.sandbox.paths, pod.metadata.uid), 'volumes/kubernetes.io~empty-dir/scratch/sub/dir/x')))
    assert.deepEqual(status(pod).volumeMounts?.[1], {
      name: 'conf',
      mountPath: '/one/a.txt',
      readOnly: true,
      recursiveReadOnly: 'Disabled',
    })
    node.api.change(configMaps, { namespace: 'default', name: 'files' }, (map) => ({ ...map, data: { 'a.txt': 'changed' } }))
    await eventually(async () => {
      assert.equal(await node.exec('vols', 'main', 'cat', '/conf/a.txt'), 'changed')
      await assert.rejects(node.exec('vols', 'main', 'cat', '/conf/b.txt'))
    })
    assert.equal(await node.exec('vols', 'main', 'cat', '/one/a.txt'), 'one', 'a sub-path keeps what it was')
  })

  it('wait for a volume that cannot be mounted yet', async () => {
    node.api.addPod(
      {
        volumes: [{ name: 's', secret: { secretName: 'later' } }],
        containers: [sleeper('main', { volumeMounts: [{ name: 's', mountPath: '/s' }] })],
      },
      { name: 'mounter' },
    )
    await eventually(() => {
      assert.ok(
        node.events('mounter').some(({ reason, message }) => reason === 'FailedMount' && message?.includes('secret "later" not found')),
      )
    })
    assert.equal(status(await node.until('mounter', () => undefined)).state.waiting?.reason, 'ContainerCreating')
    node.api.seed(secrets, { metadata: { name: 'later', namespace: 'default' }, data: { k: Buffer.from('v').toString('base64') } })
    await node.until('mounter', isReady)
    assert.equal(await node.exec('mounter', 'main', 'cat', '/s/k'), 'v')
  })

  it('run init containers in order, then sidecars beside the rest, and end sidecars last', async () => {
    const note = (text: string): string => `echo ${text} >> /shared/order`
    const volumeMounts = [{ name: 'shared', mountPath: '/shared' }]
    node.api.addPod(
      {
        restartPolicy: 'Never',
        volumes: [{ name: 'shared', emptyDir: {} }],
        initContainers: [
          { name: 'first', image, command: ['sh', '-c', note('first')], volumeMounts },
          sleeper('side', {
            restartPolicy: 'Always',
            volumeMounts,
            command: ['sh', '-c', `${note('side')}; trap "${note('side-end')}; exit 0" TERM; while :; do sleep 0.1; done`],
          }),
          { name: 'second', image, command: ['sh', '-c', note('second')], volumeMounts },
        ],
        containers: [
          { name: 'main', image, command: ['sh', '-c', `${note('main')}; sleep 1; cat /shared/order; ${note('main-end')}`], volumeMounts },
        ],
      },
      { name: 'steps' },
    )
    const pod = await node.until('steps', (seen) => assert.equal(seen.status.phase, 'Succeeded'))
    assert.match(readFileSync(node.log('steps', 'main'), 'utf8'), /first\n.*side\n.*second\n.*main\n/)
    assert.equal(status(pod, 'first').state.terminated?.reason, 'Completed')
    assert.equal(status(pod, 'side').state.terminated?.exitCode, 0)
    assert.equal(status(pod, 'first').ready, true)
    assert.equal(pod.status.conditions?.find(({ type }) => type === 'Ready')?.reason, 'PodCompleted')
  })

  it('fail when an init container fails for good', async () => {
    node.api.addPod(
      { restartPolicy: 'Never', initContainers: [{ name: 'init', image, command: ['sh', '-c', 'exit 9'] }], containers: [sleeper()] },
      { name: 'badinit' },
    )
    const pod = await node.until('badinit', (seen) => assert.equal(seen.status.phase, 'Failed'))
    assert.equal(status(pod, 'init').state.terminated?.exitCode, 9)
    assert.equal(
      status(pod).state.terminated?.reason ?? status(pod).state.waiting?.reason,
      status(pod).state.terminated?.reason ?? 'PodInitializing',
    )
  })

  it('restart failed containers with growing pauses', async () => {
    node.api.addPod(
      { containers: [{ name: 'main', image, command: ['sh', '-c', 'echo why > /dev/termination-log; exit 3'] }] },
      { name: 'crash' },
    )
    const pod = await node.until('crash', (seen) => {
      assert.equal(status(seen).state.waiting?.reason, 'CrashLoopBackOff')
    })
    const { uid } = pod.metadata
    assert.equal(status(pod).state.waiting?.message, `back-off 10s restarting failed container=main pod=crash_default(${uid})`)
    assert.equal(status(pod).restartCount, 1)
    assert.deepEqual([status(pod).lastState.terminated?.exitCode, status(pod).lastState.terminated?.message], [3, 'why\n'])
    assert.equal(pod.status.phase, 'Running')
    assert.equal(condition(pod, 'Ready'), 'False')
    assert.ok(
      node
        .events('crash')
        .some(
          ({ reason, message }) =>
            reason === 'BackOff' && message === `Back-off restarting failed container main in pod crash_default(${uid})`,
        ),
    )
    node.api.deletePod('crash', 0)
    await node.gone('crash')
  })

  it('tell when memory ran out', async () => {
    node.api.addPod(
      {
        restartPolicy: 'Never',
        containers: [
          { name: 'main', image, command: ['sh', '-c', 'x=a; while :; do x="$x$x"; done'], resources: { limits: { memory: '16Mi' } } },
        ],
      },
      { name: 'oom' },
    )
    const pod = await node.until('oom', (seen) => assert.equal(seen.status.phase, 'Failed'))
    assert.deepEqual([status(pod).state.terminated?.reason, status(pod).state.terminated?.exitCode], ['OOMKilled', 137])
  })

  it('become ready by their probes and are restarted by them', async () => {
    node.api.addPod(
      {
        containers: [
          sleeper('main', {
            readinessProbe: { exec: { command: ['test', '-f', '/tmp/ready'] }, periodSeconds: 1 },
            livenessProbe: {
              exec: { command: ['sh', '-c', '! test -f /tmp/dead'] },
              periodSeconds: 1,
              failureThreshold: 1,
              terminationGracePeriodSeconds: 1,
            },
          }),
        ],
      },
      { name: 'probed' },
    )
    const before = await node.until('probed', (seen) => assert.ok(status(seen).state.running))
    assert.equal(status(before).ready, false)
    await eventually(() => {
      assert.ok(
        node.events('probed').some(({ reason, message }) => reason === 'Unhealthy' && message?.startsWith('Readiness probe failed: ')),
      )
    })
    await node.exec('probed', 'main', 'touch', '/tmp/ready')
    await node.until('probed', isReady)
    await node.exec('probed', 'main', 'touch', '/tmp/dead')
    const after = await node.until('probed', (seen) => assert.equal(status(seen).restartCount, 1))
    assert.ok(
      node
        .events('probed')
        .some(({ reason, message }) => reason === 'Killing' && message === 'Container main failed liveness probe, will be restarted'),
    )
    await node.until('probed', (seen) => assert.ok(status(seen).state.running))
    assert.equal(status(after).lastState.terminated !== undefined, true)
  })

  it('answer http, tcp and startup probes', async () => {
    node.api.addPod(
      {
        containers: [
          sleeper('main', {
            command: ['sh', '-c', 'mkdir /www; echo ok > /www/ok; sleep 1; exec httpd -f -p 8080 -h /www'],
            ports: [{ name: 'http', containerPort: 8080 }],
            startupProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1, failureThreshold: 30 },
            readinessProbe: { httpGet: { path: '/ok', port: 'http' }, periodSeconds: 1 },
            livenessProbe: { httpGet: { path: '/gone', port: 8080 }, periodSeconds: 1, failureThreshold: 1000 },
          }),
        ],
      },
      { name: 'http' },
    )
    await node.until('http', isReady)
    const messages = await eventually(() => {
      const found = node.events('http').map(({ message }) => message ?? '')
      assert.ok(found.some((message) => message === 'Liveness probe failed: HTTP probe failed with statuscode: 404'))
      return found
    })
    assert.ok(
      messages.some((message) => /^Startup probe failed: dial tcp 10\.203\.\d+\.\d+:8080: connect: connection refused$/.test(message)),
    )
    node.api.deletePod('http', 0)
  })

  it('run their hooks, and end within the grace period', async () => {
    node.api.addPod(
      {
        terminationGracePeriodSeconds: 10,
        volumes: [{ name: 'out', hostPath: { path: node.sandbox.dir } }],
        containers: [
          sleeper('main', {
            volumeMounts: [{ name: 'out', mountPath: '/out' }],
            command: ['sh', '-c', 'trap "echo term >> /out/hooks; exit 0" TERM; while :; do sleep 0.1; done'],
            lifecycle: {
              postStart: { exec: { command: ['sh', '-c', 'echo start >> /out/hooks'] } },
              preStop: { exec: { command: ['sh', '-c', 'sleep 1; echo stop >> /out/hooks'] } },
            },
          }),
          { name: 'stubborn', image, command: ['sh', '-c', 'trap "" TERM; while :; do sleep 0.1; done'] },
        ],
      },
      { name: 'hooks' },
    )
    await node.until('hooks', isReady)
    const startedMs = Date.now()
    node.api.deletePod('hooks', 3)
    await node.gone('hooks')
    const tookMs = Date.now() - startedMs
    assert.ok(tookMs > 2_500 && tookMs < 8_000, `took ${tookMs} ms`)
    assert.equal(readFileSync(join(node.sandbox.dir, 'hooks'), 'utf8'), 'start\nstop\nterm\n')
  })

  it('are killed when their postStart hook fails', async () => {
    node.api.addPod(
      { terminationGracePeriodSeconds: 1, containers: [sleeper('main', { lifecycle: { postStart: { exec: { command: ['false'] } } } })] },
      { name: 'badhook' },
    )
    await node.until('badhook', (seen) => assert.equal(status(seen).state.waiting?.reason, 'PostStartHookError'))
    assert.ok(node.events('badhook').some(({ reason }) => reason === 'FailedPostStartHook'))
    node.api.deletePod('badhook', 0)
  })

  it('fail when their deadline is over', async () => {
    node.api.addPod({ activeDeadlineSeconds: 2, terminationGracePeriodSeconds: 1, containers: [sleeper()] }, { name: 'late' })
    const pod = await node.until('late', (seen) => assert.equal(seen.status.phase, 'Failed'))
    assert.equal(pod.status.reason, 'DeadlineExceeded')
    await node.until('late', (seen) => assert.ok(status(seen).state.terminated))
  })

  it('tell what is wrong with their image', async () => {
    node.api.addPod({ containers: [{ name: 'main', image: 'docker.io/k3ts/none:1', imagePullPolicy: 'Never' }] }, { name: 'never' })
    node.api.addPod({ containers: [{ name: 'main', image: 'Not A Name' }] }, { name: 'misnamed' })
    node.api.addPod({ containers: [{ name: 'main', image: '127.0.0.1:1/none:1' }] }, { name: 'unreachable' })
    await node.until('unreachable', (seen) => assert.equal(status(seen).state.waiting?.reason, 'ErrImagePull'))
    await node.until('never', (seen) => assert.equal(status(seen).state.waiting?.reason, 'ErrImageNeverPull'))
    await node.until('misnamed', (seen) => assert.equal(status(seen).state.waiting?.reason, 'InvalidImageName'))
    await node.until('unreachable', (seen) => assert.equal(status(seen).state.waiting?.reason, 'ImagePullBackOff'), 15_000)
    const messages = node.events('unreachable').map(({ reason, message }) => `${reason} ${message}`)
    assert.ok(messages.includes('Failed Error: ErrImagePull') && messages.includes('Failed Error: ImagePullBackOff'), messages.join('\n'))
    assert.ok(messages.includes('BackOff Back-off pulling image "127.0.0.1:1/none:1"'))
    for (const name of ['never', 'misnamed', 'unreachable']) node.api.deletePod(name, 0)
    await node.gone('unreachable')
  })

  it('get a new sandbox when theirs dies', async () => {
    node.api.addPod({ containers: [sleeper()] }, { name: 'reborn' })
    const before = await node.until('reborn', isReady)
    const found = node.parts().directory.find('default', 'reborn')
    assert.ok(found !== undefined)
    const sandbox = node.parts().directory.sandbox(found) ?? ''
    // The way a sandbox dies by itself: its one process ends, its containers go on.
    execFileSync('ctr', ['-a', containerdSocket(node.sandbox.paths), '-n', 'k8s.io', 'tasks', 'kill', '-s', 'SIGKILL', sandbox])
    const after = await node.until(
      'reborn',
      (pod) => {
        isReady(pod)
        assert.notEqual(status(pod).containerID, status(before).containerID)
      },
      30_000,
    )
    assert.equal(status(after).restartCount, 1)
    assert.ok(node.events('reborn').some(({ reason }) => reason === 'SandboxChanged'))
  })

  it('take ephemeral containers', async () => {
    node.api.addPod({ containers: [sleeper()] }, { name: 'debugged' })
    await node.until('debugged', isReady)
    node.api.change(pods, { namespace: 'default', name: 'debugged' }, (pod) => ({
      ...pod,
      spec: {
        ...pod.spec,
        ephemeralContainers: [{ name: 'dbg', image, resources: {}, targetContainerName: 'main', command: ['sh', '-c', 'ps; sleep 1000'] }],
      },
    }))
    await node.until('debugged', (pod) => assert.ok(status(pod, 'dbg').state.running))
    await eventually(() => assert.match(readFileSync(node.log('debugged', 'dbg'), 'utf8'), /while/))
    node.api.deletePod('debugged', 0)
  })

  it('show changed labels in downward API volumes', async () => {
    const volumes = [{ name: 'info', downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } }]
    node.api.addPod(
      { volumes, containers: [sleeper('main', { volumeMounts: [{ name: 'info', mountPath: '/info' }] })] },
      { name: 'labelled', labels: { a: '1' } },
    )
    await node.until('labelled', isReady)
    assert.equal(await node.exec('labelled', 'main', 'cat', '/info/labels'), 'a="1"')
    node.api.change(pods, { namespace: 'default', name: 'labelled' }, (pod) => ({
      ...pod,
      metadata: { ...pod.metadata, labels: { a: '2' } },
    }))
    await eventually(async () => assert.equal(await node.exec('labelled', 'main', 'cat', '/info/labels'), 'a="2"'))
    node.api.deletePod('labelled', 0)
  })

  it('tell what they use', async () => {
    node.api.addPod({ containers: [sleeper()] }, { name: 'measured' })
    await node.until('measured', isReady)
    const { stats } = node.parts()
    const summary = await eventually(async () => {
      const found = (await stats.summary(node.sandbox.signal)) as {
        readonly node: { readonly memory: { readonly workingSetBytes: number } }
        readonly pods: readonly {
          readonly podRef: { readonly name: string }
          readonly containers: readonly { readonly memory?: { readonly workingSetBytes: number } }[]
        }[]
      }
      const own = found.pods.find(({ podRef }) => podRef.name === 'measured')
      assert.ok((own?.containers[0]?.memory?.workingSetBytes ?? 0) > 0)
      return found
    })
    assert.ok(summary.node.memory.workingSetBytes > 1 << 20)
    const text = await stats.resourceMetrics(node.sandbox.signal)
    assert.match(text, /^container_cpu_usage_seconds_total\{container="main",namespace="default",pod="measured"\} [\d.e-]+ \d+$/m)
    assert.match(text, /^node_memory_working_set_bytes \d+ \d+$/m)
    node.api.deletePod('measured', 0)
  })

  it('have their logs rotated without losing a line', async () => {
    const command = ['sh', '-c', 'trap "exit 0" TERM; i=0; while :; do i=$((i+1)); echo line $i; sleep 0.01; done']
    node.api.addPod({ containers: [{ name: 'main', image, command }] }, { name: 'talker' })
    const pod = await node.until('talker', isReady)
    const path = node.log('talker', 'main')
    const id = (status(pod).containerID ?? '').replace('containerd://', '')
    const deps = {
      runtime: node.parts().runtime,
      cache: { uids: () => [], get: () => emptyRuntime('') },
      clock: systemClock,
      log: silentLogger,
      limits: { maxBytes: 200, maxFiles: 10 },
    }
    for (const folder of [1, 2]) {
      await eventually(() => assert.ok(statSync(path).size > 300, `too little in round ${folder}`))
      await rotateIfFull({ id, logPath: path }, deps, node.sandbox.signal)
      await new Promise((resolve) => setTimeout(resolve, 1_100))
    }
    const dir = dirname(path)
    const texts = readdirSync(dir)
      .sort()
      .map((name) => {
        const bytes = readFileSync(join(dir, name))
        return { name, text: (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString() }
      })
    assert.equal(texts.length, 3)
    assert.equal(texts.filter(({ name }) => name.endsWith('.gz')).length, 1, 'only the newest that was set aside is left plain')
    const [current, ...aside] = texts
    const numbers = [...aside, current].flatMap((part) =>
      [...(part?.text ?? '').matchAll(/line (\d+)\n/g)].map((match) => Number(match[1])),
    )
    assert.deepEqual(
      numbers,
      numbers.map((_, index) => index + 1),
    )
    node.api.deletePod('talker', 0)
  })

  it('outlive their containerd', async () => {
    node.api.addPod({ containers: [sleeper()] }, { name: 'hardy' })
    const before = await node.until('hardy', isReady)
    const pid = Number(readFileSync(join(containerdState(node.sandbox.paths), 'containerd.pid'), 'utf8').split('\n')[0])
    process.kill(pid, 'SIGKILL')
    node.api.addPod({ containers: [sleeper()] }, { name: 'later' })
    await node.until('later', isReady, 30_000)
    const after = await node.until('hardy', isReady)
    assert.equal(status(after).containerID, status(before).containerID)
    await node.exec('hardy', 'main', 'true')
    await node.exec('hardy', 'main', 'sh', '-c', 'kill 1')
    await node.until('hardy', (pod) => assert.equal(status(pod).restartCount, 1), 20_000)
    for (const name of ['hardy', 'later']) node.api.deletePod(name, 0)
  })

  it('come from the folder of static pods and show up as mirrors', async () => {
    const file = join(staticPodsDir(node.sandbox.paths), 'static.yaml')
    mkdirSync(staticPodsDir(node.sandbox.paths), { recursive: true })
    writeFileSync(
      file,
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'static' },
        spec: { containers: [sleeper()], terminationGracePeriodSeconds: 1 },
      }),
    )
    const pod = await node.until('static-node-1', isReady)
    assert.equal(pod.metadata.annotations?.['kubernetes.io/config.source'], 'file')
    assert.equal(pod.metadata.annotations['kubernetes.io/config.mirror'], pod.metadata.annotations['kubernetes.io/config.hash'])
    rmSync(file)
    await node.gone('static-node-1')
    await eventually(
      () =>
        assert.equal(
          node
            .parts()
            .pods.pods()
            .some(({ metadata }) => metadata.name === 'static-node-1'),
          false,
        ),
      15_000,
    )
  })

  it('survive a restart of the agent untouched, and what happened meanwhile is caught up with', async () => {
    const readinessProbe = { exec: { command: ['true'] }, periodSeconds: 1 }
    node.api.seed(configMaps, { metadata: { name: 'kept', namespace: 'default' }, data: { a: 'one' } })
    const volumes = [{ name: 'conf', configMap: { name: 'kept' } }]
    const volumeMounts = [{ name: 'conf', mountPath: '/conf' }]
    node.api.addPod({ volumes, containers: [sleeper('main', { readinessProbe, volumeMounts })] }, { name: 'steady' })
    node.api.addPod({ containers: [sleeper()] }, { name: 'ends' })
    node.api.addPod({ containers: [sleeper()] }, { name: 'forgotten' })
    const before = await node.until('steady', isReady)
    for (const name of ['ends', 'forgotten']) await node.until(name, isReady)
    const forgotten = node.api.pod('forgotten')
    await node.stop()
    const { resourceVersion } = node.api.pod('steady')?.metadata ?? {}
    node.api.deletePod('ends', 1)
    node.api.remove(pods, { namespace: 'default', name: 'forgotten' })
    await node.start()
    await node.gone('ends')
    const after = await node.until('steady', isReady)
    assert.equal(after.metadata.resourceVersion, resourceVersion, 'not even its status was written')
    assert.equal(status(after).containerID, status(before).containerID)
    assert.equal(status(after).restartCount, 0)
    node.api.change(configMaps, { namespace: 'default', name: 'kept' }, (map) => ({ ...map, data: { a: 'two' } }))
    await eventually(async () => assert.equal(await node.exec('steady', 'main', 'cat', '/conf/a'), 'two'))
    await eventually(async () => {
      const labels = { 'io.kubernetes.pod.uid': forgotten?.metadata.uid ?? '' }
      assert.deepEqual(await node.parts().runtime.listPodSandboxes({ labels }, node.sandbox.signal), [])
      assert.ok(!existsSync(podDir(node.sandbox.paths, labels['io.kubernetes.pod.uid'])))
    }, 15_000)
  })
})
