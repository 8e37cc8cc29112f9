/** What a person may expect of pods on a node, as Kubernetes' conformance tests put it: one cluster, all pods at once. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { EventList, Pod } from '../../core/api/types/core-v1.ts'
import { type Cluster, clusterMissing, startCluster, until } from '../helpers/cluster.ts'
import { createAll, outputOf, podEnded, podOf, podReady, podWhen, program, shell } from '../helpers/pods.ts'

const field = (name: string, fieldPath: string): object => ({ name, valueFrom: { fieldRef: { fieldPath } } })
const amount = (name: string, resource: string): object => ({ name, valueFrom: { resourceFieldRef: { resource } } })
const on = (name: string, mountPath: string, more: object = {}): object => ({ name, mountPath, ...more })
const LIMITS = { requests: { cpu: '100m', memory: '32Mi' }, limits: { cpu: '200m', memory: '64Mi' } }
const scratch = { name: 'e', emptyDir: {} }
const fails = { exec: { command: ['false'] }, periodSeconds: 1, failureThreshold: 1 }

const CONFIG = [
  {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'conf' },
    data: { one: 'value-1', two: 'value-2' },
    binaryData: { raw: '3sr+' },
  },
  { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'changing' }, data: { one: 'value-1' } },
  { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'hidden' }, stringData: { one: 'secret-1' } },
]

const ENDS = [
  podOf('silent', [shell('echo out', { terminationMessagePolicy: 'FallbackToLogsOnError' })]),
  podOf('told', [shell('printf told > /dev/termination-log', { terminationMessagePolicy: 'FallbackToLogsOnError' })]),
  podOf('from-log', [shell('printf done; false', { terminationMessagePolicy: 'FallbackToLogsOnError' })]),
  podOf('no-program', [shell('', { command: ['/nope'] })]),
  podOf('step-fails', [shell('true')], { initContainers: [shell('true', { name: 'first' }), shell('false', { name: 'second' })] }),
  podOf('greedy', [program('const all = []; for (;;) all.push(Buffer.alloc(1 << 20, 1))', { resources: { limits: { memory: '48Mi' } } })]),
  podOf('late', [shell('sleep 600')], { activeDeadlineSeconds: 1 }),
  podOf('writer', [shell('dd if=/dev/zero of=/e/f bs=1M count=9; sleep 600', { volumeMounts: [on('e', '/e')] as never })], {
    volumes: [{ name: 'e', emptyDir: { sizeLimit: '4Mi' } }],
  }),
  podOf('own-users', [shell('true')], { hostUsers: false }),
  podOf('sysctl', [shell('true')], { securityContext: { sysctls: [{ name: 'kernel.msgmax', value: '65536' }] } }),
]

const VIEWS = [
  podOf(
    'facts',
    [
      shell('', {
        command: ['env'],
        resources: LIMITS,
        env: [
          field('IP', 'status.podIP'),
          field('HOST', 'status.hostIP'),
          field('UID_OF', 'metadata.uid'),
          field('LABEL', "metadata.labels['tier']"),
          amount('CPU', 'limits.cpu'),
          amount('MEMORY', 'requests.memory'),
          { name: 'JOINED', value: '$(LABEL)-$(CPU) $$(CPU) $(NONE)' },
        ] as never,
        envFrom: [{ prefix: 'c-', configMapRef: { name: 'conf' } }, { secretRef: { name: 'hidden' } }],
      }),
    ],
    { labels: { tier: 'front' } },
  ),
  podOf('named', [shell('hostname; cat /etc/hosts')], {
    hostname: 'web',
    subdomain: 'inner',
    setHostnameAsFQDN: true,
    hostAliases: [{ ip: '192.0.2.77', hostnames: ['there'] }],
  }),
  podOf('resolver', [shell('cat /etc/resolv.conf')], {
    dnsPolicy: 'None',
    dnsConfig: { nameservers: ['192.0.2.53'], searches: ['a.example'], options: [{ name: 'ndots', value: '2' }] },
  }),
  podOf(
    'nobody',
    [
      shell('id; touch /e/f; stat -c "%u %g %a" /e /e/f; grep -E "NoNewPrivs|CapEff|Seccomp:" /proc/self/status', {
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] }, seccompProfile: { type: 'RuntimeDefault' } },
        volumeMounts: [on('e', '/e')] as never,
      }),
    ],
    { securityContext: { runAsUser: 1000, runAsGroup: 2000, fsGroup: 3000, supplementalGroups: [4000] }, volumes: [scratch] },
  ),
  podOf('read-only', [shell('touch /x || echo kept', { securityContext: { readOnlyRootFilesystem: true } })]),
  podOf(
    'files',
    [
      shell(
        'cd /v; stat -L -c "%a %n" all/one items/deep/two secret/one; cat all/one secret/one mine/name /etc/nested; od -An -tx1 all/raw; ls /v/none | wc -l',
        {
          volumeMounts: [
            on('all', '/v/all'),
            on('items', '/v/items'),
            on('secret', '/v/secret'),
            on('mine', '/v/mine'),
            on('none', '/v/none'),
            on('all', '/etc/nested', { subPath: 'two' }),
          ] as never,
        },
      ),
    ],
    {
      volumes: [
        { name: 'all', configMap: { name: 'conf', defaultMode: 0o444 } },
        { name: 'items', configMap: { name: 'conf', items: [{ key: 'two', path: 'deep/two', mode: 0o400 }] } },
        { name: 'secret', secret: { secretName: 'hidden' } },
        {
          name: 'mine',
          projected: { sources: [{ downwardAPI: { items: [{ path: 'name', fieldRef: { fieldPath: 'metadata.name' } }] } }] },
        },
        { name: 'none', configMap: { name: 'absent', optional: true } },
      ],
    },
  ),
  podOf(
    'parts',
    [
      shell('echo x > /part/f; cat /all/parts-dir/f', {
        env: [field('NAME', 'metadata.name')] as never,
        volumeMounts: [on('e', '/part', { subPathExpr: '$(NAME)-dir' }), on('e', '/all')] as never,
      }),
    ],
    { volumes: [scratch] },
  ),
  podOf('beside', [shell('sleep 1; wget -qO- http://127.0.0.1:8080')], {
    initContainers: [
      program("require('http').createServer((_, r) => r.end('sidecar')).listen(8080); process.on('SIGTERM', () => process.exit(0))", {
        name: 'helper',
        restartPolicy: 'Always',
        startupProbe: { httpGet: { port: 8080 }, periodSeconds: 1 },
      }),
    ],
  }),
]

const LASTING = [
  podOf(
    'follower',
    [shell('sleep 3600', { volumeMounts: [on('conf', '/conf'), on('mine', '/mine'), on('conf', '/fixed', { subPath: 'one' })] as never })],
    {
      labels: { tier: 'front' },
      volumes: [
        { name: 'conf', configMap: { name: 'changing' } },
        { name: 'mine', downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
      ],
    },
  ),
  podOf(
    'stubborn',
    [shell("trap '' TERM; while :; do sleep 0.2; done", { livenessProbe: { ...fails, terminationGracePeriodSeconds: 1 } })],
    {
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 300,
    },
  ),
  podOf('elsewhere', [
    program(
      "require('http').createServer((_, r) => { r.writeHead(302, { location: 'http://elsewhere.invalid/' }); r.end() }).listen(8080)",
      {
        readinessProbe: { httpGet: { port: 8080 }, periodSeconds: 1 },
      },
    ),
  ]),
  podOf('slow-stop', [shell("trap 'exit 0' TERM; while :; do sleep 0.1; done", { lifecycle: { preStop: { sleep: { seconds: 2 } } } })], {
    terminationGracePeriodSeconds: 30,
  }),
  podOf('resized', [shell('sleep 3600', { resources: LIMITS })]),
  podOf('port', [shell('sleep 3600', { ports: [{ containerPort: 80, hostPort: 21_017 }] })]),
]

describe('pods', { skip: clusterMissing() ?? false }, () => {
  let cluster: Cluster
  before(async () => {
    cluster = await startCluster({ flags: ['--disable=traefik,local-storage,metrics-server'] })
    await createAll(cluster, [...CONFIG, ...LASTING, ...ENDS, ...VIEWS])
  })
  after(async () => {
    await cluster[Symbol.asyncDispose]()
  })

  const output = (name: string): Promise<string> => outputOf(cluster, name)
  const sh = (pod: string, script: string): Promise<string> => cluster.kubectl(['exec', pod, '--', 'sh', '-c', script])
  const first = ({ status }: Pod) => status.containerStatuses?.[0]
  const ended = async (name: string) => first(await podEnded(cluster, name))?.state.terminated
  const patch = (what: string, body: object, ...more: readonly string[]): Promise<string> =>
    cluster.kubectl(['patch', ...what.split(' '), '--type=strategic', '-p', JSON.stringify(body), ...more])
  const hasEvent = (name: string, reason: string): Promise<string> =>
    until(`${reason} of ${name}`, async () => {
      const { items } = JSON.parse(await cluster.kubectl(`get events --field-selector involvedObject.name=${name} -o json`)) as EventList
      const found = items.find((event) => event.reason === reason)
      if (found === undefined) throw new Error(items.map((event) => event.reason).join(' '))
      return found.message ?? ''
    })

  it('tell how they ended, in their own words or in those of their log', async () => {
    assert.equal((await ended('silent'))?.message, undefined)
    assert.equal((await ended('told'))?.message, 'told')
    const failed = await ended('from-log')
    assert.deepEqual([failed?.exitCode, failed?.reason, failed?.message], [1, 'Error', 'done'])
    assert.deepEqual([(await ended('no-program'))?.exitCode, (await ended('no-program'))?.reason], [128, 'StartError'])
    assert.equal((await ended('greedy'))?.reason, 'OOMKilled')
  })

  it('do not start what waits for a step that failed', async () => {
    const { status } = await podEnded(cluster, 'step-fails')
    assert.equal(status.phase, 'Failed')
    assert.deepEqual(status.containerStatuses?.[0]?.state, { waiting: { reason: 'PodInitializing' } })
    const initialized = status.conditions?.find(({ type }) => type === 'Initialized')
    assert.equal(initialized?.status, 'False')
    assert.equal(initialized.message, 'containers with incomplete status: [second]')
  })

  it('are ended by their deadline and by the limits of what they write, and turned away for what the node does not allow', async () => {
    assert.equal((await podEnded(cluster, 'late')).status.reason, 'DeadlineExceeded')
    assert.equal((await podEnded(cluster, 'sysctl')).status.reason, 'SysctlForbidden')
    const { status } = await podEnded(cluster, 'writer')
    assert.deepEqual([status.reason, status.message], ['Evicted', 'Usage of EmptyDir volume "e" exceeds the limit "4Mi". '])
    const { spec } = await podReady(cluster, 'port')
    await createAll(cluster, [
      podOf('same-port', [shell('true', { ports: [{ containerPort: 80, hostPort: 21_017 }] })], { nodeName: spec.nodeName ?? '' }),
    ])
    assert.match(await hasEvent('own-users', 'FailedCreatePodSandBox'), /user namespaces \(hostUsers: false\) are not supported/)
    const refused = (await podEnded(cluster, 'same-port')).status
    assert.deepEqual([refused.reason, refused.containerStatuses], ['NodePorts', undefined])
  })

  it('see facts of themselves, configuration and secrets in their environment', async () => {
    const lines = (await output('facts')).split('\n')
    const { metadata, status } = await podEnded(cluster, 'facts')
    for (const line of [
      `IP=${String(status.podIP)}`,
      `HOST=${String(status.hostIP)}`,
      `UID_OF=${metadata.uid}`,
      'LABEL=front',
      'CPU=1',
      `MEMORY=${32 << 20}`,
      'JOINED=front-1 $(CPU) $(NONE)',
      'c-one=value-1',
      'one=secret-1',
      'KUBERNETES_SERVICE_HOST=10.43.0.1',
    ])
      assert.ok(lines.includes(line), `${line} is not among\n${lines.join('\n')}`)
  })

  it('have the name and the resolver that they ask for', async () => {
    const named = await output('named')
    assert.match(named, /^web\.inner\.default\.svc\.cluster\.local\n# Kubernetes-managed hosts file\./)
    assert.match(named, /^[\d.]+\tweb\.inner\.default\.svc\.cluster\.local\tweb$/m)
    assert.match(named, /^192\.0\.2\.77\tthere$/m)
    assert.equal(await output('resolver'), 'search a.example\nnameserver 192.0.2.53\noptions ndots:2\n')
  })

  it('run as the user they name, without more rights than that', async () => {
    const text = await output('nobody')
    assert.match(text, /uid=1000\S* gid=2000 groups=2000,3000,4000/)
    assert.match(text, /^0 3000 2777\n1000 3000 644$/m)
    assert.match(text, /CapEff:\t0{16}\nNoNewPrivs:\t1\nSeccomp:\t2/)
    assert.match(await output('read-only'), /kept/)
  })

  it('find files of the API with their modes, and parts of volumes', async () => {
    assert.equal(await output('files'), '444 all/one\n400 items/deep/two\n644 secret/one\nvalue-1secret-1filesvalue-2 de ca fe\n0\n')
    assert.equal(await output('parts'), 'x\n')
    assert.equal(await output('beside'), 'sidecar')
  })

  it('see changes of what they mount', async () => {
    await podReady(cluster, 'follower')
    await patch('configmap changing', { data: { one: 'value-2', more: 'm' } })
    await patch('pod follower', { metadata: { labels: { tier: 'back' } } })
    await until('the new content', async () => {
      assert.equal(await sh('follower', 'cat /conf/one /conf/more /mine/labels'), 'value-2mtier="back"')
    })
    assert.equal(await sh('follower', 'cat /fixed'), 'value-1')
  })

  it('are restarted by their probes within the time of the probe, and not for a redirect', async () => {
    await podWhen(cluster, 'stubborn', (pod) => (first(pod)?.restartCount ?? 0) >= 1, 30_000)
    await podReady(cluster, 'elsewhere')
    assert.match(await hasEvent('elsewhere', 'ProbeWarning'), /^Readiness probe warning: Probe terminated redirects/)
  })

  it('stop after their hooks', async () => {
    await podReady(cluster, 'slow-stop')
    const begin = performance.now()
    await cluster.kubectl('delete pod slow-stop --wait=true')
    const took = performance.now() - begin
    assert.ok(took > 1_900 && took < 12_000, `it took ${took} ms`)
  })

  it('change their resources without a restart', async () => {
    const before = first(await podReady(cluster, 'resized'))?.containerID
    const resources = { requests: { cpu: '150m', memory: '32Mi' }, limits: { cpu: '300m', memory: '96Mi' } }
    await patch('pod resized', { spec: { containers: [{ name: 'main', resources }] } }, '--subresource=resize')
    const pod = await podWhen(cluster, 'resized', (found) => first(found)?.resources?.limits?.memory === '96Mi')
    assert.equal(first(pod)?.containerID, before)
    assert.equal(pod.status.observedGeneration, pod.metadata.generation)
    const limit = 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null'
    assert.equal((await sh('resized', `${limit}; true`)).trim(), String(96 << 20))
    const wrong = { spec: { containers: [{ name: 'main', resources: { requests: { cpu: '300m', memory: '96Mi' } } }] } }
    await assert.rejects(patch('pod resized', wrong, '--subresource=resize'), /Pod QOS Class may not change as a result of resizing/)
  })

  it('are counted in the figures of their node', async () => {
    const { spec } = await podReady(cluster, 'follower')
    const figures = (path: string): Promise<string> =>
      cluster.kubectl(['get', '--raw', `/api/v1/nodes/${String(spec.nodeName)}/proxy${path}`])
    await until('figures of a container', async () => {
      assert.match(await figures('/metrics/cadvisor'), /^container_memory_working_set_bytes\{container="main",.*pod="follower"\} \d+/m)
    })
    assert.match(await figures('/metrics/cadvisor'), /^container_network_receive_bytes_total\{.*interface="eth0".*pod="follower"\} \d+/m)
    assert.match(
      await figures('/metrics/probes'),
      /^prober_probe_total\{.*pod="elsewhere",.*probe_type="Readiness",result="successful"\} [1-9]/m,
    )
  })
})
