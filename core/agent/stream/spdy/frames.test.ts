import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { controlFrame, HeaderReader, rawFrame } from '../../../../tests/helpers/spdy.ts'
import { dataHead, type Frame, FrameReader, goAwayFrame, pingFrame, rstFrame, synStreamFrame } from './frames.ts'
import { HeaderBlocks } from './header-blocks.ts'

const read = (...chunks: readonly Buffer[]): readonly Frame[] => {
  const reader = new FrameReader()
  return chunks.flatMap((chunk) => [...reader.read(chunk)])
}
const bytewise = (bytes: Buffer): readonly Buffer[] => Array.from(bytes, (byte) => Buffer.of(byte))
const textOf = (frames: readonly Frame[]): string =>
  Buffer.concat(frames.flatMap((frame) => (frame.kind === 'data' ? [frame.bytes] : []))).toString()

describe('SPDY frames', () => {
  it('are read as they were written', () => {
    const data = Buffer.concat([dataHead(5, 3, true), Buffer.from('abc')])
    assert.deepEqual(read(Buffer.concat([pingFrame(2), data, rstFrame(7, 5), goAwayFrame(9), synStreamFrame(11, Buffer.alloc(4))])), [
      { kind: 'ping', id: 2 },
      { kind: 'data', stream: 5, bytes: Buffer.from('abc'), fin: true },
      { kind: 'rst', stream: 7, status: 5 },
      { kind: 'goAway', lastStream: 9 },
      { kind: 'synStream', stream: 11, fin: false },
    ])
  })

  it('may be split at every byte', () => {
    const bytes = Buffer.concat([
      rstFrame(1, 3),
      dataHead(3, 5, true),
      Buffer.from('hello'),
      controlFrame(2, Buffer.of(0, 0, 0, 3, 9, 9), 1),
    ])
    const frames = read(...bytewise(bytes))
    assert.equal(textOf(frames), 'hello')
    assert.deepEqual(
      frames.filter((frame) => frame.kind !== 'data'),
      [
        { kind: 'rst', stream: 1, status: 3 },
        { kind: 'synReply', stream: 3, fin: true },
      ],
    )
    const fins = frames.filter((frame) => frame.kind === 'data' && frame.fin)
    assert.equal(fins.length, 1, 'the end comes once, with the last piece')
    assert.equal(frames.filter((frame) => frame.kind === 'data').at(-1), fins[0])
  })

  it('have empty data as well', () => {
    assert.deepEqual(read(dataHead(1, 0, true)), [{ kind: 'data', stream: 1, bytes: Buffer.alloc(0), fin: true }])
  })

  it('of unknown kinds, settings and windows are skipped', () => {
    const skipped = [4, 9, 77].map((type) => controlFrame(type, Buffer.alloc(8)))
    assert.deepEqual(read(...skipped, pingFrame(4)), [{ kind: 'ping', id: 4 }])
  })

  it('pass data of the greatest length through, piece by piece', () => {
    const reader = new FrameReader()
    const first = [...reader.read(dataHead(1, 0xff_ffff, true))]
    assert.deepEqual(first, [])
    let taken = 0
    for (const piece of Array.from({ length: 255 }, () => Buffer.alloc(0x1_0000)))
      for (const frame of reader.read(piece)) taken += frame.kind === 'data' && !frame.fin ? frame.bytes.length : 0
    assert.equal(taken, 0xff_0000)
  })

  for (const [title, bytes] of [
    ['of another version', Buffer.of(0x80, 2, 0, 6, 0, 0, 0, 4, 0, 0, 0, 1)],
    ['of control that is too long', Buffer.of(0x80, 3, 0, 2, 0, 0xff, 0xff, 0xff)],
    ['of control that is too short', controlFrame(3, Buffer.of(0, 0, 0, 1))],
    ['that are an answer in HTTP', Buffer.from('\x80TTP/1.1 400 Bad Request')],
  ] as const) {
    it(`${title} are refused`, () => {
      assert.throws(() => read(bytes), { name: 'Error' })
    })
  }

  it('with headers that would inflate without end are skipped like any others', () => {
    const bomb = Buffer.alloc(60_000, 0xaa)
    assert.deepEqual(read(controlFrame(2, Buffer.concat([Buffer.of(0, 0, 0, 1), bomb]))), [{ kind: 'synReply', stream: 1, fin: false }])
  })

  it('never break on what is no SPDY', () => {
    for (let seed = 1; seed < 500; seed += 1) {
      const noise = Buffer.from(Array.from({ length: 64 }, (_, index) => (seed * 2_654_435_761 * (index + 1)) >>> 13))
      try {
        read(noise.subarray(0, seed % 64), noise)
      } catch (err) {
        assert.match((err as Error).message, /SPDY|control frame/)
      }
    }
  })
})

describe('header blocks', () => {
  it('are one zlib stream with the dictionary of SPDY/3', () => {
    const [blocks, reader] = [new HeaderBlocks(), new HeaderReader()]
    for (const headers of [{ streamtype: 'error' }, { streamtype: 'data', port: '8080', requestid: '1' }, { long: 'x'.repeat(70_000) }])
      assert.deepEqual(reader.read(blocks.write(headers)), headers)
  })

  it('have names in lower case', () => {
    assert.deepEqual(new HeaderReader().read(new HeaderBlocks().write({ StreamType: 'Ä' })), { streamtype: 'Ä' })
  })
})

it('raw frames of the tests are those of the codec', () => {
  assert.deepEqual(rawFrame(3, 1, Buffer.from('x')), Buffer.concat([dataHead(3, 1, true), Buffer.from('x')]))
})
