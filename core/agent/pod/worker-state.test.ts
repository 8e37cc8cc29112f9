import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { NEXT, type WorkerEvent, type WorkerState } from './worker-state.ts'

const ORDER: readonly WorkerState[] = ['Syncing', 'Terminating', 'Terminated', 'Finished']

describe('the life of a pod', () => {
  it('never goes back', () => {
    for (const [state, row] of Object.entries(NEXT) as [WorkerState, Record<WorkerEvent, WorkerState>][])
      for (const next of Object.values(row)) assert.ok(ORDER.indexOf(next) >= ORDER.indexOf(state), `${state} to ${next}`)
  })
  it('goes one step at a time', () => {
    for (const [state, row] of Object.entries(NEXT) as [WorkerState, Record<WorkerEvent, WorkerState>][])
      for (const next of Object.values(row)) assert.ok(ORDER.indexOf(next) - ORDER.indexOf(state) <= 1, `${state} to ${next}`)
  })
  it('releases resources only after containers have stopped', () => {
    assert.equal(NEXT.Terminating.resourcesReleased, 'Terminating')
    assert.equal(NEXT.Syncing.containersStopped, 'Syncing')
  })
})
