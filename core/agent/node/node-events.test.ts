import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { NodeCondition } from '../../api/types/core-v1.ts'
import { conditionsOf } from './build.ts'
import { changesOf } from './node-events.ts'

const calm = { memory: false, disk: false, pid: false }
const conditions = (problems: readonly string[], pressure = calm, old: readonly NodeCondition[] = []): readonly NodeCondition[] =>
  conditionsOf({ problems, pressure }, old, 'now')

describe('events about a node', () => {
  it('tell at the first report what it has, and that it is ready once it is', () => {
    const starting = conditions(['no runtime'])
    assert.deepEqual(changesOf([], starting), ['NodeHasSufficientMemory', 'NodeHasNoDiskPressure', 'NodeHasSufficientPID'])
    assert.deepEqual(changesOf(starting, conditions([])), ['NodeReady'])
    assert.deepEqual(changesOf([], conditions([])).at(-1), 'NodeReady')
  })

  it('tell changes alone', () => {
    const well = conditions([])
    assert.deepEqual(changesOf(well, conditions([])), [])
    assert.deepEqual(changesOf(well, conditions(['no runtime'], { memory: true, disk: true, pid: true })), [
      'NodeHasInsufficientMemory',
      'NodeHasDiskPressure',
      'NodeHasInsufficientPID',
      'NodeNotReady',
    ])
  })

  it('tell of a node that the controllers took for lost', () => {
    const lost = conditions([]).map((condition) => ({ ...condition, status: 'Unknown' }))
    assert.ok(changesOf(lost, conditions([])).includes('NodeReady'))
  })
})
