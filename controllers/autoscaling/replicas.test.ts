import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { HorizontalPodAutoscaler } from '../../core/api/types/autoscaling-v2.ts'
import type { Pod } from '../../core/api/types/core-v1.ts'
import { type History, type Limited, NO_HISTORY, planScale, remember } from './behavior.ts'
import { byAverage, byShare, byTotal, byUtilization, type Question, type Sample } from './replicas.ts'

const NOW = Date.parse('2026-01-01T01:00:00Z')
const MILLI = 1_000_000n
const at = (secondsAgo: number): string => new Date(NOW - secondsAgo * 1000).toISOString()

interface PodFacts {
  /** Thousandths; absent: not measured. */
  readonly use?: number
  readonly ready?: boolean
  readonly phase?: string
  readonly startedSecondsAgo?: number
  readonly deleting?: boolean
}
const question = (facts: readonly PodFacts[], current = facts.length): Question => {
  const samples = new Map<string, Sample>()
  const pods = facts.map(({ use, ready = true, phase = 'Running', startedSecondsAgo = 3600, deleting = false }, i) => {
    if (use !== undefined) samples.set(`p${i}`, { value: BigInt(use) * MILLI, timestampMs: NOW, windowMs: 30_000 })
    return {
      metadata: { name: `p${i}`, ...(deleting && { deletionTimestamp: at(0) }) },
      spec: { containers: [{ name: 'c', resources: { requests: { cpu: '1' } } }] },
      status: {
        phase,
        startTime: at(startedSecondsAgo),
        conditions: [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: at(startedSecondsAgo) }],
      },
    } as unknown as Pod
  })
  return { current, pods, samples, nowMs: NOW, tolerance: { up: 0.1, down: 0.1 } }
}
const uses = (...list: readonly (number | undefined)[]): PodFacts[] => list.map((use) => (use === undefined ? {} : { use }))

describe('replicas by utilization of requests', () => {
  for (const { title, facts, target, expected } of [
    { title: 'scales up', facts: uses(300, 500, 700), target: 30, expected: 5 },
    { title: 'scales down', facts: uses(100, 300, 500, 250, 250), target: 50, expected: 3 },
    { title: 'stays within the tolerance', facts: uses(540, 540), target: 50, expected: 2 },
    { title: 'takes an unmeasured pod for idle before it adds', facts: uses(900, undefined), target: 50, expected: 2 },
    { title: 'takes an unmeasured pod for busy before it removes', facts: uses(100, 100, undefined), target: 50, expected: 3 },
    {
      title: 'leaves pods out that start',
      facts: [{ use: 900 }, { use: 900 }, { use: 5_000, ready: false, startedSecondsAgo: 10 }],
      target: 50,
      expected: 4,
    },
    {
      title: 'leaves out pods that go and pods that failed',
      facts: [{ use: 300 }, { use: 9_000, deleting: true }, { use: 9_000, phase: 'Failed' }],
      target: 30,
      expected: 3,
    },
  ]) {
    it(title, () => assert.equal(byUtilization(question(facts), 'cpu', target).replicas, expected))
  }
  it('tells the utilization and the average', () => {
    const { utilization, average } = byUtilization(question(uses(300, 500)), 'cpu', 40)
    assert.deepEqual([utilization, average], [40, 400n * MILLI])
  })
  it('needs requests', () => {
    assert.throws(() => byUtilization(question(uses(300)), 'memory', 40), /missing request for memory in container c of Pod p0/)
  })
  it('needs measurements', () => {
    assert.throws(() => byUtilization(question(uses(undefined, undefined)), 'cpu', 40), /did not receive metrics/)
  })
})

describe('replicas by other targets', () => {
  it('an amount per pod', () => assert.equal(byAverage(question(uses(20_000, 10_000, 30_000)), 15_000n * MILLI).replicas, 4))
  it('one value for all ready pods', () => assert.equal(byTotal(question(uses(1, 1, 1)), 30n, 20n).replicas, 5))
  it('one value within the tolerance', () => assert.equal(byTotal(question(uses(1, 1, 1)), 21n, 20n).replicas, 3))
  it('a share of one value per replica', () => assert.equal(byShare(question(uses(1, 1)), 100n, 30n).replicas, 4))
})

describe('speed of scaling', () => {
  const autoscaler = (spec: object = {}): HorizontalPodAutoscaler =>
    ({ spec: { minReplicas: 2, maxReplicas: 100, ...spec } }) as HorizontalPodAutoscaler
  const plan = (spec: object, wanted: number, current: number, history: History = NO_HISTORY): Limited =>
    planScale(autoscaler(spec), wanted, current, { history, nowMs: NOW })
  for (const { title, spec, wanted, current, replicas, reason } of [
    { title: 'follows', spec: {}, wanted: 6, current: 4, replicas: 6, reason: undefined },
    { title: 'doubles at most', spec: {}, wanted: 50, current: 10, replicas: 20, reason: 'ScaleUpLimit' },
    { title: 'adds four from few', spec: {}, wanted: 50, current: 2, replicas: 6, reason: 'ScaleUpLimit' },
    { title: 'stops at the maximum', spec: { maxReplicas: 7 }, wanted: 50, current: 5, replicas: 7, reason: 'TooManyReplicas' },
    { title: 'stops at the minimum', spec: {}, wanted: 1, current: 5, replicas: 2, reason: 'TooFewReplicas' },
    {
      title: 'obeys a policy downwards',
      spec: { behavior: { scaleDown: { policies: [{ type: 'Pods', value: 1, periodSeconds: 60 }] } } },
      wanted: 3,
      current: 9,
      replicas: 8,
      reason: 'ScaleDownLimit',
    },
    {
      title: 'does not move in a disabled direction',
      spec: { behavior: { scaleDown: { selectPolicy: 'Disabled' } } },
      wanted: 3,
      current: 9,
      replicas: 9,
      reason: 'ScaleDownLimit',
    },
  ]) {
    it(title, () => {
      const limited = plan(spec, wanted, current)
      assert.deepEqual([limited.replicas, limited.limit?.reason], [replicas, reason])
    })
  }

  it('remembers higher recommendations for five minutes before it goes down', () => {
    const history = (secondsAgo: number): History => ({ ...NO_HISTORY, recommendations: [{ replicas: 8, atMs: NOW - secondsAgo * 1000 }] })
    assert.deepEqual([plan({}, 3, 9, history(299)).replicas, plan({}, 3, 9, history(299)).stabilized], [8, 'down'])
    assert.equal(plan({}, 3, 9, history(301)).replicas, 3)
  })

  it('counts what it added in the period of a policy', () => {
    const behavior = { scaleUp: { policies: [{ type: 'Pods', value: 4, periodSeconds: 60 }] } }
    const history = remember(autoscaler({ behavior }), NO_HISTORY, { wanted: 50, change: 3, nowMs: NOW - 30_000 })
    assert.equal(plan({ behavior }, 50, 10, history).replicas, 11)
    assert.equal(remember(autoscaler({ behavior }), history, { wanted: 1, change: 0, nowMs: NOW + 40_000 }).ups.length, 0)
  })
})
