/**
 * Channels of a session within one WebSocket: the first byte of a message (a digit, where the rest is base64) says which.
 * Source: kubernetes, apimachinery remotecommand constants; wsstream.
 */
export const STDIN = 0
export const STDOUT = 1
export const STDERR = 2
export const ERROR = 3
export const RESIZE = 4
const CLOSE = 255

export interface ChannelProtocol {
  /** Empty: the client asked for none. */
  readonly name: string
  readonly base64: boolean
  /** The error channel carries a Status, of success as well; before v4 it was a text. */
  readonly hasStatus: boolean
  /** The client may end one channel and go on with the others. */
  readonly hasClose: boolean
}

const protocol = (name: string, base64: boolean, hasStatus: boolean, hasClose: boolean): ChannelProtocol => ({
  name,
  base64,
  hasStatus,
  hasClose,
})

/** For exec and attach. */
export const COMMAND_PROTOCOLS: readonly ChannelProtocol[] = [
  protocol('v5.channel.k8s.io', false, true, true),
  protocol('v4.channel.k8s.io', false, true, false),
  protocol('v4.base64.channel.k8s.io', true, true, false),
  protocol('channel.k8s.io', false, false, false),
  protocol('base64.channel.k8s.io', true, false, false),
  protocol('', false, false, false),
]

/** For ports in a WebSocket without SPDY in it; the same names, and nothing to tell at the end. */
export const PORT_PROTOCOLS: readonly ChannelProtocol[] = COMMAND_PROTOCOLS.filter(({ name }) => name === '' || name.startsWith('v4.'))

/** The first one of the client's list that is known; undefined: none. */
export function chooseProtocol(asked: readonly string[], known: readonly ChannelProtocol[]): ChannelProtocol | undefined {
  const names = asked.length === 0 ? [''] : asked
  for (const name of names) {
    const found = known.find((candidate) => candidate.name === name)
    if (found !== undefined) return found
  }
  return undefined
}

export function encodeMessage({ base64 }: ChannelProtocol, channel: number, bytes: Buffer): Buffer | string {
  return base64 ? `${channel}${bytes.toString('base64')}` : Buffer.concat([Buffer.of(channel), bytes])
}

export type ChannelMessage = { readonly channel: number; readonly bytes: Buffer } | { readonly closed: number }

/** Undefined for a message that means nothing in this protocol. */
export function decodeMessage({ base64, hasClose }: ChannelProtocol, message: Buffer): ChannelMessage | undefined {
  const [first, second] = message
  if (first === undefined) return undefined
  if (hasClose && first === CLOSE) return second === undefined ? undefined : { closed: second }
  if (!base64) return { channel: first, bytes: message.subarray(1) }
  const channel = first - 0x30
  return channel < 0 || channel > 9 ? undefined : { channel, bytes: Buffer.from(message.toString('latin1', 1), 'base64') }
}
