import assert from 'node:assert/strict'
import { it } from 'node:test'
import { FakeClock } from '../../tests/helpers/fake-clock.ts'
import { silentLogger } from '../observability/log.ts'
import { supervise } from './supervise.ts'

it('starts failed work again with growing pauses until the signal aborts', async () => {
  const clock = new FakeClock()
  const abort = new AbortController()
  const startsMs: number[] = []
  const begin = clock.now()
  const done = supervise(
    async () => {
      startsMs.push(clock.now() - begin)
      throw new Error('no luck')
    },
    { name: 'x', log: silentLogger, clock, signal: abort.signal, backoff: { baseMs: 100, maxMs: 1000 } },
  )
  await clock.advance(3000)
  assert.deepEqual(startsMs, [0, 100, 300, 700, 1500, 2500])
  abort.abort()
  await done
  assert.equal(clock.sleeping, 0)
})
