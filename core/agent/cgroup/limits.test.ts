import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { qosClassOf } from '../../api/rules/qos.ts'
import type { Pod } from '../../api/types/core-v1.ts'
import { readHierarchy } from './hierarchy.ts'
import { filesV1, filesV2, quotaOf, sharesOf, weightOf } from './limits.ts'
import { podResources } from './pod-resources.ts'

type Amounts = Readonly<Record<string, string>>
const container = (requests?: Amounts, limits?: Amounts, restartPolicy?: string): object => ({
  name: 'c',
  resources: { ...(requests && { requests }), ...(limits && { limits }) },
  ...(restartPolicy !== undefined && { restartPolicy }),
})
const pod = (containers: readonly object[], initContainers: readonly object[] = [], more: object = {}): Pod =>
  ({ metadata: {}, spec: { containers, initContainers, ...more } }) as unknown as Pod

const FULL = { cpu: '500m', memory: '64Mi' }

describe('qosClassOf', () => {
  const cases: readonly [string, Pod, string][] = [
    ['nothing set', pod([container()]), 'BestEffort'],
    ['limits only', pod([container(undefined, FULL)]), 'Guaranteed'],
    ['equal requests and limits', pod([container(FULL, FULL)]), 'Guaranteed'],
    ['lower requests', pod([container({ cpu: '100m' }, FULL)]), 'Burstable'],
    ['one container without', pod([container(FULL, FULL), container()]), 'Burstable'],
    ['an init container without', pod([container(FULL, FULL)], [container()]), 'Burstable'],
    ['pod-level resources', pod([container()], [], { resources: { requests: FULL, limits: FULL } }), 'Guaranteed'],
    ['zero amounts', pod([container({ cpu: '0' }, { cpu: '0' })]), 'BestEffort'],
  ]
  for (const [name, subject, want] of cases)
    it(`${name}: ${want}`, () => {
      assert.equal(qosClassOf(subject.spec), want)
    })
})

describe('podResources', () => {
  it('takes the larger of init steps and the running containers, with sidecars in both', () => {
    const sidecar = container({ cpu: '100m' }, undefined, 'Always')
    assert.equal(podResources(pod([container({ cpu: '200m' })], [sidecar, container({ cpu: '700m' })])).cpuRequestMillicores, 800)
    assert.equal(podResources(pod([container({ cpu: '900m' })], [container({ cpu: '700m' }), sidecar])).cpuRequestMillicores, 1000)
  })
  it('has no limit when one container has none', () => {
    assert.equal(podResources(pod([container(undefined, FULL), container()])).memoryLimitBytes, undefined)
    assert.equal(podResources(pod([container(undefined, FULL), container(undefined, FULL)])).memoryLimitBytes, 128 << 20)
  })
})

describe('limits', () => {
  it('converts as the kernel wants it', () => {
    assert.deepEqual([sharesOf(0), sharesOf(1000), sharesOf(1e9)], [2, 1024, 262_144])
    assert.deepEqual([quotaOf(0), quotaOf(500), quotaOf(1)], [0, 50_000, 1_000])
    assert.deepEqual([weightOf(2), weightOf(1024), weightOf(262_144)], [1, 39, 10_000])
  })
  it('writes both hierarchies', () => {
    assert.equal(filesV2({ cpuShares: 2 })['cpu.max'], 'max 100000')
    assert.equal(filesV1({ memoryBytes: 5 }).find(({ file }) => file === 'memory.limit_in_bytes')?.text, '5')
  })
})

describe('readHierarchy', () => {
  it('finds separate trees on a hybrid machine', async () => {
    const mounts = ['cpu,cpuacct', 'memory', 'pids'].map((c) => `cgroup /sys/fs/cgroup/${c} cgroup rw,${c} 0 0`).join('\n')
    const found = await readHierarchy(`${mounts}\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0`, async () => '')
    assert.equal(found.version === 1 && found.trees.get('cpuacct'), '/sys/fs/cgroup/cpu,cpuacct')
  })
  it('finds the unified tree', async () => {
    const found = await readHierarchy('cgroup2 /sys/fs/cgroup cgroup2 rw 0 0', async () => 'cpuset cpu io memory pids\n')
    assert.deepEqual(found.version === 2 && found.controllers, ['cpuset', 'cpu', 'io', 'memory', 'pids'])
  })
  it('names the missing controller', async () => {
    await assert.rejects(
      readHierarchy('cgroup2 /sys/fs/cgroup cgroup2 rw 0 0', async () => 'cpu pids\n'),
      /no cgroup controller memory/,
    )
  })
})
