import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseNodeUsage, RateMeter } from './usage.ts'

describe('parseNodeUsage', () => {
  it('counts busy time and memory that cannot be given back', () => {
    const usage = parseNodeUsage(
      'cpu  100 10 50 9000 70 5 3 2 0 0\nbtime 1700000000\n',
      'MemTotal: 1000 kB\nMemAvailable:    600 kB\n',
      1000 * 1024,
    )
    assert.equal(usage.cpuNanoSeconds, 170 * 1e7)
    assert.equal(usage.memoryWorkingSetBytes, 400 * 1024)
    assert.equal(usage.bootedAtMs, 1_700_000_000_000)
  })
})

describe('RateMeter', () => {
  it('needs two readings, and starts over when a counter goes back', () => {
    const meter = new RateMeter()
    assert.equal(meter.rate('a', 1e9, 0), undefined)
    assert.equal(meter.rate('a', 2e9, 2_000), 5e8)
    assert.equal(meter.rate('a', 9e9, 2_100), 5e8, 'too close to say anything new')
    assert.equal(meter.rate('a', 0, 4_000), undefined)
  })
})
