import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Samples } from './samples.ts'
import type { NodeScrape, Point } from './scrape.ts'

const SECOND = 1_000
const point = (seconds: number, cpuSeconds: number, startSeconds?: number): Point => ({
  atMs: seconds * SECOND,
  cpuNanos: cpuSeconds * 1e9,
  memoryBytes: 1024,
  ...(startSeconds !== undefined && { startMs: startSeconds * SECOND }),
})
const scrape = (node: Point | undefined, main?: Point): ReadonlyMap<string, NodeScrape> =>
  new Map([['n1', { node, pods: main === undefined ? new Map() : new Map([['default/web', new Map([['main', main]])]]) }]])

describe('Samples', () => {
  const fill = (...scrapes: readonly ReadonlyMap<string, NodeScrape>[]): Samples => {
    const samples = new Samples(60 * SECOND)
    for (const one of scrapes) samples.store(one)
    return samples
  }

  it('makes a rate of the two latest samples', () => {
    const samples = fill(scrape(point(1000, 10)), scrape(point(1010, 15)), scrape(point(1020, 16)))
    assert.deepEqual(samples.node('n1'), { cpuNanoCores: 100_000_000, memoryBytes: 1024, atMs: 1_020_000, windowMs: 10_000 })
  })

  it('knows nothing from one sample, and is ready with it', () => {
    assert.equal(fill().ready, false)
    const samples = fill(scrape(point(1000, 10)))
    assert.deepEqual([samples.ready, samples.node('n1')], [true, undefined])
  })

  it('keeps the window when a kubelet shows an old sample again', () => {
    const samples = fill(scrape(point(1000, 10)), scrape(point(1010, 15)), scrape(point(1010, 15)))
    assert.equal(samples.node('n1')?.cpuNanoCores, 500_000_000)
  })

  it('takes the start of a young container for its first sample', () => {
    const usage = fill(scrape(undefined, point(1020, 4, 1000)))
      .pod('default/web')
      ?.get('main')
    assert.deepEqual([usage?.cpuNanoCores, usage?.windowMs], [200_000_000, 20_000])
    assert.equal(fill(scrape(undefined, point(1005, 4, 1000))).pod('default/web'), undefined)
    assert.equal(fill(scrape(undefined, point(1060, 4, 1000))).pod('default/web'), undefined)
  })

  it('begins anew with a restarted container, and never shows a counter that went back', () => {
    const old = scrape(undefined, point(2000, 50, 1000))
    assert.equal(fill(old, scrape(undefined, point(2015, 1, 2010))).pod('default/web'), undefined)
    assert.equal(fill(old, scrape(undefined, point(2015, 49, 1000))).pod('default/web'), undefined)
  })

  it('forgets what is not scraped any more', () => {
    const both = (at: number): ReadonlyMap<string, NodeScrape> => scrape(point(at, at), point(at, at, 1))
    const samples = fill(both(1000), both(1010))
    assert.ok(samples.node('n1') !== undefined && samples.pod('default/web') !== undefined)
    samples.store(new Map())
    assert.deepEqual([samples.node('n1'), samples.pod('default/web')], [undefined, undefined])
  })
})
