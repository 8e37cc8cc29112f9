import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { lastMessages } from './read-runtime.ts'

const TIME = '2026-01-01T00:00:00.000000000Z'
const log = (...records: readonly string[]): Buffer => Buffer.from(records.map((record) => `${TIME} ${record}\n`).join(''))

describe('lastMessages', () => {
  it('joins the parts of a line and adds no line break that the container did not write', () => {
    assert.equal(lastMessages(log('stdout F one', 'stderr P DO', 'stderr P NE')), 'one\nDONE')
  })
  it('keeps the last 80 lines and the last 2048 bytes', () => {
    const lines = Array.from({ length: 100 }, (_, index) => `stdout F ${index}`)
    assert.equal(lastMessages(log(...lines)).split('\n')[0], '20')
    assert.equal(lastMessages(log(`stdout F ${'x'.repeat(5000)}`)).length, 2048)
  })
  it('leaves out a record whose beginning is cut off', () => {
    assert.equal(lastMessages(Buffer.from(`tdout F cut\n${TIME} stdout F whole\n`)), 'whole\n')
  })
})
