import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FakeClock } from '../../../tests/helpers/fake-clock.ts'
import { KeyBackoff } from './key-backoff.ts'

const LIMITS = { baseMs: 10_000, maxMs: 300_000 }

describe('KeyBackoff', () => {
  it('doubles to its limit', () => {
    const backoff = new KeyBackoff(new FakeClock(0), LIMITS)
    const delays = Array.from({ length: 7 }, () => backoff.fail('k'))
    assert.deepEqual(delays, [10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000])
  })

  it('counts from the end of the run it is asked about', async () => {
    const clock = new FakeClock(0)
    const backoff = new KeyBackoff(clock, LIMITS)
    assert.equal(backoff.remainingMs('k', 0), 0, 'a first failure waits for nothing')
    backoff.fail('k', 'why', 0)
    await clock.advance(4_000)
    assert.equal(backoff.remainingMs('k', 1_000), 7_000)
    assert.equal(backoff.remainingMs('k'), 6_000)
    assert.equal(backoff.messageOf('k'), 'why')
  })

  it('starts over after a long good run', async () => {
    const clock = new FakeClock(0)
    const backoff = new KeyBackoff(clock, LIMITS)
    backoff.fail('k', '', 0)
    backoff.fail('k', '', 0)
    await clock.advance(700_000)
    assert.equal(backoff.remainingMs('k', 700_000), 0)
    assert.equal(backoff.fail('k', '', 700_000), 10_000)
  })

  it('forgets by prefix', () => {
    const backoff = new KeyBackoff(new FakeClock(0), LIMITS)
    backoff.fail('u1_a')
    backoff.fail('u2_a')
    backoff.resetPrefix('u1_')
    assert.deepEqual([backoff.delayMs('u1_a'), backoff.delayMs('u2_a')], [0, 10_000])
  })
})
