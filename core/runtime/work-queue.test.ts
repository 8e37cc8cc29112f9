import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FakeClock } from '../../tests/helpers/fake-clock.ts'
import { WorkQueue } from './work-queue.ts'

const queueOf = (): { queue: WorkQueue<string>; clock: FakeClock } => {
  const clock = new FakeClock()
  return { clock, queue: new WorkQueue<string>({ clock }) }
}

describe('work queue', () => {
  it('hands out a key once however often it was added', async () => {
    const { queue } = queueOf()
    queue.add('a')
    queue.add('a')
    queue.add('b')
    assert.equal(queue.depth, 2)
    assert.deepEqual([await queue.take(), await queue.take()], ['a', 'b'])
    assert.equal(queue.depth, 0)
  })

  it('never hands one key to two workers, and repeats it when it was added meanwhile', async () => {
    const { queue } = queueOf()
    queue.add('a')
    await queue.take()
    queue.add('a')
    const next = queue.take()
    queue.add('b')
    assert.equal(await next, 'b')
    queue.done('a')
    assert.equal(await queue.take(), 'a')
    queue.done('a')
    queue.done('b')
    assert.equal(queue.idle, true)
  })

  it('wakes a waiting worker', async () => {
    const { queue } = queueOf()
    const waiting = queue.take()
    queue.add('a')
    assert.equal(await waiting, 'a')
  })

  it('adds a delayed key when it is due, the earliest delay winning', async () => {
    const { queue, clock } = queueOf()
    queue.addAfter('a', 1000)
    queue.addAfter('a', 100)
    queue.addAfter('a', 500)
    await clock.advance(99)
    assert.equal(queue.depth, 0)
    await clock.advance(1)
    assert.equal(queue.depth, 1)
    await queue.take()
    queue.done('a')
    await clock.advance(5000)
    assert.equal(queue.depth, 0)
  })

  it('doubles the delay per failure from 5 ms to 1000 s and starts afresh after forget', () => {
    const { queue } = queueOf()
    const delays = Array.from({ length: 20 }, () => queue.addRateLimited('a'))
    assert.deepEqual(delays.slice(0, 4), [5, 10, 20, 40])
    assert.equal(delays.at(-1), 1_000_000)
    assert.equal(queue.failures('a'), 20)
    queue.forget('a')
    assert.equal(queue.addRateLimited('a'), 5)
  })

  it('releases takers and timers on shut-down', async () => {
    const { queue, clock } = queueOf()
    const waiting = queue.take()
    queue.addAfter('a', 10)
    queue.shutDown()
    assert.equal(await waiting, undefined)
    assert.equal(clock.sleeping, 0)
    queue.add('b')
    assert.equal(await queue.take(), undefined)
  })
})
