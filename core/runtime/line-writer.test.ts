import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LineWriter } from './line-writer.ts'

const onError = (err: unknown): void => {
  throw err
}

describe('LineWriter', () => {
  it('writes together what came together, in order', async () => {
    const batches: string[][] = []
    const writer = new LineWriter({
      append: async (lines) => {
        batches.push([...lines])
        await Promise.resolve()
      },
      onError,
    })
    writer.write('a\n')
    writer.write('b\n')
    assert.deepEqual(batches, [])
    await writer.flush()
    assert.deepEqual(batches, [['a\n', 'b\n']])
  })

  it('asks writers to wait while a slow disk is behind', async () => {
    const gate = Promise.withResolvers<undefined>()
    const writer = new LineWriter({ append: async () => gate.promise, onError, limit: 3 })
    const room = (): Promise<void> | undefined => writer.room
    writer.write('ab\n')
    assert.equal(room(), undefined)
    const flushed = writer.flush()
    writer.write('cd\n')
    const waiting = room()
    assert.ok(waiting)
    gate.resolve(undefined)
    await Promise.all([waiting, flushed])
    assert.equal(room(), undefined)
  })

  it('tells what is lost and goes on', async () => {
    const lost: number[] = []
    let works = false
    const written: string[] = []
    const writer = new LineWriter({
      append: async (lines) => {
        if (!works) throw new Error('disk full')
        written.push(...lines)
        await Promise.resolve()
      },
      onError: (_err, lines) => lost.push(lines),
      limit: 1,
    })
    writer.write('a\n')
    writer.write('b\n')
    const { room } = writer
    await writer.flush()
    await room
    works = true
    writer.write('c\n')
    await writer.flush()
    assert.deepEqual([lost, written], [[2], ['c\n']])
  })
})
