import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Deployment, ReplicaSet } from '../../../core/api/types/apps-v1.ts'
import { deployment, replicaSet } from '../../../tests/helpers/builders.ts'
import { limitsOf, planCleanup, planNewSize, planOldSizes, planScale } from './scaling.ts'

const of = (replicas: number, maxSurge: number | string, maxUnavailable: number | string): Deployment =>
  deployment({ replicas, strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } } }) as Deployment

interface SetFacts {
  readonly size: number
  readonly available?: number
  readonly desired?: number
  readonly max?: number
  readonly revision?: number
}
let serial = 0
const set = ({ size, available = size, desired, max, revision = 1 }: SetFacts): ReplicaSet => {
  serial += 1
  const annotations: Record<string, string> = { 'deployment.kubernetes.io/revision': String(revision) }
  if (desired !== undefined) annotations['deployment.kubernetes.io/desired-replicas'] = String(desired)
  if (max !== undefined) annotations['deployment.kubernetes.io/max-replicas'] = String(max)
  const creationTimestamp = `2026-01-01T00:00:${String(serial).padStart(2, '0')}Z`
  return {
    ...replicaSet({ replicas: size }, { name: `web-${serial}`, annotations, creationTimestamp, generation: 1 }),
    status: { replicas: size, availableReplicas: available, observedGeneration: 1 },
  } as ReplicaSet
}
const sizes = (plan: readonly { readonly replicas: number }[]): number[] => plan.map(({ replicas }) => replicas)

describe('limits of a rollout', () => {
  for (const { replicas, surge, unavailable, expected } of [
    { replicas: 10, surge: '25%', unavailable: '25%', expected: { replicas: 10, maxSurge: 3, maxUnavailable: 2 } },
    { replicas: 1, surge: '25%', unavailable: '25%', expected: { replicas: 1, maxSurge: 1, maxUnavailable: 0 } },
    { replicas: 3, surge: 0, unavailable: '10%', expected: { replicas: 3, maxSurge: 0, maxUnavailable: 1 } },
    { replicas: 2, surge: 1, unavailable: 5, expected: { replicas: 2, maxSurge: 1, maxUnavailable: 2 } },
    { replicas: 0, surge: '25%', unavailable: '25%', expected: { replicas: 0, maxSurge: 0, maxUnavailable: 0 } },
  ]) {
    it(`${replicas} replicas, surge ${surge}, unavailable ${unavailable}`, () =>
      assert.deepEqual(limitsOf(of(replicas, surge, unavailable)), expected))
  }
})

describe('size of the new set', () => {
  for (const { replicas, surge, newSize, allSize, expected } of [
    { replicas: 10, surge: 3, newSize: 0, allSize: 10, expected: 3 },
    { replicas: 10, surge: 3, newSize: 3, allSize: 13, expected: 3 },
    { replicas: 10, surge: 3, newSize: 8, allSize: 10, expected: 10 },
    { replicas: 10, surge: 0, newSize: 0, allSize: 0, expected: 10 },
    { replicas: 2, surge: 1, newSize: 5, allSize: 5, expected: 2 },
  ]) {
    it(`${newSize} of ${replicas} with ${allSize} in all`, () =>
      assert.equal(planNewSize(of(replicas, surge, 0), newSize, allSize), expected))
  }
})

describe('sizes of old sets', () => {
  it('shrinks only as far as new pods are available', () => {
    const plan = planOldSizes(of(10, 3, 2), set({ size: 3, available: 1 }), [set({ size: 10 })])
    assert.deepEqual(sizes(plan), [7])
  })
  it('takes broken pods first and may take all of them', () => {
    const plan = planOldSizes(of(10, 3, 2), set({ size: 5, available: 0 }), [set({ size: 8, available: 8 })])
    assert.deepEqual(sizes(plan), [])
    const broken = planOldSizes(of(10, 3, 2), set({ size: 3, available: 3 }), [set({ size: 4, available: 0 }), set({ size: 6 })])
    assert.deepEqual(sizes(broken), [0, 5])
  })
})

describe('scaling during a rollout', () => {
  it('spreads growth by share, as the documentation computes it', () => {
    const current = set({ size: 5, desired: 10, max: 13 })
    const old = set({ size: 8, desired: 10, max: 13 })
    assert.deepEqual(planScale(of(15, 3, 2), current, [old]), [
      { set: old, replicas: 11 },
      { set: current, replicas: 7 },
    ])
  })
  it('spreads shrinkage likewise', () => {
    const current = set({ size: 5, desired: 10, max: 13 })
    const old = set({ size: 8, desired: 10, max: 13 })
    const plan = planScale(of(5, 3, 2), current, [old])
    assert.equal(
      sizes(plan).reduce((a, b) => a + b),
      8,
    )
    assert.deepEqual(sizes(plan), [5, 3])
  })
  it('gives the whole change to the only active set', () => {
    const current = set({ size: 3 })
    assert.deepEqual(planScale(of(7, 1, 0), current, [set({ size: 0 })]), [{ set: current, replicas: 7 }])
  })
  it('revives the newest set when none is active', () => {
    const current = set({ size: 0 })
    assert.deepEqual(planScale(of(2, 1, 0), current, []), [{ set: current, replicas: 2 }])
    const newest = set({ size: 0 })
    assert.deepEqual(planScale(of(2, 1, 0), undefined, [newest, current]), [{ set: newest, replicas: 2 }])
  })
  it('empties old sets once the new one serves alone', () => {
    const old = set({ size: 1 })
    assert.deepEqual(planScale(of(3, 1, 0), set({ size: 3, desired: 3 }), [old]), [{ set: old, replicas: 0 }])
  })
  it('goes to zero', () => {
    assert.deepEqual(
      sizes(planScale(of(0, 3, 2), set({ size: 5, desired: 10, max: 13 }), [set({ size: 8, desired: 10, max: 13 })])),
      [0, 0],
    )
  })
})

describe('clean-up of old sets', () => {
  it('removes the oldest revisions beyond the limit, but never one in use', () => {
    const inUse = set({ size: 1, revision: 1 })
    const [first, second, third] = [2, 3, 4].map((revision) => set({ size: 0, revision }))
    assert.ok(first && second && third)
    const limited = (revisionHistoryLimit: number): Deployment => deployment({ revisionHistoryLimit }) as Deployment
    assert.deepEqual(planCleanup(limited(1), [third, inUse, second, first]), [first, second])
    assert.deepEqual(planCleanup(limited(0), [first]), [first])
    assert.deepEqual(planCleanup(limited(10), [first, second, third]), [])
  })
})
