import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { deploymentDef } from '../apps/deployment.ts'
import { autoscalerDef } from '../autoscaling/index.ts'
import { jobDef } from '../batch/job.ts'
import { eventDef } from '../core/event.ts'
import { nodeDef } from '../core/node.ts'
import { podDef } from '../core/pod.ts'
import { serviceDef } from '../core/service.ts'
import { persistentVolumeClaimDef } from '../core/volume.ts'
import { ingressDef } from '../networking/ingress.ts'
import { decoded, row, TEST_CONTEXT } from '../testing.ts'

const ago = (seconds: number): string => `${new Date(TEST_CONTEXT.nowMs - seconds * 1_000).toISOString().slice(0, 19)}Z`

const status = (name: string, state: object, more: object = {}): object => ({
  name,
  state,
  lastState: {},
  ready: false,
  restartCount: 0,
  image: '',
  imageID: '',
  ...more,
})
const running = (name: string, more: object = {}): object => status(name, { running: { startedAt: ago(60) } }, { ready: true, ...more })
const two = {
  containers: [
    { name: 'a', image: 'i' },
    { name: 'b', image: 'i' },
  ],
}

describe('rows of pods', () => {
  const cases: readonly (readonly [string, object, object, Record<string, unknown>])[] = [
    [
      'that runs',
      two,
      { phase: 'Running', containerStatuses: [running('a'), running('b')] },
      { Ready: '2/2', Status: 'Running', Restarts: '0' },
    ],
    [
      'that waits',
      two,
      { phase: 'Pending', containerStatuses: [running('a'), status('b', { waiting: { reason: 'ImagePullBackOff' } })] },
      { Ready: '1/2', Status: 'ImagePullBackOff' },
    ],
    [
      'that crashed',
      two,
      {
        phase: 'Running',
        containerStatuses: [
          status(
            'a',
            { waiting: { reason: 'CrashLoopBackOff' } },
            { restartCount: 3, lastState: { terminated: { exitCode: 1, finishedAt: ago(100) } } },
          ),
          running('b'),
        ],
      },
      { Ready: '1/2', Status: 'CrashLoopBackOff', Restarts: '3 (100s ago)' },
    ],
    [
      'that ended',
      two,
      {
        phase: 'Succeeded',
        containerStatuses: [
          status('a', { terminated: { exitCode: 0, reason: 'Completed' } }),
          status('b', { terminated: { exitCode: 0, reason: 'Completed' } }),
        ],
      },
      { Ready: '0/2', Status: 'Completed' },
    ],
    [
      'that failed without a reason',
      two,
      { phase: 'Failed', containerStatuses: [status('a', { terminated: { exitCode: 3 } })] },
      { Status: 'ExitCode:3' },
    ],
    [
      'that initialises',
      {
        ...two,
        initContainers: [
          { name: 'i', image: 'i' },
          { name: 'j', image: 'i' },
        ],
      },
      { phase: 'Pending', initContainerStatuses: [status('i', { terminated: { exitCode: 0 } }), status('j', { running: {} })] },
      { Status: 'Init:1/2', Ready: '0/2' },
    ],
    [
      'with a sidecar',
      { ...two, initContainers: [{ name: 's', image: 'i', restartPolicy: 'Always' }] },
      {
        phase: 'Running',
        conditions: [{ type: 'Initialized', status: 'True' }],
        initContainerStatuses: [running('s', { started: true, restartCount: 2 })],
        containerStatuses: [running('a', { restartCount: 1 }), running('b')],
      },
      { Ready: '3/3', Status: 'Running', Restarts: '3' },
    ],
    [
      'with gates',
      { ...two, readinessGates: [{ conditionType: 'a/b' }] },
      { phase: 'Running', podIPs: [{ ip: '10.0.0.1' }], conditions: [{ type: 'a/b', status: 'True' }] },
      { 'Readiness Gates': '1/1', IP: '10.0.0.1', Node: '<none>' },
    ],
  ]
  for (const [title, spec, podStatus, expected] of cases)
    it(`shows one ${title}`, () => {
      const cells = row(podDef, decoded(podDef, { metadata: { creationTimestamp: ago(3_600) }, spec, status: podStatus }))
      assert.deepEqual(Object.fromEntries(Object.keys(expected).map((key) => [key, cells[key]])), expected)
      assert.equal(cells['Age'], '60m')
    })

  it('shows one that is deleted as terminating', () => {
    const pod = decoded(podDef, { metadata: { deletionTimestamp: ago(1) }, spec: two, status: { phase: 'Running' } })
    assert.equal(row(podDef, pod)['Status'], 'Terminating')
  })

  it('marks the finished with a condition', () => {
    assert.deepEqual(podDef.rowConditions?.(decoded(podDef, { spec: two, status: { phase: 'Succeeded' } })), [
      { type: 'Completed', status: 'True', reason: 'Succeeded', message: 'The pod has completed successfully.' },
    ])
  })
})

describe('rows of other kinds', () => {
  it('shows services', () => {
    const service = decoded(serviceDef, {
      spec: {
        type: 'LoadBalancer',
        clusterIPs: ['10.43.0.9'],
        ports: [
          { port: 80, nodePort: 30080 },
          { port: 53, protocol: 'UDP' },
        ],
        selector: { b: '2', a: '1' },
      },
      status: { loadBalancer: { ingress: [{ ip: '192.0.2.2' }, { ip: '192.0.2.1' }] } },
    })
    const { Age, ...cells } = row(serviceDef, service)
    assert.equal(Age, '<unknown>')
    assert.deepEqual(cells, {
      Name: 'x',
      Type: 'LoadBalancer',
      'Cluster-IP': '10.43.0.9',
      'External-IP': '192.0.2.1,192.0.2.2',
      'Port(s)': '80:30080/TCP,53/UDP',
      Selector: 'a=1,b=2',
    })
    assert.equal(row(serviceDef, decoded(serviceDef, { spec: { type: 'LoadBalancer' } }))['External-IP'], '<pending>')
  })

  it('shows nodes', () => {
    const node = decoded(nodeDef, {
      metadata: { labels: { 'node-role.kubernetes.io/control-plane': 'true', 'node-role.kubernetes.io/etcd': '' } },
      spec: { unschedulable: true },
      status: {
        conditions: [{ type: 'Ready', status: 'True' }],
        addresses: [{ type: 'InternalIP', address: '192.0.2.7' }],
        nodeInfo: { kubeletVersion: 'v1.35.0' },
      },
    })
    const cells = row(nodeDef, node)
    assert.equal(cells['Status'], 'Ready,SchedulingDisabled')
    assert.equal(cells['Roles'], 'control-plane,etcd')
    assert.equal(cells['Internal-IP'], '192.0.2.7')
    assert.equal(cells['OS-Image'], '<unknown>')
  })

  it('shows deployments and jobs', () => {
    const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i:1' }] } }
    const deployment = decoded(deploymentDef, {
      spec: { replicas: 3, selector: { matchLabels: { a: 'b' } }, template },
      status: { readyReplicas: 2, updatedReplicas: 3 },
    })
    const cells = row(deploymentDef, deployment)
    assert.deepEqual(
      [cells['Ready'], cells['Up-to-date'], cells['Available'], cells['Images'], cells['Selector']],
      ['2/3', 3, 0, 'i:1', 'a=b'],
    )
    const job = decoded(jobDef, {
      spec: { template },
      status: { startTime: ago(90), succeeded: 1, conditions: [{ type: 'Complete', status: 'True' }], completionTime: ago(30) },
    })
    assert.deepEqual(
      [row(jobDef, job)['Status'], row(jobDef, job)['Completions'], row(jobDef, job)['Duration']],
      ['Complete', '1/1', '60s'],
    )
  })

  it('shows events', () => {
    const event = decoded(eventDef, {
      involvedObject: { kind: 'Pod', name: 'web' },
      type: 'Warning',
      reason: 'BackOff',
      message: ' text\n',
      lastTimestamp: ago(5),
      firstTimestamp: ago(600),
      count: 4,
      source: { component: 'kubelet', host: 'n1' },
    })
    assert.deepEqual(Object.values(row(eventDef, event)), [
      '5s',
      'Warning',
      'BackOff',
      'pod/web',
      '',
      'kubelet, n1',
      'text',
      '10m',
      '4',
      'x',
    ])
  })

  it('shows claims, ingresses and autoscalers', () => {
    const claim = decoded(persistentVolumeClaimDef, {
      spec: { volumeName: 'pv1', storageClassName: 'fast' },
      status: { phase: 'Bound', capacity: { storage: '5Gi' }, accessModes: ['ReadWriteMany', 'ReadWriteOnce'] },
    })
    assert.deepEqual(Object.values(row(persistentVolumeClaimDef, claim)), [
      'x',
      'Bound',
      'pv1',
      '5Gi',
      'RWO,RWX',
      'fast',
      '<unset>',
      '<unknown>',
      'Filesystem',
    ])
    const ingress = decoded(ingressDef, { spec: { rules: ['a', 'b', 'c', 'd'].map((host) => ({ host })), tls: [{}] } })
    assert.deepEqual([row(ingressDef, ingress)['Hosts'], row(ingressDef, ingress)['Ports']], ['a,b,c + 1 more...', '80, 443'])
    const autoscaler = decoded(autoscalerDef, {
      spec: { scaleTargetRef: { kind: 'Deployment', name: 'web' }, maxReplicas: 5 },
      status: { currentMetrics: [{ type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: 12, averageValue: '0' } } }] },
    })
    assert.deepEqual([row(autoscalerDef, autoscaler)['Targets'], row(autoscalerDef, autoscaler)['MinPods']], ['cpu: 12%/80%', '1'])
  })
})
