import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FakeClock } from '../../../tests/helpers/fake-clock.ts'
import { silentLogger } from '../../observability/log.ts'
import type { RuntimeContainer, RuntimeImage } from '../cri/types.ts'
import { ImageGc, type ImageGcDeps } from './image-gc.ts'

const image = (id: string, extra: Partial<RuntimeImage> = {}): RuntimeImage => ({
  id,
  tags: [`${id}:1`],
  digests: [],
  sizeBytes: 100,
  username: '',
  isPinned: false,
  ...extra,
})

function bench(availableBytes: number): { gc: ImageGc; clock: FakeClock; removed: string[]; events: string[]; used: string[] } {
  const clock = new FakeClock(0)
  const removed: string[] = []
  const events: string[] = []
  const used: string[] = []
  const list = [image('old'), image('new'), image('used'), image('kept'), image('pinned', { isPinned: true })]
  const deps: ImageGcDeps = {
    images: {
      listImages: () => Promise.resolve(list),
      removeImage: ({ image: id }) => Promise.resolve(void removed.push(id)),
      imageFilesystems: () => Promise.resolve([{ mountpoint: '/x', usedBytes: 0, inodesUsed: 0 }]),
    },
    runtime: { listContainers: () => Promise.resolve(used.map((name) => ({ image: name, imageRef: name }) as RuntimeContainer)) },
    clock,
    log: silentLogger,
    highPercent: 85,
    lowPercent: 80,
    keep: () => Promise.resolve(new Set(['kept:1'])),
    event: (_type, reason) => events.push(reason),
    disk: () => Promise.resolve({ capacityBytes: 1000, availableBytes }),
  }
  return { gc: new ImageGc(deps), clock, removed, events, used }
}

const { signal } = new AbortController()

describe('ImageGc', () => {
  it('leaves everything alone while there is room', async () => {
    const { gc, clock, removed } = bench(160)
    await gc.pass(signal)
    await clock.advance(600_000)
    await gc.pass(signal)
    assert.deepEqual(removed, [])
  })

  it('removes what was used longest ago, and no more than it takes', async () => {
    const { gc, clock, removed, used } = bench(120)
    used.push('new', 'used')
    await gc.pass(signal)
    await clock.advance(600_000)
    used.splice(0, 1)
    await gc.pass(signal)
    assert.deepEqual(removed, ['old'])
  })

  it('keeps young images, and says so when that is not enough', async () => {
    const { gc, removed, events } = bench(0)
    await gc.pass(signal)
    assert.deepEqual([removed, events], [[], ['FreeDiskSpaceFailed']])
  })

  it('never removes what is used, pinned or imported', async () => {
    const { gc, clock, removed, used } = bench(0)
    used.push('used')
    await gc.pass(signal)
    await clock.advance(600_000)
    await gc.pass(signal)
    assert.deepEqual(removed, ['old', 'new'])
  })
})
