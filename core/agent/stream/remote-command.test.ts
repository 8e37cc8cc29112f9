import assert from 'node:assert/strict'
import { type Duplex, duplexPair, type Writable } from 'node:stream'
import { beforeEach, describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { ClientChannels } from './channel-socket.ts'
import { type ChannelMessage, type ChannelProtocol, COMMAND_PROTOCOLS } from './channels.ts'
import { type CommandStreams, carryCommand, refuseCommand } from './remote-command.ts'
import { SpdyClient } from './spdy/client.ts'
import { dataHead, type Frame, FrameReader } from './spdy/frames.ts'

/** Numbers of the streams in the order in which they are opened. */
const [ERROR, STDIN, STDOUT, STDERR] = [1, 3, 5, 7]
const ALL: CommandStreams = { stdin: true, stdout: true, stderr: true, tty: false }
const SUCCESS = '{"metadata":{},"status":"Success"}'

class FakeClient implements ClientChannels {
  readonly got: string[] = []
  finished = false
  tell: (message: ChannelMessage) => void = () => undefined
  leave: () => void = () => undefined

  onMessage(handle: (message: ChannelMessage) => void): void {
    this.tell = handle
  }
  onClose(handle: () => void): void {
    this.leave = handle
  }
  send(channel: number, bytes: Buffer): undefined {
    this.got.push(`${channel}:${bytes.toString()}`)
  }
  write(target: Writable, bytes: Buffer): void {
    target.write(bytes)
  }
  finish(): void {
    this.finished = true
  }
}

const named = (name: string): ChannelProtocol => {
  const found = COMMAND_PROTOCOLS.find((protocol) => protocol.name === name)
  assert.ok(found)
  return found
}
const settle = async (): Promise<void> => {
  for (let i = 0; i < 20; i += 1) await turn()
}

describe('a command', () => {
  let client: FakeClient
  let runtime: Duplex
  let spdy: SpdyClient
  let seen: Frame[] = []
  beforeEach(() => {
    const [near, far] = duplexPair()
    client = new FakeClient()
    runtime = far
    spdy = new SpdyClient(near, Buffer.alloc(0))
    seen = []
    const reader = new FrameReader()
    far.on('data', (chunk: Buffer) => seen.push(...reader.read(chunk)))
  })
  const says = (stream: number, text: string, fin = true): void => {
    runtime.write(Buffer.concat([dataHead(stream, text.length, fin), Buffer.from(text)]))
  }
  const carry = (over: { streams?: CommandStreams; protocol?: string; expectsStatus?: boolean } = {}): Promise<void> => {
    const { streams = ALL, protocol = 'v5.channel.k8s.io', expectsStatus = true } = over
    return carryCommand(client, spdy, { streams, protocol: named(protocol), expectsStatus })
  }

  it('gives all its output before it tells how it went', async () => {
    const done = carry()
    says(ERROR, SUCCESS)
    await settle()
    assert.deepEqual(client.got, [])
    says(STDOUT, 'out')
    says(STDERR, 'err')
    await done
    assert.deepEqual(client.got.sort(), ['1:out', '2:err', `3:${SUCCESS}`])
    assert.ok(client.finished)
    await settle()
    assert.equal(spdy.openStreams, 0)
  })

  it('gets its input, and the end of it', async () => {
    const done = carry()
    client.tell({ channel: 0, bytes: Buffer.from('input') })
    client.tell({ channel: 9, bytes: Buffer.from('nothing') })
    client.tell({ closed: 0 })
    await settle()
    const input = seen.filter((frame) => frame.kind === 'data' && frame.stream === STDIN)
    assert.deepEqual(
      input.map((frame) => frame.kind === 'data' && [frame.bytes.toString(), frame.fin]),
      [
        ['input', false],
        ['', true],
      ],
    )
    client.leave()
    await done
  })

  it('has exactly the streams that were asked for', async () => {
    const done = carry({ streams: { stdin: false, stdout: true, stderr: false, tty: true } })
    await settle()
    assert.equal(seen.filter((frame) => frame.kind === 'synStream').length, 3)
    client.leave()
    await done
    await settle()
    assert.equal(spdy.openStreams, 0)
  })

  for (const { title, status, protocol, want } of [
    { title: 'old clients hear nothing of success', status: SUCCESS, protocol: 'channel.k8s.io', want: [] },
    {
      title: 'old clients get the text of a failure',
      status: '{"status":"Failure","message":"no"}',
      protocol: 'channel.k8s.io',
      want: ['3:no'],
    },
    {
      title: 'others get the status as it is',
      status: '{"status":"Failure","message":"no"}',
      protocol: 'v4.channel.k8s.io',
      want: ['3:{"status":"Failure","message":"no"}'],
    },
  ]) {
    it(title, async () => {
      const done = carry({ protocol })
      for (const stream of [STDOUT, STDERR]) says(stream, '')
      says(ERROR, status)
      await done
      assert.deepEqual(client.got, want)
    })
  }

  it('has failed when the runtime goes without a word; an attach has ended', async () => {
    for (const expectsStatus of [true, false]) {
      const [near, far] = duplexPair()
      far.resume()
      const listener = new FakeClient()
      const done = carryCommand(listener, new SpdyClient(near, Buffer.alloc(0)), {
        streams: ALL,
        protocol: named('v4.channel.k8s.io'),
        expectsStatus,
      })
      far.end()
      await done
      const [told = ''] = listener.got
      if (expectsStatus) assert.match(told, /^3:.*"message":"Internal error occurred: the container runtime closed the connection"/)
      else assert.equal(told, `3:${SUCCESS}`)
    }
  })

  it('that never began is an internal error', () => {
    refuseCommand(client, named('v5.channel.k8s.io'), 'unable to upgrade connection: container not found ("c")')
    const message = 'unable to upgrade connection: container not found ("c")'
    assert.deepEqual(JSON.parse((client.got[0] ?? '').slice(2)), {
      metadata: {},
      status: 'Failure',
      message: `Internal error occurred: ${message}`,
      reason: 'InternalError',
      details: { causes: [{ message }] },
      code: 500,
    })
    assert.ok(client.finished)
  })
})
