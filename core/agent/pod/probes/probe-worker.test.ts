import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FakeClock, settle } from '../../../../tests/helpers/fake-clock.ts'
import type { Probe } from '../../../api/types/core-v1.ts'
import type { ContainerRecord } from '../pod-runtime.ts'
import { type ProbeKind, ProbeWorker } from './probe-worker.ts'
import type { ProbeOutcome } from './run-probe.ts'

interface Bench {
  readonly clock: FakeClock
  readonly worker: ProbeWorker
  /** `id=verdict`, in order. */
  readonly told: string[]
  readonly unhealthy: string[]
  readonly counted: string[]
  record: ContainerRecord | undefined
  isStarted: boolean
  outcome: ProbeOutcome['result']
  isWarning?: boolean
  runs: number
  step(ms: number): Promise<void>
  stop(): Promise<void>
}

function bench(
  kind: ProbeKind,
  probe: Probe,
  given: Partial<Pick<Bench, 'outcome' | 'isStarted'>> & { readonly known?: boolean } = {},
): Bench {
  const clock = new FakeClock(0)
  const abort = new AbortController()
  const running = (id: string): ContainerRecord => ({ id, phase: 'running', startedAtMs: clock.now() }) as unknown as ContainerRecord
  const state: Bench = {
    clock,
    told: [],
    unhealthy: [],
    counted: [],
    record: running('c1'),
    isStarted: given.isStarted ?? true,
    outcome: given.outcome ?? 'success',
    runs: 0,
    worker: new ProbeWorker(
      {
        kind,
        probe,
        look: () => ({ record: state.record, isStarted: state.isStarted }),
        run: () => {
          state.runs += 1
          return Promise.resolve({ result: state.outcome, output: 'out', ...(state.isWarning === true && { isWarning: true }) })
        },
        tell: (id, verdict) => state.told.push(`${id}=${String(verdict)}`),
        report: (_reason, message) => state.unhealthy.push(message),
        count: (result) => state.counted.push(result),
        known: () => given.known,
      },
      clock,
    ),
    step: (ms) => clock.advance(ms),
    stop: async () => {
      abort.abort(new Error('enough'))
      await loop
    },
  }
  const loop = state.worker.loop(abort.signal)
  return state
}

describe('a readiness probe', () => {
  it('begins unready, waits its delay, and needs its thresholds', async () => {
    const b = bench('readiness', { periodSeconds: 5, initialDelaySeconds: 2, successThreshold: 2, failureThreshold: 2 })
    await settle()
    assert.deepEqual([b.told, b.runs], [['c1=false'], 0])
    await b.step(2_000)
    assert.equal(b.runs, 1)
    await b.step(5_000)
    assert.deepEqual(b.told, ['c1=false', 'c1=true'])
    b.outcome = 'failure'
    await b.step(5_000)
    assert.equal(b.told.length, 2, 'one failure is not enough')
    await b.step(5_000)
    assert.equal(b.told.at(-1), 'c1=false')
    assert.deepEqual(b.unhealthy, ['Readiness probe failed: out', 'Readiness probe failed: out'])
    await b.stop()
  })

  it('counts every try, and reports a success that is a warning', async () => {
    const b = bench('readiness', { periodSeconds: 5, initialDelaySeconds: 5 })
    b.isWarning = true
    await b.step(5_000)
    b.isWarning = false
    b.outcome = 'error'
    await b.step(5_000)
    assert.deepEqual(b.counted, ['success', 'error', 'error', 'error'])
    assert.deepEqual(b.unhealthy, ['Readiness probe warning: out', 'Readiness probe errored and resulted in unknown state: out'])
    await b.stop()
  })

  it('takes up what was known of the very same container', async () => {
    const b = bench('readiness', { initialDelaySeconds: 60 }, { known: true })
    await settle()
    assert.deepEqual(b.told, ['c1=true'])
    await b.stop()
  })

  it('starts afresh with a new container', async () => {
    const b = bench('readiness', { periodSeconds: 1 })
    await settle()
    b.record = { id: 'c2', phase: 'running', startedAtMs: 0 } as unknown as ContainerRecord
    await b.step(1_000)
    assert.deepEqual(b.told, ['c1=false', 'c1=true', 'c1=undefined', 'c2=false', 'c2=true'])
    await b.stop()
  })

  it('waits for the startup probe', async () => {
    const b = bench('readiness', { periodSeconds: 10 }, { isStarted: false })
    await b.step(10_000)
    const before = b.runs
    await b.step(10_000)
    assert.equal(b.runs, before)
    b.isStarted = true
    b.worker.trigger()
    await settle()
    assert.equal(b.runs, before + 1, 'looked at once, not after the period')
    await b.stop()
  })

  it('tells a container that has ended as unready', async () => {
    const b = bench('readiness', { periodSeconds: 1 })
    await settle()
    b.record = { id: 'c1', phase: 'exited', startedAtMs: 0 } as unknown as ContainerRecord
    await b.step(1_000)
    assert.equal(b.told.at(-1), 'c1=false')
    await b.stop()
  })
})

describe('a liveness probe', () => {
  it('says nothing more after a failure until the container is a new one', async () => {
    const b = bench('liveness', { periodSeconds: 1, failureThreshold: 1 }, { outcome: 'failure' })
    await settle()
    await b.step(1_000)
    await b.step(1_000)
    assert.deepEqual([b.told, b.runs], [['c1=false'], 1])
    b.record = { id: 'c2', phase: 'running', startedAtMs: 0 } as unknown as ContainerRecord
    await b.step(1_000)
    assert.equal(b.told.at(-1), 'c2=false')
    await b.stop()
  })

  it('tries an error again and counts it as nothing', async () => {
    const b = bench('liveness', { periodSeconds: 1, failureThreshold: 1 }, { outcome: 'error' })
    await settle()
    assert.deepEqual([b.told, b.runs], [[], 3])
    assert.deepEqual(b.unhealthy, ['Liveness probe errored and resulted in unknown state: out'])
    await b.stop()
  })
})

describe('a startup probe', () => {
  it('ends its work with its first success', async () => {
    const b = bench('startup', { periodSeconds: 1, failureThreshold: 30 }, { isStarted: false, outcome: 'failure' })
    await b.step(1_000)
    b.outcome = 'success'
    await b.step(1_000)
    assert.equal(b.told.at(-1), 'c1=true')
    b.isStarted = true
    const { runs } = b
    await b.step(5_000)
    assert.equal(b.runs, runs)
    await b.stop()
  })
})
