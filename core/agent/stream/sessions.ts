import type { IncomingMessage } from 'node:http'
import { joinStreams } from '../../runtime/join-streams.ts'
import { acceptWebSocket, ChannelSocket, protocolsOf, type Upgrade, wantsWebSocket } from './channel-socket.ts'
import { type ChannelProtocol, COMMAND_PROTOCOLS, chooseProtocol, PORT_PROTOCOLS } from './channels.ts'
import { type Action, KubeletHttpError, type PodDirectory, type StreamingRuntime } from './kubelet-api.ts'
import { carryPorts } from './port-channels.ts'
import { carryCommand, greet, refuseCommand } from './remote-command.ts'
import { askRuntime, openSpdy } from './runtime-connection.ts'
import { commandStreams, openCommand, openPortForward, portsOf } from './session-address.ts'

export type Session = Extract<Action, { readonly kind: 'exec' | 'attach' | 'port-forward' }>
type Command = Extract<Session, { readonly kind: 'exec' | 'attach' }>
type PortForward = Extract<Session, { readonly kind: 'port-forward' }>

export interface SessionDeps {
  readonly pods: PodDirectory
  readonly runtime: StreamingRuntime
}

/** SPDY streams of a command, with the exit code as a Status. Source: apimachinery, remotecommand constants. */
const COMMAND_PROTOCOL = 'v4.channel.k8s.io'
const PORT_PROTOCOL = 'portforward.k8s.io'
/** SPDY frames of a port-forward within binary WebSocket messages. Source: kubernetes, portforward constants. */
const TUNNELLED = `SPDY/3.1+${PORT_PROTOCOL}`

/**
 * Serves one upgraded request to the end of its session. The runtime is always spoken to in SPDY, which all runtimes know;
 * WebSocket clients are served here. Throws KubeletHttpError as long as the client still waits for an answer.
 */
export async function serveSession(action: Session, upgrade: Upgrade, deps: SessionDeps, signal: AbortSignal): Promise<void> {
  if (!wantsWebSocket(upgrade.request)) return passSpdy(action, upgrade, deps, signal)
  return action.kind === 'port-forward' ? servePorts(action, upgrade, deps, signal) : serveCommand(action, upgrade, deps, signal)
}

/** SPDY is between the client and the runtime, byte for byte. Nothing of the client's but the protocol's name gets there. */
async function passSpdy(action: Session, upgrade: Upgrade, deps: SessionDeps, signal: AbortSignal): Promise<void> {
  const { request, socket, head } = upgrade
  const address = await addressOf(action, deps, signal)
  const answer = await askRuntime(address, streamProtocols(request), signal)
  const chosen = answer.response.headers['x-stream-protocol-version']
  const lines = ['HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: SPDY/3.1']
  if (typeof chosen === 'string') lines.push(`X-Stream-Protocol-Version: ${chosen}`)
  socket.write(`${lines.join('\r\n')}\r\n\r\n`)
  socket.write(answer.head)
  answer.socket.write(head)
  joinStreams({ client: socket, backend: answer.socket })
}

function streamProtocols({ rawHeaders }: IncomingMessage): readonly string[] {
  return rawHeaders.flatMap((name, at) =>
    at % 2 === 0 && name.toLowerCase() === 'x-stream-protocol-version' ? (rawHeaders[at + 1] ?? '').split(/, */) : [],
  )
}

function addressOf(action: Session, { pods, runtime }: SessionDeps, signal: AbortSignal): Promise<string> {
  if (action.kind === 'port-forward') return openPortForward(action, pods, runtime, signal)
  return openCommand(action, commandStreams(action, pods), { pods, runtime }, signal)
}

async function serveCommand(action: Command, upgrade: Upgrade, deps: SessionDeps, signal: AbortSignal): Promise<void> {
  const protocol = agreed(upgrade.request, COMMAND_PROTOCOLS)
  const begin = async (): Promise<{ readonly address: string; readonly streams: ReturnType<typeof commandStreams> }> => {
    const streams = commandStreams(action, deps.pods)
    return { address: await openCommand(action, streams, deps, signal), streams }
  }
  // NOTE: v5 clients learn of a refusal within the session; to a refused handshake they would answer with another attempt in SPDY.
  const begun = protocol.hasClose ? undefined : await begin()
  const client = await accepted(upgrade, protocol)
  if (client === undefined) return
  try {
    const { address, streams } = begun ?? (await begin())
    greet(client, streams)
    const spdy = await openSpdy(address, COMMAND_PROTOCOL, signal)
    await carryCommand(client, spdy, { streams, protocol, expectsStatus: action.kind === 'exec' })
  } catch (err) {
    refuseCommand(client, protocol, `unable to upgrade connection: ${(err as Error).message}`)
  }
}

async function servePorts(action: PortForward, upgrade: Upgrade, deps: SessionDeps, signal: AbortSignal): Promise<void> {
  const { request, socket } = upgrade
  if (protocolsOf(request).includes(TUNNELLED)) return tunnelSpdy(action, upgrade, deps, signal)
  const protocol = agreed(request, PORT_PROTOCOLS)
  const ports = portsOf(action.query)
  if (ports.length === 0) throw new KubeletHttpError(400, 'query parameter "port" is required')
  const spdy = await openSpdy(await openPortForward(action, deps.pods, deps.runtime, signal), PORT_PROTOCOL, signal)
  socket.once('close', () => spdy.close())
  const client = await accepted(upgrade, protocol)
  // NOTE: what went wrong was told in the port's own channel; the client expects no HTTP any more.
  if (client !== undefined) await carryPorts(client, spdy, ports).catch(() => undefined)
}

async function tunnelSpdy(action: PortForward, upgrade: Upgrade, deps: SessionDeps, signal: AbortSignal): Promise<void> {
  const address = await openPortForward(action, deps.pods, deps.runtime, signal)
  const answer = await askRuntime(address, [PORT_PROTOCOL], signal)
  const webSocket = await acceptWebSocket(upgrade, TUNNELLED)
  if (webSocket === undefined) {
    answer.socket.destroy()
    return
  }
  const { createWebSocketStream } = await import('ws')
  const client = createWebSocketStream(webSocket)
  if (answer.head.length > 0) client.write(answer.head)
  joinStreams({ client, backend: answer.socket })
}

function agreed(request: IncomingMessage, known: readonly ChannelProtocol[]): ChannelProtocol {
  const protocol = chooseProtocol(protocolsOf(request), known)
  if (protocol === undefined)
    throw new KubeletHttpError(403, `unable to agree on a protocol: none of ${protocolsOf(request).join(', ')} is known`)
  return protocol
}

async function accepted(upgrade: Upgrade, protocol: ChannelProtocol): Promise<ChannelSocket | undefined> {
  const webSocket = await acceptWebSocket(upgrade, protocol.name)
  return webSocket === undefined ? undefined : new ChannelSocket(webSocket, upgrade.socket, protocol)
}
