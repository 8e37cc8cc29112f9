import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isReason } from '../meta/status-error.ts'
import { parseWatchFrames } from './watch-frames.ts'

const line = (type: string, name: string): string => `${JSON.stringify({ type, object: { metadata: { name } } })}\n`
const TEXT = `${line('ADDED', 'größe')}${line('MODIFIED', 'b')}${line('BOOKMARK', '')}${line('DELETED', 'c')}`

async function* inChunks(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text, 'utf8')
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}
const read = async (chunks: AsyncIterable<Uint8Array>): Promise<string[]> => {
  const seen: string[] = []
  for await (const batch of parseWatchFrames<{ metadata: { name: string } }>(chunks)) {
    for (const { type, object } of batch) seen.push(`${type} ${object.metadata.name}`)
  }
  return seen
}

describe('watch frames', () => {
  for (const size of [1, 2, 7, 64, 10_000]) {
    it(`are whole whatever the chunks, here of ${size} bytes`, async () => {
      assert.deepEqual(await read(inChunks(TEXT, size)), ['ADDED größe', 'MODIFIED b', 'BOOKMARK ', 'DELETED c'])
    })
  }

  it('come in one batch per chunk', async () => {
    const batches: number[] = []
    for await (const batch of parseWatchFrames(inChunks(TEXT, 10_000))) batches.push(batch.length)
    assert.deepEqual(batches, [4])
  })

  it('drop half a line at the end, which comes again on resume', async () => {
    assert.deepEqual(await read(inChunks(TEXT.slice(0, -5), 30)), ['ADDED größe', 'MODIFIED b', 'BOOKMARK '])
  })

  it('deliver what came before an error, and throw it with its reason', async () => {
    const status = { kind: 'Status', status: 'Failure', reason: 'Expired', message: 'too old resource version', code: 410 }
    const text = `${line('ADDED', 'a')}${JSON.stringify({ type: 'ERROR', object: status })}\n${line('ADDED', 'never')}`
    const seen: string[] = []
    await assert.rejects(
      async () => {
        for await (const batch of parseWatchFrames<{ metadata: { name: string } }>(inChunks(text, 10_000))) {
          for (const { object } of batch) seen.push(object.metadata.name)
        }
      },
      (err) => isReason(err, 'Expired') && err.code === 410,
    )
    assert.deepEqual(seen, ['a'])
  })

  it('refuse what is not JSON', async () => {
    await assert.rejects(read(inChunks('{"type":\n', 100)), /not JSON/)
  })

  it('keep bytes that a transport takes back', async () => {
    const shared = Buffer.alloc(8)
    async function* reusing(): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < TEXT.length; at += 8) {
        const part = Buffer.from(TEXT.replace('größe', 'gross'), 'utf8').subarray(at, at + 8)
        shared.set(part)
        yield shared.subarray(0, part.length)
      }
    }
    assert.deepEqual(await read(reusing()), ['ADDED gross', 'MODIFIED b', 'BOOKMARK ', 'DELETED c'])
  })
})
