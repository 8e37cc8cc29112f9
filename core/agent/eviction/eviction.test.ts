import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FakeClock } from '../../../tests/helpers/fake-clock.ts'
import type { Pod } from '../../api/types/core-v1.ts'
import { silentLogger } from '../../observability/log.ts'
import { evictOne, type Shortage } from './eviction.ts'
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
        evict: (uid, reason, message) => done.push(`${uid} ${reason} ${message}`),
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
    ])
  })
  it('does nothing while nothing is short', async () => {
    assert.deepEqual(await run([{ memory: false, disk: false }], [pod('a')]), [])
  })
})
