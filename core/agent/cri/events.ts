import type { GrpcChannel } from './channel.ts'
import { grpcMethod, messageCodec } from './messages.ts'

/** Something happened to a container or sandbox; ask the runtime for its state. */
export interface RuntimeEvent {
  readonly containerId: string
  readonly kind: 'exit' | 'oom' | 'change'
}

interface Envelope {
  readonly topic: string
  readonly namespace: string
  readonly event?: { readonly value: Uint8Array }
}

const TOPICS: Readonly<Record<string, RuntimeEvent['kind']>> = { '/tasks/exit': 'exit', '/tasks/oom': 'oom', '/tasks/start': 'change' }
const FILTERS = Object.keys(TOPICS).map((topic) => `namespace=="k8s.io",topic=="${topic}"`)

/**
 * containerd's own event stream: exits arrive within a millisecond, also in releases whose CRI has no GetContainerEvents.
 * Rejects with CriError `Unimplemented` on other runtimes. Events sent while nobody listens are lost: list once after subscribing.
 */
export async function* containerdEvents(channel: GrpcChannel, signal: AbortSignal): AsyncIterable<RuntimeEvent> {
  const subscribe = grpcMethod('containerd.services.events.v1.Events', 'Subscribe')
  const exitCodec = messageCodec('containerd.services.events.v1.TaskExit')
  for await (const envelope of channel.serverStream<Envelope>(subscribe, { filters: FILTERS }, { signal })) {
    const kind = TOPICS[envelope.topic]
    if (kind === undefined || envelope.event === undefined) continue
    const { containerId, id } = exitCodec.decode<{ containerId: string; id: string }>(envelope.event.value)
    // The end of an exec session carries its own id; the container goes on.
    if (kind === 'exit' && id !== '' && id !== containerId) continue
    yield { containerId, kind }
  }
}

/** CRI's event stream, for runtimes other than containerd. Rejects with `Unimplemented` where it is missing. */
export async function* criEvents(channel: GrpcChannel, signal: AbortSignal): AsyncIterable<RuntimeEvent> {
  const method = grpcMethod('runtime.v1.RuntimeService', 'GetContainerEvents')
  for await (const event of channel.serverStream<{ containerId: string; containerEventType: string }>(method, {}, { signal })) {
    yield { containerId: event.containerId, kind: event.containerEventType === 'CONTAINER_STOPPED_EVENT' ? 'exit' : 'change' }
  }
}
