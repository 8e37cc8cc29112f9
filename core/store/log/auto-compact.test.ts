import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Clock } from '../../runtime/clock.ts'
import type { Store } from '../store.ts'
import { autoCompact } from './auto-compact.ts'

/** A clock whose sleeps end at once, so many times; then the signal aborts. */
function ticks(count: number, stop: AbortController): Clock & { readonly slept: number[] } {
  const slept: number[] = []
  return {
    slept,
    now: () => 0,
    sleep: (ms) => {
      if (slept.length < count) {
        slept.push(ms)
        return Promise.resolve()
      }
      stop.abort(new Error('over'))
      return Promise.reject(stop.signal.reason as Error)
    },
  }
}

function storeAt(revisions: readonly number[], compact: (revision: number) => Promise<void>): Store {
  let asked = 0
  return {
    get revision() {
      asked += 1
      return revisions[asked - 1] ?? 0
    },
    compact,
  } as Store
}

describe('automatic compaction', () => {
  it('keeps the newest revisions, every five minutes, and nothing happens before there are more', async () => {
    const stop = new AbortController()
    const clock = ticks(3, stop)
    const compacted: number[] = []
    const store = storeAt([900, 1500, 4000], (revision) => Promise.resolve(void compacted.push(revision)))
    await autoCompact(store, { clock, signal: stop.signal, onError: (err) => assert.ifError(err) })
    assert.deepEqual(compacted, [500, 3000])
    assert.deepEqual(clock.slept, [300_000, 300_000, 300_000])
  })

  it('reports a failure and tries again next time', async () => {
    const stop = new AbortController()
    const errors: unknown[] = []
    let calls = 0
    const store = storeAt([2000, 2000], () => {
      calls += 1
      return calls === 1 ? Promise.reject(new Error('disk full')) : Promise.resolve()
    })
    await autoCompact(store, {
      clock: ticks(2, stop),
      signal: stop.signal,
      intervalMs: 10,
      keepRevisions: 5,
      onError: (err) => errors.push(err),
    })
    assert.equal(calls, 2)
    assert.match(String(errors[0]), /disk full/)
  })
})
