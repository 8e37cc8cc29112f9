import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { type Write, writeOf } from '../../../tests/helpers/admission.ts'
import { FakeReader } from '../../../tests/helpers/object-reader.ts'
import type { AdmissionPlugin } from './admission.ts'
import { certificateApproval, certificateSigning } from './certificates.ts'
import { persistentVolumeClaimResize } from './claim-resize.ts'
import { defaultIngressClass } from './default-ingress-class.ts'
import { defaultStorageClass } from './default-storage-class.ts'
import { defaultTolerationSeconds } from './default-toleration-seconds.ts'
import { limitRanger } from './limit-ranger.ts'
import { namespaceLifecycle } from './namespace-lifecycle.ts'
import { podTopologyLabels } from './pod-topology-labels.ts'
import { priority } from './priority.ts'
import { runtimeClass } from './runtime-class.ts'
import { serviceAccount } from './service-account.ts'
import { storageObjectInUseProtection } from './storage-object-in-use.ts'
import { taintNodesByCondition } from './taint-nodes.ts'
import * as target from './target.ts'

let reader = new FakeReader()
beforeEach(() => {
  reader = new FakeReader()
})

/** Runs both rounds of one plugin and answers the object, as changed. */
async function run<T = { metadata: Record<string, never>; spec: Record<string, never> }>(
  plugin: AdmissionPlugin,
  write: Write,
): Promise<T> {
  const attributes = writeOf(write)
  if (plugin.handles(attributes)) {
    await plugin.admit?.(attributes)
    await plugin.validate?.(attributes)
  }
  return attributes.object as T
}
const pod = (spec: object = {}, metadata: object = {}): { object: object } => ({
  object: { metadata: { name: 'web', namespace: 'default', ...metadata }, spec: { containers: [{ name: 'a', resources: {} }], ...spec } },
})

describe('NamespaceLifecycle', () => {
  const plugin = (): AdmissionPlugin => namespaceLifecycle({ reader })

  it('refuses objects without their namespace and in one that ends', async () => {
    await assert.rejects(run(plugin(), pod()), { code: 404, message: 'namespaces "default" not found' })
    reader.put(target.NAMESPACES, { metadata: { name: 'default' }, status: { phase: 'Terminating' } } as never)
    await assert.rejects(run(plugin(), pod()), (err: { message: string; details: object }) => {
      assert.equal(err.message, 'pods "web" is forbidden: unable to create new content in namespace default because it is being terminated')
      assert.deepEqual(err.details, {
        name: 'web',
        kind: 'pods',
        causes: [{ reason: 'NamespaceTerminating', message: 'namespace default is being terminated', field: 'metadata.namespace' }],
      })
      return true
    })
    await run(plugin(), { ...pod(), oldObject: pod().object })
  })

  it('keeps the immortal namespaces', async () => {
    const remove = (name: string): Promise<unknown> => run(plugin(), { resource: 'namespaces', oldObject: { metadata: { name } } })
    await assert.rejects(remove('kube-system'), {
      code: 403,
      message: 'namespaces "kube-system" is forbidden: this namespace may not be deleted',
    })
    await remove('mine')
  })
})

describe('ServiceAccount', () => {
  const clock = { now: () => 0, sleep: async () => Promise.resolve() }
  const plugin = (): AdmissionPlugin => serviceAccount({ reader, clock, random: () => 0 })

  it('gives pods the default account, its token and pull secrets', async () => {
    reader.put(target.SERVICE_ACCOUNTS, {
      metadata: { name: 'default', namespace: 'default' },
      imagePullSecrets: [{ name: 'regcred' }],
    } as never)
    const { spec } = await run<{ spec: Record<string, unknown> }>(plugin(), pod({ initContainers: [{ name: 'i' }] }))
    assert.equal(spec['serviceAccountName'], 'default')
    assert.equal(spec['serviceAccount'], 'default')
    assert.deepEqual(spec['imagePullSecrets'], [{ name: 'regcred' }])
    const mount = { name: 'kube-api-access-bbbbb', readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' }
    assert.deepEqual(spec['initContainers'], [{ name: 'i', volumeMounts: [mount] }])
    assert.deepEqual((spec['containers'] as { volumeMounts: unknown }[])[0]?.volumeMounts, [mount])
    const [volume] = spec['volumes'] as { name: string; projected: { sources: { serviceAccountToken?: object }[] } }[]
    assert.equal(volume?.name, mount.name)
    assert.deepEqual(volume.projected.sources[0]?.serviceAccountToken, { expirationSeconds: 3607, path: 'token' })
  })

  it('leaves the token out where pod or account say so', async () => {
    reader.put(target.SERVICE_ACCOUNTS, {
      metadata: { name: 'default', namespace: 'default' },
      automountServiceAccountToken: false,
    } as never)
    assert.equal((await run(plugin(), pod())).spec['volumes'], undefined)
    const { spec } = await run<{ spec: { volumes: unknown[] } }>(plugin(), pod({ automountServiceAccountToken: true }))
    assert.equal(spec.volumes.length, 1)
  })

  it('waits for the default account, not for others', async () => {
    let naps = 0
    const waiting = serviceAccount({
      reader,
      random: Math.random,
      clock: {
        now: () => 0,
        sleep: async () => {
          naps += 1
          if (naps === 3) reader.put(target.SERVICE_ACCOUNTS, { metadata: { name: 'default', namespace: 'default' } })
          return Promise.resolve()
        },
      },
    })
    await run(waiting, pod())
    assert.equal(naps, 3)
    await assert.rejects(run(waiting, pod({ serviceAccountName: 'x' })), {
      message: 'pods "web" is forbidden: error looking up service account default/x: serviceaccount "x" not found',
    })
    assert.equal(naps, 3)
  })

  it('keeps mirror pods away from secrets and accounts', async () => {
    const mirror = (spec: object): Promise<unknown> => run(plugin(), pod(spec, { annotations: { 'kubernetes.io/config.mirror': 'x' } }))
    await mirror({})
    await assert.rejects(mirror({ serviceAccountName: 'default' }), /a mirror pod may not reference service accounts/)
    await assert.rejects(mirror({ volumes: [{ name: 'v', secret: {} }] }), /a mirror pod may not reference secrets/)
  })

  it('holds accounts to their secrets when asked to', async () => {
    const annotations = { 'kubernetes.io/enforce-mountable-secrets': 'true' }
    reader.put(target.SERVICE_ACCOUNTS, {
      metadata: { name: 'default', namespace: 'default', annotations },
      secrets: [{ name: 'mine' }],
    } as never)
    await run(plugin(), pod({ volumes: [{ name: 'v', secret: { secretName: 'mine' } }] }))
    await assert.rejects(
      run(plugin(), pod({ volumes: [{ name: 'v', secret: { secretName: 'other' } }] })),
      /volume with secret.secretName="other" is not allowed because service account default does not reference that secret/,
    )
  })
})

describe('Priority', () => {
  const plugin = (): AdmissionPlugin => priority({ reader })
  const put = (name: string, value: number, more: object = {}): unknown =>
    reader.put(target.PRIORITY_CLASSES, { metadata: { name }, value, preemptionPolicy: 'PreemptLowerPriority', ...more } as never)

  it('resolves names, with the default and without', async () => {
    assert.deepEqual(
      await run(plugin(), pod()).then(({ spec }) => [spec['priority'], spec['priorityClassName'], spec['preemptionPolicy']]),
      [0, undefined, 'PreemptLowerPriority'],
    )
    put('high', 1000, { preemptionPolicy: 'Never' })
    put('usual', 10, { globalDefault: true })
    const named = await run<{ spec: object }>(plugin(), pod({ priorityClassName: 'high' }))
    assert.deepEqual(
      { ...named.spec, containers: 0 },
      { containers: 0, priorityClassName: 'high', priority: 1000, preemptionPolicy: 'Never' },
    )
    assert.equal((await run(plugin(), pod())).spec['priorityClassName'], 'usual')
  })

  it('refuses unknown classes and numbers of the author', async () => {
    put('high', 1000)
    await assert.rejects(run(plugin(), pod({ priorityClassName: 'x' })), {
      message: 'pods "web" is forbidden: no PriorityClass with name x was found',
    })
    await assert.rejects(
      run(plugin(), pod({ priorityClassName: 'high', priority: 5 })),
      /the integer value of priority \(5\) must not be provided in pod spec; priority admission controller computed 1000 from/,
    )
  })

  it('allows one default class', async () => {
    put('usual', 10, { globalDefault: true })
    const write = { group: 'scheduling.k8s.io', resource: 'priorityclasses' }
    const other = { metadata: { name: 'other' }, value: 1, globalDefault: true }
    await assert.rejects(
      run(plugin(), { ...write, object: other }),
      /PriorityClass usual is already marked as default. Only one default can exist/,
    )
    const own = { metadata: { name: 'usual' }, value: 10, globalDefault: true }
    await run(plugin(), { ...write, object: own, oldObject: own })
  })
})

describe('LimitRanger', () => {
  const plugin = (): AdmissionPlugin => limitRanger({ reader })
  const range = (...limits: object[]): unknown =>
    reader.put(target.LIMIT_RANGES, { metadata: { name: 'r', namespace: 'default' }, spec: { limits } } as never)
  const sized = (requests: object, limits: object = {}): { object: object } =>
    pod({ containers: [{ name: 'a', resources: { requests, limits } }] })

  it('fills what containers leave out and notes it', async () => {
    range({ type: 'Container', default: { cpu: '500m', memory: '1Gi' }, defaultRequest: { cpu: '100m' } })
    const object = await run<{ metadata: { annotations: object }; spec: { containers: { resources: object }[] } }>(
      plugin(),
      sized({}, { memory: '2Gi' }),
    )
    assert.deepEqual(object.spec.containers[0]?.resources, { requests: { cpu: '100m' }, limits: { memory: '2Gi', cpu: '500m' } })
    assert.deepEqual(object.metadata.annotations, {
      'kubernetes.io/limit-ranger': 'LimitRanger plugin set: cpu request for container a; cpu limit for container a',
    })
  })

  for (const { bound, requests, limits, text } of [
    {
      bound: { min: { cpu: '200m' } },
      requests: {},
      limits: {},
      text: 'minimum cpu usage per Container is 200m.  No request is specified',
    },
    {
      bound: { min: { cpu: '200m' } },
      requests: { cpu: '0.1' },
      limits: {},
      text: 'minimum cpu usage per Container is 200m, but request is 100m',
    },
    {
      bound: { max: { memory: '1Gi' } },
      requests: {},
      limits: {},
      text: 'maximum memory usage per Container is 1Gi.  No limit is specified',
    },
    {
      bound: { max: { memory: '1Gi' } },
      requests: {},
      limits: { memory: '2Gi' },
      text: 'maximum memory usage per Container is 1Gi, but limit is 2Gi',
    },
    {
      bound: { maxLimitRequestRatio: { cpu: '2' } },
      requests: { cpu: '100m' },
      limits: { cpu: '300m' },
      text: 'cpu max limit to request ratio per Container is 2, but provided ratio is 3.000000',
    },
    {
      bound: { min: { cpu: '1' }, max: { cpu: '2' } },
      requests: { cpu: '3' },
      limits: {},
      text: 'maximum cpu usage per Container is 2.  No limit is specified',
    },
  ]) {
    it(`refuses: ${text}`, async () => {
      range({ type: 'Container', ...bound })
      await assert.rejects(run(plugin(), sized(requests, limits)), { message: `pods "web" is forbidden: ${text}` })
    })
  }

  it('bounds whole pods and claims', async () => {
    range({ type: 'Pod', max: { cpu: '1' } })
    const containers = ['a', 'b'].map((name) => ({ name, resources: { limits: { cpu: '600m' }, requests: { cpu: '600m' } } }))
    await assert.rejects(run(plugin(), pod({ containers })), /maximum cpu usage per Pod is 1, but limit is 1200m/)
    range({ type: 'PersistentVolumeClaim', max: { storage: '1Gi' }, min: { storage: '1Mi' } })
    const claim = { metadata: { name: 'c', namespace: 'default' }, spec: { resources: { requests: { storage: '2Gi' } } } }
    await assert.rejects(
      run(plugin(), { resource: 'persistentvolumeclaims', object: claim }),
      /maximum storage usage per PersistentVolumeClaim is 1Gi, but request is 2Gi/,
    )
  })
})

describe('small plugins', () => {
  it('DefaultTolerationSeconds adds what is missing', async () => {
    const { spec } = await run<{ spec: { tolerations: { key: string }[] } }>(
      defaultTolerationSeconds,
      pod({ tolerations: [{ key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 1 }] }),
    )
    assert.deepEqual(
      spec.tolerations.map(({ key }) => key),
      ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'],
    )
    const all = await run<{ spec: { tolerations: object[] } }>(defaultTolerationSeconds, pod({ tolerations: [{ operator: 'Exists' }] }))
    assert.equal(all.spec.tolerations.length, 1)
  })

  it('TaintNodesByCondition taints new nodes', async () => {
    const { spec } = await run<{ spec: object }>(taintNodesByCondition, {
      resource: 'nodes',
      object: { metadata: { name: 'one' }, spec: {} },
    })
    assert.deepEqual(spec, { taints: [{ key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }] })
  })

  it('DefaultStorageClass takes the newest default and respects an empty name', async () => {
    const annotations = { 'storageclass.kubernetes.io/is-default-class': 'true' }
    for (const [name, creationTimestamp] of [
      ['old', '2026-01-01T00:00:00Z'],
      ['new', '2026-02-01T00:00:00Z'],
    ] as const) {
      reader.put(target.STORAGE_CLASSES, { metadata: { name, annotations, creationTimestamp } } as never)
    }
    const claim = (spec: object): Write => ({ resource: 'persistentvolumeclaims', object: { metadata: { name: 'c' }, spec } })
    assert.equal((await run(defaultStorageClass({ reader }), claim({}))).spec['storageClassName'], 'new')
    assert.equal((await run(defaultStorageClass({ reader }), claim({ storageClassName: '' }))).spec['storageClassName'], '')
  })

  it('DefaultIngressClass fills the class', async () => {
    reader.put(target.INGRESS_CLASSES, {
      metadata: { name: 'traefik', annotations: { 'ingressclass.kubernetes.io/is-default-class': 'true' } },
    } as never)
    const ingress = { group: 'networking.k8s.io', resource: 'ingresses', object: { metadata: { name: 'i' }, spec: {} } }
    assert.equal((await run(defaultIngressClass({ reader }), ingress)).spec['ingressClassName'], 'traefik')
  })

  it('StorageObjectInUseProtection adds the finalizer once', async () => {
    const claim = { metadata: { name: 'c', finalizers: ['x'] }, spec: {} }
    const write = { resource: 'persistentvolumeclaims', object: claim }
    await run(storageObjectInUseProtection, write)
    const { metadata } = await run<{ metadata: { finalizers: string[] } }>(storageObjectInUseProtection, write)
    assert.deepEqual(metadata.finalizers, ['x', 'kubernetes.io/pvc-protection'])
  })

  it('PersistentVolumeClaimResize asks for a bound claim and a class that can', async () => {
    const claim = (storage: string, phase: string): object => ({
      metadata: { name: 'c' },
      spec: { storageClassName: 'fast', resources: { requests: { storage } } },
      status: { phase },
    })
    const grow = (phase: string): Promise<unknown> =>
      run(persistentVolumeClaimResize({ reader }), {
        resource: 'persistentvolumeclaims',
        object: claim('2Gi', phase),
        oldObject: claim('1Gi', phase),
      })
    await assert.rejects(grow('Pending'), /Only bound persistent volume claims can be expanded/)
    await assert.rejects(grow('Bound'), /only dynamically provisioned pvc can be resized/)
    reader.put(target.STORAGE_CLASSES, { metadata: { name: 'fast' }, allowVolumeExpansion: true } as never)
    await grow('Bound')
  })

  it('RuntimeClass brings overhead and scheduling, and refuses conflicts', async () => {
    const plugin = runtimeClass({ reader })
    await assert.rejects(run(plugin, pod({ runtimeClassName: 'gvisor' })), /pod rejected: RuntimeClass "gvisor" not found/)
    reader.put(target.RUNTIME_CLASSES, {
      metadata: { name: 'gvisor' },
      overhead: { podFixed: { cpu: '250m' } },
      scheduling: { nodeSelector: { a: 'b' }, tolerations: [{ key: 'x' }] },
    } as never)
    const { spec } = await run<{ spec: Record<string, unknown> }>(plugin, pod({ runtimeClassName: 'gvisor' }))
    assert.deepEqual([spec['overhead'], spec['nodeSelector'], spec['tolerations']], [{ cpu: '250m' }, { a: 'b' }, [{ key: 'x' }]])
    await run(plugin, pod({ runtimeClassName: 'gvisor', overhead: { cpu: '0.25' } }))
    await assert.rejects(run(plugin, pod({ runtimeClassName: 'gvisor', overhead: { cpu: '1' } })), /Overhead doesn't match/)
    await assert.rejects(run(plugin, pod({ runtimeClassName: 'gvisor', nodeSelector: { a: 'c' } })), /conflict: runtimeClass/)
    await assert.rejects(run(plugin, pod({ overhead: { cpu: '1' } })), /Pod Overhead set without corresponding RuntimeClass/)
  })

  it('PodTopologyLabels copies zone and region', async () => {
    reader.put(target.NODES, { metadata: { name: 'one', labels: { 'topology.kubernetes.io/zone': 'z', other: 'x' } } } as never)
    const binding = { metadata: { name: 'web' }, target: { name: 'one' } }
    const { metadata } = await run<{ metadata: object }>(podTopologyLabels({ reader }), {
      subresource: 'binding',
      operation: 'CREATE',
      object: binding,
    })
    assert.deepEqual(metadata, { name: 'web', labels: { 'topology.kubernetes.io/zone': 'z' } })
  })

  it('certificates need the right to approve and to sign for their signer', async () => {
    const authorizer = {
      authorize: (a: { name?: string; verb: string }) => ({ allowed: a.name === 'example.com/*' && a.verb === 'approve', reason: '' }),
    }
    const request = (signerName: string, status: object = {}): object => ({ metadata: { name: 'r' }, spec: { signerName }, status })
    const write = (subresource: string, signerName: string, status?: object): Write => ({
      group: 'certificates.k8s.io',
      resource: 'certificatesigningrequests',
      subresource,
      object: request(signerName, status),
      oldObject: request(signerName),
    })
    const deps = { authorizer: authorizer as never }
    await run(certificateApproval(deps), write('approval', 'example.com/x'))
    await assert.rejects(
      run(certificateApproval(deps), write('approval', 'other/x')),
      /user not permitted to approve requests with signerName "other\/x"/,
    )
    await run(certificateSigning(deps), write('status', 'example.com/x'))
    await assert.rejects(
      run(certificateSigning(deps), write('status', 'example.com/x', { certificate: 'AA==' })),
      /user not permitted to sign/,
    )
  })
})
