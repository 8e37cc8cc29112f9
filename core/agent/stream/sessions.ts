import { connect } from 'node:net'
import type { Duplex } from 'node:stream'
import { type Action, KubeletHttpError, type PodDirectory, type StreamingRuntime } from './kubelet-api.ts'

type Session = Extract<Action, { readonly kind: 'exec' | 'attach' | 'port-forward' }>

/** Asks the runtime for the one-time address of a session. Throws KubeletHttpError with what a person can act on. */
export async function openSession(action: Session, pods: PodDirectory, runtime: StreamingRuntime, signal: AbortSignal): Promise<string> {
  const pod = pods.find(action.namespace, action.pod)
  if (pod === undefined) throw new KubeletHttpError(404, `pod ${action.namespace}/${action.pod} is not on this node`)
  if (action.kind === 'port-forward') {
    const sandboxId = pods.sandbox(pod)
    if (sandboxId === undefined) throw new KubeletHttpError(409, `pod ${action.pod} has no running sandbox`)
    return runtime.portForward(sandboxId, action.query.getAll('port').map(Number), signal)
  }
  const container = pods.container(pod, action.container)
  if (container === undefined) throw new KubeletHttpError(404, `container not found ("${action.container}")`)
  if (!container.running) throw new KubeletHttpError(409, `container ${action.container} of pod ${action.pod} is not running`)
  const flag = (name: string): boolean => ['1', 'true'].includes(action.query.get(name) ?? '')
  const tty = flag('tty')
  // A terminal has one output; the runtime refuses a separate error stream.
  const streams = { containerId: container.id, tty, stdin: flag('input'), stdout: flag('output'), stderr: flag('error') && !tty }
  if (!streams.stdin && !streams.stdout && !streams.stderr)
    throw new KubeletHttpError(400, 'you must specify at least 1 of stdin, stdout, stderr')
  return action.kind === 'exec'
    ? runtime.exec({ ...streams, command: action.query.getAll('command') }, signal)
    : runtime.attach(streams, signal)
}

const HOP_HEADERS = new Set(['host', 'authorization'])

/**
 * Joins an upgraded connection to the runtime's streaming server byte for byte: SPDY/3.1 and WebSocket v4 sessions are
 * between the client and the runtime. Credentials of the caller never reach the runtime.
 */
export function tunnel(
  client: Duplex,
  request: { readonly method: string; readonly rawHeaders: readonly string[]; readonly head: Uint8Array },
  address: string,
): void {
  const target = new URL(address)
  const runtime = connect({ host: target.hostname, port: Number(target.port), noDelay: true, allowHalfOpen: true })
  const lines = [`${request.method} ${target.pathname}${target.search} HTTP/1.1`, `Host: ${target.host}`]
  for (let at = 0; at + 1 < request.rawHeaders.length; at += 2) {
    const name = request.rawHeaders[at] ?? ''
    if (!HOP_HEADERS.has(name.toLowerCase())) lines.push(`${name}: ${request.rawHeaders[at + 1] ?? ''}`)
  }
  runtime.write(`${lines.join('\r\n')}\r\n\r\n`)
  runtime.write(request.head)
  const end = (): void => {
    runtime.destroy()
    client.destroy()
  }
  runtime.on('error', end).on('close', end)
  client.on('error', end).on('close', end)
  runtime.pipe(client)
  client.pipe(runtime)
}
