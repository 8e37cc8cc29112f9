import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { podDef } from '../core/pod.ts'
import { created, decoded } from '../testing.ts'
import { defaultPullPolicy } from './image.ts'

const pod = (spec: object, container: object = {}): object => ({
  spec: { containers: [{ name: 'c', image: 'busybox:1', ...container }], ...spec },
})

describe('pod defaults', () => {
  it('makes a minimal pod what Kubernetes stores', () => {
    const { spec, status, metadata } = created(
      podDef,
      pod({}, { ports: [{ containerPort: 80 }], readinessProbe: { httpGet: { port: 80 } } }),
    )
    assert.deepEqual(spec, {
      containers: [
        {
          name: 'c',
          image: 'busybox:1',
          ports: [{ containerPort: 80, protocol: 'TCP' }],
          resources: {},
          readinessProbe: {
            httpGet: { path: '/', port: 80, scheme: 'HTTP' },
            timeoutSeconds: 1,
            periodSeconds: 10,
            successThreshold: 1,
            failureThreshold: 3,
          },
          terminationMessagePath: '/dev/termination-log',
          terminationMessagePolicy: 'File',
          imagePullPolicy: 'IfNotPresent',
        },
      ],
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      dnsPolicy: 'ClusterFirst',
      securityContext: {},
      schedulerName: 'default-scheduler',
      enableServiceLinks: true,
    })
    assert.deepEqual(status, { phase: 'Pending', qosClass: 'BestEffort' })
    assert.equal(metadata.generation, 1)
  })

  it('requests what is limited, and rounds up to thousandths', () => {
    const { spec } = decoded(podDef, pod({}, { resources: { limits: { cpu: '1.0001', memory: '1Gi' }, requests: { cpu: '0.5' } } }))
    assert.deepEqual(spec.containers[0]?.resources, {
      limits: { cpu: '1001m', memory: '1Gi' },
      requests: { cpu: '500m', memory: '1Gi' },
    })
  })

  it('opens host ports in the network of the node', () => {
    const { spec } = decoded(podDef, pod({ hostNetwork: true }, { ports: [{ containerPort: 80 }] }))
    assert.equal(spec.containers[0]?.ports?.[0]?.hostPort, 80)
  })

  it('gives volumes their mode, and an emptyDir where nothing was said', () => {
    const { spec } = decoded(
      podDef,
      pod({
        volumes: [
          { name: 'a' },
          { name: 'b', configMap: { name: 'm' } },
          { name: 'c', secret: { secretName: 's' } },
          { name: 'd', hostPath: { path: '/x' } },
          { name: 'e', projected: { sources: [{ serviceAccountToken: { path: 't' } }] } },
        ],
      }),
    )
    assert.deepEqual(spec.volumes, [
      { name: 'a', emptyDir: {} },
      { name: 'b', configMap: { name: 'm', defaultMode: 420 } },
      { name: 'c', secret: { secretName: 's', defaultMode: 420 } },
      { name: 'd', hostPath: { path: '/x', type: '' } },
      { name: 'e', projected: { sources: [{ serviceAccountToken: { path: 't', expirationSeconds: 3600 } }], defaultMode: 420 } },
    ])
  })

  it('fills the resources of the pod from those of its containers', () => {
    const { spec } = decoded(
      podDef,
      pod({ resources: { limits: { cpu: '2', memory: '1Gi' } } }, { resources: { requests: { cpu: '300m' } } }),
    )
    assert.deepEqual(spec.resources, { limits: { cpu: '2', memory: '1Gi' }, requests: { cpu: '300m', memory: '1Gi' } })
  })

  it('writes the service account under both of its names', () => {
    assert.equal(decoded(podDef, pod({ serviceAccountName: 'a' })).spec.serviceAccount, 'a')
    assert.equal(decoded(podDef, pod({ serviceAccount: 'a' })).spec.serviceAccountName, 'a')
  })

  for (const [image, policy] of [
    ['nginx', 'Always'],
    ['nginx:latest', 'Always'],
    ['nginx:1.2', 'IfNotPresent'],
    ['registry:5000/nginx', 'Always'],
    ['registry:5000/nginx:1', 'IfNotPresent'],
    [`nginx@sha256:${'0'.repeat(64)}`, 'IfNotPresent'],
    ['', 'IfNotPresent'],
  ] as const)
    it(`pulls '${image}' ${policy}`, () => {
      assert.equal(defaultPullPolicy(image), policy)
    })
})

describe('pod preparation', () => {
  for (const [title, resources, qosClass] of [
    ['nothing asked for', {}, 'BestEffort'],
    ['a request', { requests: { cpu: '1' } }, 'Burstable'],
    ['limits for both', { limits: { cpu: '1', memory: '1Gi' } }, 'Guaranteed'],
    ['a lower request', { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '500m' } }, 'Burstable'],
    ['another unit of the same', { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '1000m' } }, 'Guaranteed'],
  ] as const)
    it(`is ${qosClass} with ${title}`, () => {
      assert.equal(created(podDef, pod({}, { resources })).status.qosClass, qosClass)
    })

  it('folds match label keys into selectors with the values of the pod', () => {
    const { spec } = created(podDef, {
      metadata: { labels: { app: 'web', rev: '7' } },
      ...pod({
        topologySpreadConstraints: [
          {
            maxSkew: 1,
            topologyKey: 'kubernetes.io/hostname',
            whenUnsatisfiable: 'DoNotSchedule',
            labelSelector: { matchLabels: { app: 'web' } },
            matchLabelKeys: ['rev', 'absent'],
          },
        ],
      }),
    })
    assert.deepEqual(spec.topologySpreadConstraints?.[0]?.labelSelector, {
      matchLabels: { app: 'web' },
      matchExpressions: [{ key: 'rev', operator: 'In', values: ['7'] }],
    })
  })

  it('says that a gated pod is not scheduled', () => {
    const { status } = created(podDef, pod({ schedulingGates: [{ name: 'example.com/wait' }] }))
    assert.equal(status.conditions?.[0]?.reason, 'SchedulingGated')
  })
})
