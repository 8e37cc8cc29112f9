import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FakeClock } from '../../../tests/helpers/fake-clock.ts'
import type { Pod } from '../../api/types/core-v1.ts'
import { silentLogger } from '../../observability/log.ts'
import { evictOne, type Shortage } from './eviction.ts'
import { exceededLimit, hasLocalLimits } from './local-limits.ts'
import { rankForDisk, rankForMemory } from './rank.ts'

const pod = (name: string, requestMi = 0, priority = 0, annotations = {}): Pod =>
  ({
    metadata: { name, uid: name, namespace: 'd', annotations },
    spec: { priority, containers: [{ name: 'c', resources: requestMi === 0 ? {} : { requests: { memory: `${requestMi}Mi` } } }] },
    status: {},
  }) as unknown as Pod
const MI = 1 << 20

describe('who is ended first', () => {
  const pods = [
    pod('within', 200),
    pod('over', 50),
    pod('important', 10, 1000),
    pod('greedy'),
    pod('critical', 0, 2_000_000_000),
    pod('static', 0, 0, { 'kubernetes.io/config.hash': 'x' }),
  ]
  const use: Readonly<Record<string, number>> = { within: 150, over: 100, important: 300, greedy: 120, critical: 900, static: 900 }
  const of = ({ metadata }: Pod): number => (use[metadata.name] ?? 0) * MI

  it('for memory: those over their request, by priority, then by excess', () => {
    assert.deepEqual(
      rankForMemory(pods, of).map(({ metadata }) => metadata.name),
      ['greedy', 'over', 'important', 'within'],
    )
  })
  it('for disk: by priority, then by use', () => {
    assert.deepEqual(
      rankForDisk(pods, of).map(({ metadata }) => metadata.name),
      ['within', 'greedy', 'over', 'important'],
    )
  })
})

describe('evictOne', () => {
  const run = async (shortages: Shortage[], pods: readonly Pod[]): Promise<readonly string[]> => {
    const done: string[] = []
    await evictOne(
      {
        shortage: () => shortages.shift() ?? { memory: false, disk: false },
        reclaimDisk: () => Promise.resolve(void done.push('reclaim')),
        usage: () => Promise.resolve(new Map()),
        pods: () => pods,
        localUse: () => Promise.resolve(new Map()),
        evict: (uid, { reason, message, graceSeconds, disruption }) =>
          done.push(`${uid} ${reason} ${message}`, `grace ${graceSeconds ?? ''} ${disruption?.reason ?? ''}`),
        recorder: { event: (_about, _type, reason) => done.push(`event ${reason}`) },
        clock: new FakeClock(0),
        log: silentLogger,
      },
      new AbortController().signal,
    )
    return done
  }
  it('ends one pod for memory', async () => {
    assert.deepEqual(await run([{ memory: true, disk: false }], [pod('a')]), [
      'event Evicted',
      'a Evicted The node was low on resource: memory. ',
      'grace 1 TerminationByKubelet',
    ])
  })
  it('frees disk by other means first', async () => {
    assert.deepEqual(await run([{ memory: false, disk: true }], [pod('a')]), ['reclaim'])
  })
  it('ends a pod when that was not enough', async () => {
    const full = { memory: false, disk: true }
    assert.deepEqual(await run([full, full], [pod('a')]), [
      'reclaim',
      'event Evicted',
      'a Evicted The node was low on resource: ephemeral-storage. ',
      'grace 1 TerminationByKubelet',
    ])
  })
  it('does nothing while nothing is short', async () => {
    assert.deepEqual(await run([{ memory: false, disk: false }], [pod('a')]), [])
  })
})

describe('limits of what a pod writes', () => {
  const limits = (amount?: string): object => (amount === undefined ? {} : { limits: { 'ephemeral-storage': amount } })
  const writer = (amounts: readonly (string | undefined)[], sizeLimit?: string): Pod =>
    ({
      metadata: { name: 'w', uid: 'w' },
      spec: {
        containers: amounts.map((amount, index) => ({ name: `c${index}`, resources: limits(amount) })),
        volumes: [{ name: 'e', emptyDir: sizeLimit === undefined ? {} : { sizeLimit } }],
      },
      status: {},
    }) as unknown as Pod
  const use = (containers: Readonly<Record<string, number>>, volume = 0): Parameters<typeof exceededLimit>[1] => ({
    containers: new Map(Object.entries(containers).map(([name, mi]) => [name, mi * MI])),
    volumes: new Map([['e', volume * MI]]),
  })

  it('are looked at only where there are any', () => {
    assert.deepEqual([writer([undefined]), writer([undefined], '0'), writer([undefined], '1Mi'), writer(['1Mi'])].map(hasLocalLimits), [
      false,
      false,
      true,
      true,
    ])
  })
  it('are those of a volume, of all containers together, and of one container', () => {
    assert.equal(exceededLimit(writer([undefined], '8Mi'), use({}, 8)), undefined)
    assert.equal(exceededLimit(writer([undefined], '8Mi'), use({}, 9)), 'Usage of EmptyDir volume "e" exceeds the limit "8Mi". ')
    const total = 'Pod ephemeral local storage usage exceeds the total limit of containers 8Mi. '
    assert.equal(exceededLimit(writer(['8Mi']), use({ c0: 5 }, 4)), total)
    const own = 'Container c0 exceeded its local ephemeral storage limit "4Mi". '
    assert.equal(exceededLimit(writer(['4Mi', '8Mi']), use({ c0: 5, c1: 1 })), own)
    assert.equal(exceededLimit(writer(['4Mi', '8Mi']), use({ c0: 4, c1: 8 })), undefined)
  })
})
