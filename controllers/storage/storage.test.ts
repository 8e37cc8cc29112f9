import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { persistentVolumeClaims, persistentVolumes, pods, storageClasses, volumeAttributesClasses } from '../../core/api/kinds.ts'
import type { PersistentVolume, PersistentVolumeClaim } from '../../core/api/types/core-v1.ts'
import type { StorageClass } from '../../core/api/types/storage-v1.ts'
import type { Draft } from '../../core/meta/object.ts'
import { pod } from '../../tests/helpers/builders.ts'
import { type Bench, controllerBench, namesOf } from '../../tests/helpers/controller-bench.ts'
import { persistentVolumeBinder } from './binder/binder.ts'
import { ephemeralVolumeController } from './ephemeral-volume.ts'
import { attributesClassProtectionController, claimProtectionController, volumeProtectionController } from './protection.ts'

async function start(bench: Bench): Promise<void> {
  const { cluster, recorder, clock } = bench
  const { informers } = cluster
  const claims = informers.informer(persistentVolumeClaims)
  const volumes = informers.informer(persistentVolumes)
  await bench.run(
    persistentVolumeBinder({ client: cluster, claims, volumes, classes: informers.informer(storageClasses), recorder, clock }),
    claimProtectionController({ client: cluster, claims, pods: informers.informer(pods) }),
    volumeProtectionController({ client: cluster, volumes }),
  )
}
const claim = (spec: Draft<PersistentVolumeClaim['spec']> = {}, name = 'data'): Draft<PersistentVolumeClaim> => ({
  metadata: { namespace: 'default', name },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, storageClassName: 'fast', ...spec },
  status: {},
})
const volume = (
  name: string,
  spec: Draft<PersistentVolume['spec']> = {},
  annotations?: Readonly<Record<string, string>>,
): Draft<PersistentVolume> => ({
  metadata: { name, ...(annotations && { annotations }) },
  spec: {
    capacity: { storage: '1Gi' },
    accessModes: ['ReadWriteOnce'],
    storageClassName: 'fast',
    persistentVolumeReclaimPolicy: 'Retain',
    ...spec,
  },
  status: {},
})
const storageClass = (over: Draft<StorageClass> = {}): Draft<StorageClass> => ({
  metadata: { name: 'fast' },
  provisioner: 'example.com/disk',
  volumeBindingMode: 'Immediate',
  ...over,
})
const claimOf = (bench: Bench, name = 'data'): PersistentVolumeClaim | undefined =>
  bench.cluster.all(persistentVolumeClaims).find(({ metadata }) => metadata.name === name)
const phases = (bench: Bench): Record<string, string | undefined> =>
  Object.fromEntries(
    [...bench.cluster.all(persistentVolumes), ...bench.cluster.all(persistentVolumeClaims)].map(({ metadata, status }) => [
      metadata.name,
      status.phase,
    ]),
  )

describe('binding of claims and volumes', () => {
  it('takes the smallest volume that fits and ties both to each other', async () => {
    await using bench = controllerBench()
    bench.cluster.seed(persistentVolumes, volume('large', { capacity: { storage: '10Gi' } }))
    bench.cluster.seed(persistentVolumes, volume('right', { capacity: { storage: '2Gi' } }))
    bench.cluster.seed(persistentVolumes, volume('small', { capacity: { storage: '500Mi' } }))
    bench.cluster.seed(persistentVolumes, volume('other-class', { storageClassName: 'slow' }))
    bench.cluster.seed(persistentVolumes, volume('read-only', { accessModes: ['ReadOnlyMany'] }))
    const made = bench.cluster.seed(persistentVolumeClaims, claim())
    await start(bench)
    assert.deepEqual(phases(bench), {
      large: 'Available',
      right: 'Bound',
      small: 'Available',
      'other-class': 'Available',
      'read-only': 'Available',
      data: 'Bound',
    })
    const bound = claimOf(bench)
    assert.equal(bound?.spec.volumeName, 'right')
    assert.deepEqual(bound.metadata.annotations, {
      'pv.kubernetes.io/bind-completed': 'yes',
      'pv.kubernetes.io/bound-by-controller': 'yes',
    })
    assert.deepEqual(bound.status.capacity, { storage: '2Gi' })
    const taken = bench.cluster.all(persistentVolumes).find(({ metadata }) => metadata.name === 'right')
    assert.equal(taken?.spec.claimRef?.uid, made.metadata.uid)
  })

  it('keeps a volume reserved for its claim, and binds it when the claim comes', async () => {
    await using bench = controllerBench()
    bench.cluster.seed(persistentVolumes, volume('reserved', { claimRef: { namespace: 'default', name: 'mine' } }))
    bench.cluster.seed(persistentVolumeClaims, claim({}, 'other'))
    await start(bench)
    assert.deepEqual(phases(bench), { reserved: 'Available', other: 'Pending' })
    bench.cluster.seed(persistentVolumeClaims, claim({}, 'mine'))
    await bench.settle()
    assert.deepEqual(phases(bench), { reserved: 'Bound', other: 'Pending', mine: 'Bound' })
  })

  it('asks the provisioner of the class, and binds what it makes', async () => {
    await using bench = controllerBench()
    bench.cluster.seed(storageClasses, storageClass())
    bench.cluster.seed(persistentVolumeClaims, claim())
    await start(bench)
    assert.equal(claimOf(bench)?.metadata.annotations?.['volume.kubernetes.io/storage-provisioner'], 'example.com/disk')
    assert.match(
      bench.recorder.events[0] ?? '',
      /^Normal ExternalProvisioning Waiting for a volume to be created either by the external provisioner 'example.com\/disk'/,
    )
    const uid = claimOf(bench)?.metadata.uid ?? ''
    bench.cluster.seed(persistentVolumes, volume('made', { claimRef: { namespace: 'default', name: 'data', uid } }))
    await bench.settle()
    assert.deepEqual(phases(bench), { made: 'Bound', data: 'Bound' })
  })

  it('waits for the first consumer until the scheduler has picked a node', async () => {
    await using bench = controllerBench()
    bench.cluster.seed(storageClasses, storageClass({ volumeBindingMode: 'WaitForFirstConsumer' }))
    bench.cluster.seed(persistentVolumes, volume('free'))
    bench.cluster.seed(persistentVolumeClaims, claim())
    await start(bench)
    assert.deepEqual(phases(bench), { free: 'Available', data: 'Pending' })
    assert.ok(bench.recorder.events.includes('Normal WaitForFirstConsumer waiting for first consumer to be created before binding'))
    bench.cluster.remove(persistentVolumes, { name: 'free' })
    bench.cluster.change(persistentVolumeClaims, { namespace: 'default', name: 'data' }, (object) => ({
      ...object,
      metadata: { ...object.metadata, annotations: { 'volume.kubernetes.io/selected-node': 'n1' } },
    }))
    await bench.settle()
    assert.equal(claimOf(bench)?.metadata.annotations?.['volume.kubernetes.io/storage-provisioner'], 'example.com/disk')
  })

  it('gives a claim without class the default one', async () => {
    await using bench = controllerBench()
    bench.cluster.seed(persistentVolumeClaims, claim({ storageClassName: undefined }))
    await start(bench)
    assert.ok(
      bench.recorder.events.includes('Normal FailedBinding no persistent volumes available for this claim and no storage class is set'),
    )
    bench.cluster.seed(
      storageClasses,
      storageClass({ metadata: { name: 'std', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } } }),
    )
    await bench.settle()
    assert.equal(claimOf(bench)?.spec.storageClassName, 'std')
  })

  it('says why a named volume cannot be had', async () => {
    await using bench = controllerBench()
    bench.cluster.seed(persistentVolumes, volume('tiny', { capacity: { storage: '1Mi' } }))
    bench.cluster.seed(persistentVolumeClaims, claim({ volumeName: 'tiny' }))
    await start(bench)
    assert.ok(bench.recorder.events.includes('Warning VolumeMismatch Cannot bind to requested volume "tiny": requested PV is too small'))
    assert.equal(claimOf(bench)?.status.phase, 'Pending')
  })

  for (const { title, spec, annotations, expected } of [
    { title: 'keeps a released volume under Retain', spec: {}, annotations: {}, expected: 'Released' },
    {
      title: 'leaves deletion to the provisioner under Delete',
      spec: { persistentVolumeReclaimPolicy: 'Delete' as const },
      annotations: { 'pv.kubernetes.io/provisioned-by': 'example.com/disk' },
      expected: 'Released',
    },
    {
      title: 'fails a volume that nobody can delete',
      spec: { persistentVolumeReclaimPolicy: 'Delete' as const },
      annotations: {},
      expected: 'Failed',
    },
  ]) {
    it(title, async () => {
      await using bench = controllerBench()
      bench.cluster.seed(persistentVolumes, volume('v', spec, annotations))
      bench.cluster.seed(persistentVolumeClaims, claim())
      await start(bench)
      assert.equal(phases(bench)['v'], 'Bound')
      bench.cluster.remove(persistentVolumeClaims, { namespace: 'default', name: 'data' })
      await bench.settle()
      assert.equal(phases(bench)['v'], expected)
    })
  }

  it('calls a claim lost when its volume is gone', async () => {
    await using bench = controllerBench()
    bench.cluster.seed(persistentVolumes, volume('v'))
    bench.cluster.seed(persistentVolumeClaims, claim())
    await start(bench)
    bench.cluster.remove(persistentVolumes, { name: 'v' })
    await bench.settle()
    assert.equal(claimOf(bench)?.status.phase, 'Lost')
    assert.ok(bench.recorder.events.includes('Warning ClaimLost Bound claim has lost its PersistentVolume. Data on the volume is lost!'))
  })
})

describe('protection of storage in use', () => {
  const options = { signal: new AbortController().signal }

  it('keeps a claim until the last pod that mounts it has ended, and then its volume', async () => {
    await using bench = controllerBench()
    bench.cluster.seed(persistentVolumes, volume('v'))
    bench.cluster.seed(persistentVolumeClaims, claim())
    const user = bench.cluster.seed(
      pods,
      pod('user', { spec: { nodeName: 'n', volumes: [{ name: 'd', persistentVolumeClaim: { claimName: 'data' } }] } }),
    )
    await start(bench)
    assert.deepEqual(claimOf(bench)?.metadata.finalizers, ['kubernetes.io/pvc-protection'])
    await bench.cluster.delete(persistentVolumeClaims, { namespace: 'default', name: 'data' }, options)
    await bench.cluster.delete(persistentVolumes, { name: 'v' }, options)
    await bench.settle()
    assert.deepEqual(namesOf([...bench.cluster.all(persistentVolumes), ...bench.cluster.all(persistentVolumeClaims)]), ['data', 'v'])
    bench.cluster.change(pods, user.metadata, (object) => ({ ...object, status: { phase: 'Succeeded' as const } }))
    await bench.settle()
    assert.deepEqual(namesOf([...bench.cluster.all(persistentVolumes), ...bench.cluster.all(persistentVolumeClaims)]), [])
  })

  it('keeps an attributes class while a claim asks for it', async () => {
    await using bench = controllerBench()
    const { cluster } = bench
    const { informers } = cluster
    const attributesClasses = informers.informer(volumeAttributesClasses)
    const [claims, volumes] = [informers.informer(persistentVolumeClaims), informers.informer(persistentVolumes)]
    cluster.seed(volumeAttributesClasses, { metadata: { name: 'gold' }, driverName: 'example.com' })
    const user = cluster.seed(persistentVolumeClaims, claim({ volumeAttributesClassName: 'gold' }))
    await bench.run(attributesClassProtectionController({ client: cluster, attributesClasses, claims, volumes }))
    assert.deepEqual(cluster.all(volumeAttributesClasses)[0]?.metadata.finalizers, ['kubernetes.io/vac-protection'])
    await cluster.delete(volumeAttributesClasses, { name: 'gold' }, options)
    await bench.settle()
    assert.deepEqual(namesOf(cluster.all(volumeAttributesClasses)), ['gold'])
    await cluster.delete(persistentVolumeClaims, user.metadata, options)
    await bench.settle()
    assert.deepEqual(namesOf(cluster.all(volumeAttributesClasses)), [])
  })
})

describe('generic ephemeral volumes', () => {
  const run = async (bench: Bench): Promise<void> => {
    const { cluster, recorder } = bench
    const { informers } = cluster
    const claims = informers.informer(persistentVolumeClaims)
    await bench.run(ephemeralVolumeController({ client: cluster, pods: informers.informer(pods), claims, recorder }))
  }
  const volumeClaimTemplate = { metadata: { labels: { a: 'b' } }, spec: { resources: { requests: { storage: '1Gi' } } } }
  const user = pod('user', { spec: { volumes: [{ name: 'scratch', ephemeral: { volumeClaimTemplate } }] } })

  it('get a claim that the pod owns', async () => {
    await using bench = controllerBench()
    const owner = bench.cluster.seed(pods, user)
    await run(bench)
    const made = claimOf(bench, 'user-scratch')
    assert.deepEqual([made?.metadata.labels, made?.metadata.ownerReferences?.[0]?.uid], [{ a: 'b' }, owner.metadata.uid])
  })

  it('do not take over a claim of that name', async () => {
    await using bench = controllerBench()
    bench.cluster.seed(persistentVolumeClaims, claim({}, 'user-scratch'))
    bench.cluster.seed(pods, user)
    await run(bench)
    assert.deepEqual(bench.recorder.events, [
      'Warning FailedBinding ephemeral volume scratch: PVC "user-scratch" was not created for pod "user" (pod is not owner)',
    ])
  })
})
