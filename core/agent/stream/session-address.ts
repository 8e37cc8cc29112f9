import type { Pod } from '../../api/types/core-v1.ts'
import { type Action, KubeletHttpError, type PodDirectory, type StreamingRuntime } from './kubelet-api.ts'
import type { CommandStreams } from './remote-command.ts'

type Command = Extract<Action, { readonly kind: 'exec' | 'attach' }>
type PortForward = Extract<Action, { readonly kind: 'port-forward' }>

/** The streams that a request asks for. Throws KubeletHttpError. Source: kubelet, remotecommand.NewOptions and GetAttach. */
export function commandStreams(action: Command, pods: PodDirectory): CommandStreams {
  const flag = (name: string): boolean => ['1', 'true'].includes(action.query.get(name) ?? '')
  // Whether a process has a terminal is settled when it starts: only a new one can be given one.
  const tty = action.kind === 'exec' ? flag('tty') : hasTerminal(podOf(action, pods), action.container)
  // A terminal has one output; the runtime refuses a separate error stream.
  const streams = { tty, stdin: flag('input'), stdout: flag('output'), stderr: flag('error') && !tty }
  if (!streams.stdin && !streams.stdout && !streams.stderr)
    throw new KubeletHttpError(400, 'you must specify at least 1 of stdin, stdout, stderr')
  return streams
}

/** Asks the runtime for the one-time address of a session. Throws KubeletHttpError with the kubelet's words. */
export async function openCommand(
  action: Command,
  streams: CommandStreams,
  { pods, runtime }: { readonly pods: PodDirectory; readonly runtime: StreamingRuntime },
  signal: AbortSignal,
): Promise<string> {
  const container = pods.container(podOf(action, pods), action.container)
  if (container?.running !== true)
    throw new KubeletHttpError(
      500,
      action.kind === 'exec'
        ? `container not found (${JSON.stringify(action.container)})`
        : `container ${action.container} not found in pod ${action.pod}_${action.namespace}`,
    )
  const request = { ...streams, containerId: container.id }
  return action.kind === 'exec'
    ? runtime.exec({ ...request, command: action.query.getAll('command') }, signal)
    : runtime.attach(request, signal)
}

/** As `openCommand`, for ports. */
export async function openPortForward(
  action: PortForward,
  pods: PodDirectory,
  runtime: StreamingRuntime,
  signal: AbortSignal,
): Promise<string> {
  const sandboxId = pods.sandbox(podOf(action, pods))
  if (sandboxId === undefined) throw new KubeletHttpError(500, `pod not found (${JSON.stringify(`${action.pod}_${action.namespace}`)})`)
  return runtime.portForward(sandboxId, portsOf(action.query), signal)
}

/** Ports of a WebSocket request. Throws KubeletHttpError. Source: kubelet, portforward.NewV4Options. */
export function portsOf(query: URLSearchParams): readonly number[] {
  return query.getAll('port').flatMap((list) =>
    list.split(',').map((text) => {
      const port = Number(text)
      if (/^\d+$/.test(text) && port > 0 && port < 65_536) return port
      throw new KubeletHttpError(400, `port ${JSON.stringify(text)} must be > 0 and < 65536`)
    }),
  )
}

function podOf(action: Command | PortForward, pods: PodDirectory): Pod {
  const pod = pods.find(action.namespace, action.pod)
  if (pod === undefined) throw new KubeletHttpError(404, 'pod does not exist')
  return pod
}

function hasTerminal({ spec }: Pod, container: string): boolean {
  const all = [...spec.containers, ...(spec.initContainers ?? []), ...(spec.ephemeralContainers ?? [])]
  return all.some(({ name, tty }) => name === container && tty === true)
}
