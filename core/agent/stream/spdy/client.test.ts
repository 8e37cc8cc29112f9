import assert from 'node:assert/strict'
import { type Duplex, duplexPair } from 'node:stream'
import { beforeEach, describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { controlFrame } from '../../../../tests/helpers/spdy.ts'
import { SpdyClient } from './client.ts'
import { dataHead, type Frame, FrameReader, goAwayFrame, pingFrame, rstFrame } from './frames.ts'

let peer: Duplex
let client: SpdyClient
let seen: Frame[] = []
beforeEach(() => {
  const [near, far] = duplexPair()
  peer = far
  client = new SpdyClient(near, Buffer.alloc(0))
  seen = []
  const reader = new FrameReader()
  peer.on('data', (chunk: Buffer) => seen.push(...reader.read(chunk)))
})

const settle = async (): Promise<void> => {
  for (let i = 0; i < 20; i += 1) await turn()
}
const data = (stream: number, text: string | Buffer, fin = false): Buffer =>
  Buffer.concat([dataHead(stream, Buffer.byteLength(text), fin), Buffer.from(text)])
const readAll = async (stream: Duplex): Promise<string> => {
  let text = ''
  for await (const part of stream) text += String(part)
  return text
}

describe('a SPDY connection', () => {
  it('opens streams with odd numbers and half-closes them', async () => {
    const [one, two] = [client.open({ streamtype: 'error' }), client.open({ streamtype: 'stdin' })]
    two.end('input')
    one.end()
    peer.write(Buffer.concat([data(1, 'late'), data(3, 'no', true), data(1, '', true)]))
    assert.deepEqual(await Promise.all([readAll(one), readAll(two)]), ['late', 'no'])
    await settle()
    assert.deepEqual(
      seen.map((frame) => [frame.kind, 'stream' in frame && frame.stream, 'fin' in frame && frame.fin]),
      [
        ['synStream', 1, false],
        ['synStream', 3, false],
        ['data', 3, false],
        ['data', 3, true],
        ['data', 1, true],
      ],
    )
    assert.equal(client.openStreams, 0)
  })

  it('stops reading while nobody takes, and goes on', async () => {
    const stream = client.open({ streamtype: 'stdout' })
    const block = Buffer.alloc(32 * 1024)
    let written = 0
    while (written < 10_000_000 && peer.write(data(1, block))) {
      written += block.length
      await settle()
    }
    assert.ok(written < 1_000_000, `${written} bytes went into a stream that nobody reads`)
    stream.resume()
    await settle()
    assert.equal(peer.writableNeedDrain, false)
  })

  it('holds a writer back while the socket is full', async () => {
    peer.pause()
    const stream = client.open({ streamtype: 'stdin' })
    let written = 0
    while (written < 10_000_000 && stream.write(Buffer.alloc(32 * 1024))) {
      written += 32 * 1024
      await settle()
    }
    assert.ok(written < 1_000_000, `${written} bytes waited`)
    const drained = new Promise((resolve) => stream.once('drain', resolve))
    peer.resume()
    await drained
  })

  it('answers pings of the other side, refuses its streams, forgets what it resets', async () => {
    const stream = client.open({ streamtype: 'stdin' })
    peer.write(
      Buffer.concat([
        pingFrame(2),
        pingFrame(3),
        controlFrame(1, Buffer.alloc(10, 2)),
        rstFrame(1, 5),
        data(1, 'after'),
        data(99, 'wrong'),
      ]),
    )
    assert.equal(await readAll(stream), '')
    await settle()
    assert.deepEqual(seen.slice(1), [
      { kind: 'ping', id: 2 },
      { kind: 'rst', stream: 0x0202_0202, status: 3 },
    ])
    assert.equal(client.openStreams, 0)
    stream.write('into the void')
  })

  it('ends its streams when the other side goes', async () => {
    const streams = ['stdin', 'stdout'].map((streamtype) => client.open({ streamtype }))
    peer.write(Buffer.concat([data(3, 'last words'), goAwayFrame(3)]))
    peer.end()
    assert.deepEqual(await Promise.all(streams.map(readAll)), ['', 'last words'])
    assert.equal(client.openStreams, 0)
    assert.equal(client.failure, undefined)
    assert.throws(() => client.open({}), /closed/)
  })

  it('ends with a reason when the other side speaks something else', async () => {
    const stream = client.open({ streamtype: 'stdout' })
    peer.write(Buffer.from('\x80TTP/1.1 500'))
    assert.equal(await readAll(stream), '')
    assert.match(client.failure?.message ?? '', /SPDY/)
  })

  it('says goodbye', async () => {
    const stream = client.open({ streamtype: 'stdout' })
    await settle()
    client.close()
    assert.equal(await readAll(stream), '')
    assert.equal(client.openStreams, 0)
  })
})
