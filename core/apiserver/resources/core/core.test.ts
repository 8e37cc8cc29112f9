import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ResourceDef } from '../resource-def.ts'
import { created, createProblems, decoded, TEST_CONTEXT, updated, updateProblems } from '../testing.ts'
import * as core from './index.ts'

const { configMapDef, secretDef, namespaceDef, nodeDef, limitRangeDef, resourceQuotaDef } = core
const { persistentVolumeDef, persistentVolumeClaimDef, endpointsDef, eventDef, replicationControllerDef, serviceAccountDef } = core
const base64 = (text: string): string => Buffer.from(text).toString('base64')
const any = (def: unknown): ResourceDef => def as ResourceDef

const claim = (spec: object = {}): object => ({
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec },
})
const volume = (spec: object = {}): object => ({
  spec: { accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' }, hostPath: { path: '/data' }, ...spec },
})

describe('defaults and preparation of the core group', () => {
  it('keeps plain text of a Secret as data only', () => {
    assert.deepEqual(decoded(secretDef, { data: { a: base64('1') }, stringData: { b: '2' } }), {
      kind: 'Secret',
      apiVersion: 'v1',
      metadata: { name: 'x', namespace: 'default' },
      data: { a: base64('1'), b: base64('2') },
      type: 'Opaque',
    })
  })

  it('creates namespaces active, labelled and with the finalizer that empties them', () => {
    const { metadata, spec, status } = created(namespaceDef, { status: { phase: 'Terminating' } })
    assert.deepEqual(
      [metadata.labels, spec, status],
      [{ 'kubernetes.io/metadata.name': 'x' }, { finalizers: ['kubernetes'] }, { phase: 'Active' }],
    )
  })

  it('lets a node bring its status and allocate what it has', () => {
    const { status } = created(nodeDef, { status: { capacity: { cpu: '2' } } })
    assert.deepEqual(status.allocatable, { cpu: '2' })
  })

  it('fills limits of containers from above and below', () => {
    const { spec } = decoded(limitRangeDef, { spec: { limits: [{ type: 'Container', max: { cpu: '2' }, min: { memory: '1Mi' } }] } })
    assert.deepEqual(spec.limits[0], {
      type: 'Container',
      max: { cpu: '2' },
      min: { memory: '1Mi' },
      default: { cpu: '2' },
      defaultRequest: { cpu: '2', memory: '1Mi' },
    })
  })

  it('starts volumes and claims pending', () => {
    assert.deepEqual(created(persistentVolumeDef, volume()).status, { phase: 'Pending', lastPhaseTransitionTime: '2026-03-01T12:00:00Z' })
    const { spec, status } = created(persistentVolumeClaimDef, claim({ dataSource: { kind: 'PersistentVolumeClaim', name: 'old' } }))
    assert.deepEqual([spec.volumeMode, spec.dataSourceRef?.name, status], ['Filesystem', 'old', { phase: 'Pending' }])
  })

  it('gives a replication controller the labels of its pods', () => {
    const { spec, metadata } = decoded(replicationControllerDef, {
      spec: { template: { metadata: { labels: { a: 'b' } }, spec: { containers: [] } } },
    })
    assert.deepEqual([spec.selector, metadata.labels, spec.replicas], [{ a: 'b' }, { a: 'b' }, 1])
  })

  it('keeps only names of the secrets of a service account', () => {
    assert.deepEqual(created(serviceAccountDef, { secrets: [{ name: 's', namespace: 'n' }] }).secrets, [{ name: 's' }])
  })

  it('stamps a change of phase of a volume', () => {
    const old = created(persistentVolumeDef, volume())
    const next = decoded(persistentVolumeDef, { ...volume(), status: { phase: 'Bound' } })
    const status = persistentVolumeDef.subresources['status']
    assert.ok(status?.type === 'object')
    status.prepareUpdate(next, old, { ...TEST_CONTEXT, nowMs: TEST_CONTEXT.nowMs + 5_000 })
    assert.equal(next.status.lastPhaseTransitionTime, '2026-03-01T12:00:05Z')
  })

  it('does not let an update of a namespace change its finalizers', () => {
    const old = created(namespaceDef, {})
    assert.deepEqual(updated(namespaceDef, old, { spec: { finalizers: ['a.b/c'] } }).spec, { finalizers: ['kubernetes'] })
  })
})

describe('validation of the core group', () => {
  const accepted: readonly (readonly [string, ResourceDef, object])[] = [
    ['a ConfigMap', any(configMapDef), { data: { 'a.b': '1' }, binaryData: { c: base64('x') } }],
    ['a TLS secret', any(secretDef), { type: 'kubernetes.io/tls', data: { 'tls.crt': '', 'tls.key': '' } }],
    ['a claim', any(persistentVolumeClaimDef), claim()],
    ['a volume', any(persistentVolumeDef), volume()],
    [
      'a quota',
      any(resourceQuotaDef),
      { spec: { hard: { pods: '10', 'requests.cpu': '4', 'count/jobs.batch': '3' }, scopes: ['NotBestEffort'] } },
    ],
    ['a node', any(nodeDef), { spec: { podCIDR: '10.42.0.0/24', taints: [{ key: 'a', effect: 'NoSchedule' }] } }],
    ['an event', any(eventDef), { involvedObject: { namespace: 'default', kind: 'Pod', name: 'a' } }],
  ]
  for (const [title, def, draft] of accepted)
    it(`accepts ${title}`, () => {
      assert.deepEqual(createProblems(def, draft), [])
    })

  const rejected: readonly (readonly [string, ResourceDef, object, readonly string[]])[] = [
    [
      'one key in two places',
      any(configMapDef),
      { data: { a: '1' }, binaryData: { a: base64('x') } },
      ['data[a]: Invalid value: "a": duplicate of key present in binaryData'],
    ],
    [
      'more than a ConfigMap holds',
      any(configMapDef),
      { data: { a: 'x'.repeat(1_048_577) } },
      [': Too long: may not be more than 1048576 bytes'],
    ],
    ['a key', any(secretDef), { data: { '..': '' } }, ['data[..]: Invalid value: "..": must not be \'..\'']],
    ['a TLS secret without key', any(secretDef), { type: 'kubernetes.io/tls', data: { 'tls.crt': '' } }, ['data[tls.key]: Required value']],
    [
      'docker credentials that are none',
      any(secretDef),
      { type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': base64('{"secret"') } },
      ['data[.dockerconfigjson]: Invalid value: "<secret contents redacted>": invalid character in JSON text'],
    ],
    [
      'a token without account',
      any(secretDef),
      { type: 'kubernetes.io/service-account-token' },
      ['metadata.annotations[kubernetes.io/service-account.name]: Required value'],
    ],
    [
      'taints',
      any(nodeDef),
      {
        spec: {
          taints: [
            { key: 'a', effect: 'NoSchedule' },
            { key: 'a', effect: 'NoSchedule' },
            { key: 'b', effect: 'x' },
          ],
        },
      },
      [
        'metadata.taints[1]: Duplicate value: {"key":"a","effect":"NoSchedule"}',
        'metadata.taints[2].effect: Unsupported value: "x": supported values: "NoExecute", "NoSchedule", "PreferNoSchedule"',
      ],
    ],
    [
      'two ranges of one family',
      any(nodeDef),
      { spec: { podCIDRs: ['10.0.0.0/24', '10.0.1.0/24'] } },
      ['spec.podCIDRs: Invalid value: ["10.0.0.0/24","10.0.1.0/24"]: may specify no more than one CIDR for each IP family'],
    ],
    [
      'a claim of nothing',
      any(persistentVolumeClaimDef),
      { spec: {} },
      ['spec.accessModes: Required value: at least 1 access mode is required', 'spec.resources[storage]: Required value'],
    ],
    [
      'a claim for one pod and others',
      any(persistentVolumeClaimDef),
      claim({ accessModes: ['ReadWriteOncePod', 'ReadWriteOnce'] }),
      ['spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes'],
    ],
    [
      'a volume of nothing',
      any(persistentVolumeDef),
      { spec: {} },
      ['spec.accessModes: Required value', 'spec.capacity: Required value', 'spec: Required value: must specify a volume type'],
    ],
    [
      'two sources',
      any(persistentVolumeDef),
      volume({ nfs: { server: 'a', path: '/b' } }),
      ['spec.nfs: Forbidden: may not specify more than 1 volume type'],
    ],
    [
      'a local volume anywhere',
      any(persistentVolumeDef),
      volume({ hostPath: undefined, local: { path: '/a' } }),
      ['spec.nodeAffinity: Required value: Local volume requires node affinity'],
    ],
    [
      'recycling the root',
      any(persistentVolumeDef),
      volume({ hostPath: { path: '/' }, persistentVolumeReclaimPolicy: 'Recycle' }),
      ["spec.persistentVolumeReclaimPolicy: Forbidden: may not be 'recycle' for a hostPath mount of '/'"],
    ],
    [
      'quotas',
      any(resourceQuotaDef),
      { spec: { hard: { foo: '1', pods: '1500m' }, scopes: ['BestEffort', 'NotBestEffort'] } },
      [
        'spec.hard[foo]: Invalid value: "foo": must be a standard resource for quota',
        'spec.hard[pods]: Invalid value: "1500m": must be an integer',
        'spec.scopes: Invalid value: ["BestEffort","NotBestEffort"]: conflicting scopes',
      ],
    ],
    [
      'limits upside down',
      any(limitRangeDef),
      { spec: { limits: [{ type: 'Pod', min: { cpu: '2' }, max: { cpu: '1' } }] } },
      ['spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1'],
    ],
    [
      'limits of claims without size',
      any(limitRangeDef),
      { spec: { limits: [{ type: 'PersistentVolumeClaim', max: { cpu: '1' } }] } },
      ['spec.limits[0].limits: Required value: either minimum or maximum storage value is required, but neither was provided'],
    ],
    [
      'endpoints',
      any(endpointsDef),
      { subsets: [{ ports: [{ port: 80 }] }, { addresses: [{ ip: '169.254.0.1' }] }] },
      [
        'subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`',
        'subsets[1].addresses[0].ip: Invalid value: "169.254.0.1": may not be in the link-local range (169.254.0.0/16, fe80::/10)',
      ],
    ],
    [
      'an event of another namespace',
      any(eventDef),
      { involvedObject: { namespace: 'other' } },
      ['involvedObject.namespace: Invalid value: "other": does not match event.namespace'],
    ],
    [
      'a replication controller',
      any(replicationControllerDef),
      { spec: { replicas: -1 } },
      [
        'spec.selector: Required value',
        'spec.replicas: Invalid value: -1: must be greater than or equal to 0',
        'spec.template: Required value',
      ],
    ],
  ]
  for (const [title, def, draft, problems] of rejected)
    it(`rejects ${title}`, () => {
      assert.deepEqual(createProblems(def, draft), problems)
    })

  it('keeps what is immutable', () => {
    const frozen = 'field is immutable when `immutable` is set'
    assert.deepEqual(updateProblems(any(configMapDef), { immutable: true, data: { a: '1' } }, { data: { a: '2' } }), [
      `immutable: Forbidden: ${frozen}`,
      `data: Forbidden: ${frozen}`,
    ])
    assert.deepEqual(updateProblems(any(secretDef), { type: 'a' }, { type: 'b' }), ['type: Invalid value: "b": field is immutable'])
  })

  it('keeps what a claim asks for until it is bound', () => {
    const [problem = ''] = updateProblems(any(persistentVolumeClaimDef), claim(), claim({ resources: { requests: { storage: '2Gi' } } }))
    assert.match(
      problem,
      /^spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims/,
    )
    const bound = { ...claim(), status: { phase: 'Bound' } }
    const old = created(persistentVolumeClaimDef, claim())
    old.status = { phase: 'Bound' }
    const next = updated(persistentVolumeClaimDef, old, {
      ...bound,
      ...claim({ volumeName: 'pv', resources: { requests: { storage: '2Gi' } } }),
    })
    assert.deepEqual(persistentVolumeClaimDef.validate?.(next as never, old as never, TEST_CONTEXT), [])
  })

  it('keeps the source of a volume', () => {
    const [problem = ''] = updateProblems(any(persistentVolumeDef), volume(), volume({ hostPath: { path: '/other' } }))
    assert.match(problem, /^spec\.persistentvolumesource: Forbidden: spec\.persistentvolumesource is immutable after creation\n/)
  })

  it('keeps the range of a node', () => {
    assert.deepEqual(updateProblems(any(nodeDef), { spec: { podCIDR: '10.0.0.0/24' } }, { spec: { podCIDR: '10.0.1.0/24' } }), [
      'spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid',
    ])
  })
})
