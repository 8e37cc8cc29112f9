import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { created, createProblems, decoded, updated, updateProblems } from '../testing.ts'
import { controllerRevisionDef } from './controller-revision.ts'
import { daemonSetDef } from './daemon-set.ts'
import { deploymentDef } from './deployment.ts'
import { replicaSetDef } from './replica-set.ts'
import { statefulSetDef } from './stateful-set.ts'

const selector = { matchLabels: { app: 'web' } }
const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'nginx:1' }] } }
const base = { selector, template }
const spec = (change: object = {}): object => ({ spec: { ...base, ...change } })

describe('defaults of apps', () => {
  it('makes a minimal Deployment what Kubernetes stores', () => {
    const { spec: have, metadata } = created(deploymentDef, spec())
    const { template: pods, ...rest } = have
    assert.deepEqual(rest, {
      selector,
      replicas: 1,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' } },
      revisionHistoryLimit: 10,
      progressDeadlineSeconds: 600,
    })
    assert.equal(pods.spec.containers[0]?.imagePullPolicy, 'IfNotPresent')
    assert.equal(pods.spec.restartPolicy, 'Always')
    assert.equal(pods.spec.enableServiceLinks, undefined, 'for pods only')
    assert.equal(metadata.generation, 1)
  })

  it('makes a minimal StatefulSet what Kubernetes stores', () => {
    const { spec: have } = decoded(
      statefulSetDef,
      spec({ volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: { resources: { requests: { storage: '1Gi' } } } }] }),
    )
    assert.equal(have.podManagementPolicy, 'OrderedReady')
    assert.deepEqual(have.updateStrategy, { type: 'RollingUpdate', rollingUpdate: { partition: 0 } })
    assert.deepEqual(have.persistentVolumeClaimRetentionPolicy, { whenDeleted: 'Retain', whenScaled: 'Retain' })
    assert.deepEqual(have.volumeClaimTemplates, [
      {
        kind: 'PersistentVolumeClaim',
        apiVersion: 'v1',
        metadata: { name: 'data' },
        spec: { resources: { requests: { storage: '1Gi' } }, volumeMode: 'Filesystem' },
        status: { phase: 'Pending' },
      },
    ])
  })

  it('makes a minimal DaemonSet what Kubernetes stores', () => {
    const { spec: have, metadata, status } = created(daemonSetDef, spec())
    assert.deepEqual(have.updateStrategy, { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } })
    assert.equal(metadata.annotations?.['deprecated.daemonset.template.generation'], '1')
    assert.deepEqual(status, { currentNumberScheduled: 0, numberMisscheduled: 0, desiredNumberScheduled: 0, numberReady: 0 })
  })
})

describe('preparation of apps', () => {
  it('clears the status of a create and keeps it on an update', () => {
    const old = created(deploymentDef, { ...spec(), status: { replicas: 7 } })
    assert.deepEqual(old.status, {})
    old.status = { replicas: 3 }
    assert.deepEqual(updated(deploymentDef, old, { ...spec(), status: { replicas: 9 } }).status, { replicas: 3 })
  })

  it('counts changes of spec, and of annotations for a Deployment', () => {
    const old = created(deploymentDef, spec())
    assert.equal(updated(deploymentDef, old, spec()).metadata.generation, 1)
    assert.equal(updated(deploymentDef, old, spec({ replicas: 2 })).metadata.generation, 2)
    assert.equal(updated(deploymentDef, old, { ...spec(), metadata: { annotations: { a: 'b' } } }).metadata.generation, 2)
    assert.equal(
      updated(replicaSetDef, created(replicaSetDef, spec()), { ...spec(), metadata: { annotations: { a: 'b' } } }).metadata.generation,
      1,
    )
  })

  it('counts changes of the template of a DaemonSet', () => {
    const old = created(daemonSetDef, spec())
    const next = updated(daemonSetDef, old, spec({ template: { ...template, metadata: { labels: { app: 'web', v: '2' } } } }))
    assert.equal(next.metadata.annotations?.['deprecated.daemonset.template.generation'], '2')
  })

  it('takes only the status through the status subresource', () => {
    const old = created(replicaSetDef, spec())
    const next = decoded(replicaSetDef, { ...spec({ replicas: 9 }), status: { replicas: 4 } })
    const status = replicaSetDef.subresources['status']
    assert.ok(status?.type === 'object')
    status.prepareUpdate(next, old, {
      nowMs: 0,
      user: { name: '', groups: [] },
      settings: { serviceCidrs: [], clusterCidrs: [], nodePortRange: [0, 0], clusterDomain: '' },
    })
    assert.equal(next.spec.replicas, 1)
    assert.deepEqual(next.status, { replicas: 4 })
  })
})

describe('validation of apps', () => {
  it('accepts the minimal ones', () => {
    for (const def of [deploymentDef, replicaSetDef, daemonSetDef, statefulSetDef] as const)
      assert.deepEqual(createProblems(def as typeof deploymentDef, spec()), [], def.kind)
  })

  const mismatch = 'spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`'
  const cases: readonly (readonly [string, Parameters<typeof createProblems>[0], object, readonly string[]])[] = [
    ['a Deployment without selector', deploymentDef as never, spec({ selector: undefined }), ['spec.selector: Required value']],
    [
      'a ReplicaSet that selects everything',
      replicaSetDef as never,
      spec({ selector: {} }),
      ['spec.selector: Invalid value: {}: empty selector is invalid for deployment'],
    ],
    ['a template out of the selector', deploymentDef as never, spec({ selector: { matchLabels: { app: 'api' } } }), [mismatch]],
    [
      'negative replicas',
      deploymentDef as never,
      spec({ replicas: -1 }),
      ['spec.replicas: Invalid value: -1: must be greater than or equal to 0'],
    ],
    [
      'a strategy',
      deploymentDef as never,
      spec({ strategy: { type: 'x' } }),
      ['spec.strategy: Unsupported value: {"type":"x"}: supported values: "Recreate", "RollingUpdate"'],
    ],
    [
      'rolling options of Recreate',
      deploymentDef as never,
      spec({ strategy: { type: 'Recreate', rollingUpdate: {} } }),
      ["spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"],
    ],
    [
      'a rollout that cannot move',
      deploymentDef as never,
      spec({ strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: '0%' } } }),
      ['spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0'],
    ],
    [
      'more than all unavailable',
      deploymentDef as never,
      spec({ strategy: { rollingUpdate: { maxUnavailable: '101%' } } }),
      ['spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%'],
    ],
    [
      'a deadline before readiness',
      deploymentDef as never,
      spec({ minReadySeconds: 600 }),
      ['spec.progressDeadlineSeconds: Invalid value: 600: must be greater than minReadySeconds'],
    ],
    [
      'pods that do not restart',
      deploymentDef as never,
      spec({ template: { ...template, spec: { ...template.spec, restartPolicy: 'Never' } } }),
      ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'],
    ],
    [
      'a bad pod',
      deploymentDef as never,
      spec({ template: { ...template, spec: { containers: [{ name: 'c' }] } } }),
      ['spec.template.spec.containers[0].image: Required value'],
    ],
    [
      'a DaemonSet with both rollouts',
      daemonSetDef as never,
      spec({ updateStrategy: { rollingUpdate: { maxSurge: 1 } } }),
      ['spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: may not be set when maxUnavailable is non-zero'],
    ],
    [
      'a StatefulSet policy',
      statefulSetDef as never,
      spec({ podManagementPolicy: 'x', updateStrategy: { type: 'OnDelete', rollingUpdate: {} } }),
      [
        "spec.podManagementPolicy: Invalid value: \"x\": must be 'OrderedReady' or 'Parallel'",
        "spec.updateStrategy.rollingUpdate: Invalid value: {}: only allowed for updateStrategy 'RollingUpdate'",
      ],
    ],
    [
      'a revision without data',
      controllerRevisionDef as never,
      { revision: -1 },
      ['data: Required value: data is mandatory', 'revision: Invalid value: -1: must be greater than or equal to 0'],
    ],
  ]
  for (const [title, def, draft, problems] of cases)
    it(`rejects ${title}`, () => {
      assert.deepEqual(createProblems(def, draft), problems)
    })

  it('keeps selectors and most of a StatefulSet', () => {
    const other = { selector: { matchLabels: { v: '1' } }, template: { ...template, metadata: { labels: { app: 'web', v: '1' } } } }
    assert.deepEqual(updateProblems(deploymentDef, spec(), spec(other)), [
      'spec.selector: Invalid value: {"matchLabels":{"v":"1"}}: field is immutable',
    ])
    assert.deepEqual(updateProblems(statefulSetDef, spec(), spec({ replicas: 3, minReadySeconds: 1 })), [])
    assert.deepEqual(updateProblems(statefulSetDef, spec(), spec({ serviceName: 'web' })), [
      "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
    ])
  })
})
