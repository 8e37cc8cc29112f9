import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { keyOf } from '../meta/object.ts'
import { Heap } from './heap.ts'
import { nodeResourcesFit } from './plugins/node-resources-fit.ts'
import { taintToleration } from './plugins/taint-toleration.ts'
import { type QueuedPod, SchedulingQueue } from './queue.ts'
import { testNode, testPod } from './testing.ts'

const queueOf = (): SchedulingQueue => new SchedulingQueue([nodeResourcesFit, taintToleration])
const fit = new Set(['NodeResourcesFit'])
const gone = { type: 'pod-gone', pod: testPod('gone') } as const

function take(queue: SchedulingQueue, nowMs: number): QueuedPod {
  const queued = queue.pop(nowMs)
  assert.ok(queued)
  return queued
}

describe('Heap', () => {
  it('gives elements in order whatever was put in, replaced and removed', () => {
    const operation = fc.tuple(fc.constantFrom('push', 'push', 'remove'), fc.nat(15), fc.nat(100))
    fc.assert(
      fc.property(fc.array(operation), (operations) => {
        const heap = new Heap<number, [number, number]>(
          ([key]) => key,
          (a, b) => a[1] < b[1],
        )
        const model = new Map<number, number>()
        for (const [what, key, rank] of operations) {
          if (what === 'push') {
            heap.push([key, rank])
            model.set(key, rank)
          } else assert.equal(heap.remove(key) !== undefined, model.delete(key))
        }
        const ranks: number[] = []
        for (let item = heap.pop(); item !== undefined; item = heap.pop()) ranks.push(item[1])
        assert.deepEqual(
          ranks,
          [...model.values()].sort((a, b) => a - b),
        )
      }),
    )
  })
})

describe('SchedulingQueue', () => {
  it('gives the highest priority first, then the one that waits longest', () => {
    const queue = queueOf()
    queue.add(testPod('low', { priority: 1 }), 0)
    queue.add(testPod('early', { priority: 5 }), 1)
    queue.add(testPod('late', { priority: 5 }), 2)
    assert.deepEqual(
      [3, 3, 3].map((now) => take(queue, now).pod.metadata.name),
      ['early', 'late', 'low'],
    )
    assert.equal(queue.pop(3), undefined)
  })

  it('parks a rejected pod until an event that helps, and then makes it wait out its backoff', () => {
    const queue = queueOf()
    queue.add(testPod('p', { cpu: '1' }), 0)
    queue.giveBack(take(queue, 0), fit, 0)
    assert.equal(queue.pop(60_000), undefined)
    queue.notify({ type: 'node-added', node: testNode('small', { status: { allocatable: { cpu: '500m' } } }) }, 500)
    assert.equal(queue.sizes.parked, 1)
    queue.notify(gone, 500)
    assert.equal(queue.pop(900), undefined)
    assert.equal(queue.nextDueMs(900), 100)
    assert.equal(take(queue, 1000).attempts, 2)
  })

  it('doubles the backoff up to ten seconds', () => {
    const queue = queueOf()
    queue.add(testPod('p'), 0)
    const waits: (number | undefined)[] = []
    let now = 0
    for (let i = 0; i < 6; i += 1) {
      queue.giveBack(take(queue, now), new Set(), now)
      waits.push(queue.nextDueMs(now))
      now += 10_000
    }
    assert.deepEqual(waits, [1000, 2000, 4000, 8000, 10_000, 10_000])
  })

  it('tries a parked pod again after five minutes', () => {
    const queue = queueOf()
    queue.add(testPod('p'), 0)
    queue.giveBack(take(queue, 0), fit, 0)
    assert.equal(queue.nextDueMs(0), 300_000)
    assert.ok(queue.pop(300_000))
  })

  it('holds gated pods until the gates are gone', () => {
    const queue = queueOf()
    const gated = testPod('p', { spec: { schedulingGates: [{ name: 'x' }] } })
    queue.add(gated, 0)
    assert.equal(queue.pop(0), undefined)
    queue.update(testPod('p'), gated, 0)
    assert.ok(queue.pop(0))
  })

  it('wakes a parked pod whose own spec changed, not one whose status did', () => {
    const queue = queueOf()
    const pod = testPod('p')
    queue.add(pod, 0)
    queue.giveBack(take(queue, 0), fit, 0)
    queue.update(testPod('p', { status: { reason: 'x' } }), pod, 2000)
    assert.equal(queue.sizes.parked, 1)
    queue.update(testPod('p', { spec: { tolerations: [{ operator: 'Exists' }] } }), pod, 2000)
    assert.ok(queue.pop(2000))
  })

  it('forgets a pod that was deleted while it was tried', () => {
    const queue = queueOf()
    const pod = testPod('p')
    queue.add(pod, 0)
    const queued = take(queue, 0)
    queue.delete(keyOf(pod))
    queue.giveBack(queued, new Set(), 0)
    assert.deepEqual(queue.sizes, { active: 0, backoff: 0, parked: 0, gated: 0 })
  })
})
