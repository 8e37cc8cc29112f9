import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { configMaps } from '../../core/api/kinds.ts'
import { keyOf, type ObjectKey } from '../../core/meta/object.ts'
import { controllerBench } from '../../tests/helpers/controller-bench.ts'
import { after, type Controller, done, TerminalError, watch } from './controller.ts'
import { Expectations } from './expectations.ts'
import { selectControllers } from './select.ts'
import { slowStart } from './slow-start.ts'

const counting = (reconcile: Controller['reconcile'], more: Partial<Controller> = {}): Controller => ({
  name: 'unit',
  concurrency: 2,
  watches: [watch(configMaps, (object) => [keyOf(object)])],
  reconcile,
  ...more,
})
const seedable = (name: string) => ({ metadata: { namespace: 'default', name } })

describe('run loop', () => {
  it('reconciles what is there, what comes, and what goes', async () => {
    await using bench = controllerBench()
    const seen: string[] = []
    bench.cluster.seed(configMaps, seedable('a'))
    await bench.run(
      counting(async (key) => {
        seen.push(key)
        return done
      }),
    )
    bench.cluster.seed(configMaps, seedable('b'))
    await bench.settle()
    bench.cluster.remove(configMaps, { namespace: 'default', name: 'a' })
    await bench.settle()
    assert.deepEqual(seen, ['default/a', 'default/b', 'default/a'])
  })

  it('retries with backoff and tells the attempt', async () => {
    await using bench = controllerBench()
    const attempts: number[] = []
    await bench.run(
      counting(
        async (_key, { attempt }) => {
          attempts.push(attempt)
          if (attempt < 3) throw new Error('not yet')
          return done
        },
        { watches: [], initialKeys: ['only'] },
      ),
    )
    await bench.clock.advance(5 + 10 + 20)
    await bench.settle()
    assert.deepEqual(attempts, [0, 1, 2, 3])
    await bench.clock.advance(60_000)
    assert.equal(attempts.length, 4)
  })

  it('does not retry a terminal error until something changes', async () => {
    await using bench = controllerBench()
    let runs = 0
    bench.cluster.seed(configMaps, seedable('a'))
    await bench.run(
      counting(async () => {
        runs += 1
        throw new TerminalError('never')
      }),
    )
    await bench.clock.advance(600_000)
    assert.equal(runs, 1)
    bench.cluster.change(configMaps, { namespace: 'default', name: 'a' }, (object) => ({ ...object, data: { x: 'y' } }))
    await bench.settle()
    assert.equal(runs, 2)
  })

  it('looks again after a delay', async () => {
    await using bench = controllerBench()
    let runs = 0
    await bench.run(counting(async () => (++runs < 3 ? after(1_000) : done), { watches: [], initialKeys: ['only'] }))
    await bench.clock.advance(10_000)
    assert.equal(runs, 3)
  })

  it('goes on when a mapping fails', async () => {
    await using bench = controllerBench()
    const seen: string[] = []
    const fragile = watch(configMaps, (object) => {
      if (object.metadata.name === 'bad') throw new Error('cannot map')
      return [keyOf(object)]
    })
    bench.cluster.seed(configMaps, seedable('bad'))
    bench.cluster.seed(configMaps, seedable('good'))
    await bench.run(
      counting(
        async (key) => {
          seen.push(key)
          return done
        },
        { watches: [fragile] },
      ),
    )
    assert.deepEqual(seen, ['default/good'])
  })

  it('takes keys from a source and ends it with the rest', async () => {
    const seen: string[] = []
    let ended = false
    {
      await using bench = controllerBench()
      await bench.run(
        counting(
          async (key) => {
            seen.push(key)
            return done
          },
          {
            watches: [],
            source: async (enqueue, signal) => {
              enqueue('from-source' as ObjectKey)
              await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
              ended = true
            },
          },
        ),
      )
    }
    assert.deepEqual([seen, ended], [['from-source'], true])
  })
})

describe('expectations', () => {
  const key = 'default/owner' as ObjectKey

  it('hold until the cache shows what was created and deleted', async () => {
    await using bench = controllerBench()
    const cache = bench.cluster.informers.informer(configMaps)
    const expectations = new Expectations(cache, bench.clock)
    const here = bench.cluster.seed(configMaps, seedable('here'))
    expectations.created(key, here)
    assert.equal(expectations.satisfied(key), true, 'what is cached already is not waited for')
    const coming = { ...here, metadata: { ...here.metadata, name: 'coming', uid: 'uid-coming' } }
    expectations.created(key, coming)
    expectations.deleted(key, here)
    assert.equal(expectations.satisfied(key), false)
    bench.cluster.remove(configMaps, here.metadata)
    assert.equal(expectations.satisfied(key), false)
    bench.cluster.seed(configMaps, coming)
    assert.equal(expectations.satisfied(key), true)
  })

  it('give up after five minutes, so that a lost event blocks nothing for ever', async () => {
    await using bench = controllerBench()
    const expectations = new Expectations(bench.cluster.informers.informer(configMaps), bench.clock)
    expectations.created(key, { metadata: { namespace: 'default', name: 'x', uid: 'u' } } as never)
    await bench.clock.advance(299_000)
    assert.equal(expectations.satisfied(key), false)
    await bench.clock.advance(2_000)
    assert.equal(expectations.satisfied(key), true)
  })
})

describe('slow start', () => {
  it('doubles its batches and stops after the first failure', async () => {
    let calls = 0
    const good = await slowStart(10, async (index) => index)
    assert.deepEqual(good.results, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    const bad = await slowStart(100, async (index) => {
      calls += 1
      if (index === 2) throw new Error('quota')
      return index
    })
    assert.deepEqual([calls, bad.results, (bad.error as Error).message], [3, [0, 1], 'quota'])
  })
})

describe('choice of controllers', () => {
  const table = ['a', 'b', 'off'].map((name) => ({
    name,
    byDefault: name !== 'off',
    create: () => (name === 'b' ? undefined : counting(async () => done, { name })),
  }))
  for (const { wanted, expected } of [
    { wanted: ['*'], expected: ['a'] },
    { wanted: ['*', '-a'], expected: [] },
    { wanted: ['*', 'off'], expected: ['a', 'off'] },
    { wanted: ['a'], expected: ['a'] },
  ]) {
    it(wanted.join(), () =>
      assert.deepEqual(
        selectControllers(table, wanted, () => ({}) as never).map(({ name }) => name),
        expected,
      ),
    )
  }
  it('refuses unknown names', () =>
    assert.throws(() => selectControllers(table, ['*', '-c'], () => ({}) as never), /unknown controllers: c/))
})
