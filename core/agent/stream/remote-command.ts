import type { Duplex } from 'node:stream'
import { readBytes } from '../../runtime/read-bytes.ts'
import type { ClientChannels } from './channel-socket.ts'
import { type ChannelProtocol, ERROR, RESIZE, STDERR, STDIN, STDOUT } from './channels.ts'
import type { SpdyClient } from './spdy/client.ts'

/** What the runtime was asked for; it waits for exactly these streams. */
export interface CommandStreams {
  readonly stdin: boolean
  readonly stdout: boolean
  readonly stderr: boolean
  readonly tty: boolean
}

export interface Status {
  readonly metadata: Record<string, never>
  readonly status: 'Success' | 'Failure'
  readonly message?: string
  readonly reason?: string
  readonly details?: { readonly causes: readonly { readonly message: string }[] }
  readonly code?: number
}

const MAX_STATUS_BYTES = 1024 * 1024

/** Tells the client at once that the session stands. Source: kubernetes, createWebSocketStreams. */
export function greet(client: ClientChannels, { stdout, stderr }: CommandStreams): void {
  void client.send(stdout ? STDOUT : stderr ? STDERR : ERROR, Buffer.alloc(0))
}

/**
 * Carries one command between a client's channels and the runtime's streams, to its end: first all output, then how it went.
 * `expectsStatus`: the runtime tells the end of an exec; an attach that ends well says nothing.
 */
export async function carryCommand(
  client: ClientChannels,
  runtime: SpdyClient,
  session: { readonly streams: CommandStreams; readonly protocol: ChannelProtocol; readonly expectsStatus: boolean },
): Promise<void> {
  client.onClose(() => runtime.close())
  try {
    const error = runtime.open({ streamtype: 'error' })
    const { stdout, stderr } = openStreams(client, runtime, session.streams)
    const told = readBytes(error as AsyncIterable<Uint8Array>, MAX_STATUS_BYTES)
    await Promise.all([copy(stdout, client, STDOUT), copy(stderr, client, STDERR)])
    const text = Buffer.from(await told)
    finish(client, session.protocol, text.length > 0 ? text : Buffer.from(JSON.stringify(silent(runtime, session.expectsStatus))))
  } finally {
    runtime.close()
  }
}

/** In the order in which runtimes expect them. What the client sends goes to its stream from now on. */
function openStreams(
  client: ClientChannels,
  runtime: SpdyClient,
  streams: CommandStreams,
): { readonly stdout: Duplex | undefined; readonly stderr: Duplex | undefined } {
  const stdin = streams.stdin ? runtime.open({ streamtype: 'stdin' }) : undefined
  const stdout = streams.stdout ? runtime.open({ streamtype: 'stdout' }) : undefined
  const stderr = streams.stderr ? runtime.open({ streamtype: 'stderr' }) : undefined
  const resize = streams.tty ? runtime.open({ streamtype: 'resize' }) : undefined
  // Nothing is said on these, but their end is.
  for (const input of [stdin, resize]) input?.resume()
  client.onMessage((message) => {
    if ('closed' in message) {
      if (message.closed === STDIN) stdin?.end()
      return
    }
    const target = message.channel === STDIN ? stdin : message.channel === RESIZE ? resize : undefined
    if (target !== undefined) client.write(target, message.bytes)
  })
  return { stdout, stderr }
}

/** Ends a session that never began, with the reason. Source: kubernetes, streamtranslator; errors.NewInternalError. */
export function refuseCommand(client: ClientChannels, protocol: ChannelProtocol, reason: string): void {
  finish(client, protocol, Buffer.from(JSON.stringify(internalError(reason))))
}

function finish(client: ClientChannels, protocol: ChannelProtocol, status: Buffer): void {
  const told = protocol.hasStatus ? status : textOf(status)
  if (told.length > 0) void client.send(ERROR, told)
  client.finish()
}

function silent(runtime: SpdyClient, expectsStatus: boolean): Status {
  if (runtime.failure !== undefined) return internalError(`error reading from error stream: ${runtime.failure.message}`)
  return expectsStatus ? internalError('the container runtime closed the connection') : { metadata: {}, status: 'Success' }
}

function internalError(message: string): Status {
  return {
    metadata: {},
    status: 'Failure',
    message: `Internal error occurred: ${message}`,
    reason: 'InternalError',
    details: { causes: [{ message }] },
    code: 500,
  }
}

/** What clients of old protocols get: nothing after success, the message otherwise. */
function textOf(status: Buffer): Buffer {
  try {
    const { status: outcome, message = '' } = JSON.parse(status.toString()) as Partial<Status>
    return Buffer.from(outcome === 'Success' ? '' : message)
  } catch {
    return status
  }
}

async function copy(stream: Duplex | undefined, client: ClientChannels, channel: number): Promise<void> {
  if (stream === undefined) return
  for await (const bytes of stream) await client.send(channel, bytes as Buffer)
}
