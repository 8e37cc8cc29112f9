import { connect, type Socket } from 'node:net'
import { readText } from '../../runtime/read-bytes.ts'
import { requestUpgrade, type Upgraded } from '../../runtime/request-upgrade.ts'
import { KubeletHttpError } from './kubelet-api.ts'
import { SpdyClient } from './spdy/client.ts'

const MAX_REFUSAL_BYTES = 64 * 1024

/**
 * Has the runtime's streaming server go on in SPDY, with the protocols of the session in the client's order. Throws
 * KubeletHttpError with its words when it refuses; rejects when it cannot be reached.
 */
export async function askRuntime(address: string, protocols: readonly string[], signal: AbortSignal): Promise<Upgraded> {
  const { hostname, port, host, pathname, search } = new URL(address)
  const headers = { host, connection: 'Upgrade', upgrade: 'SPDY/3.1', 'x-stream-protocol-version': protocols }
  const request = { method: 'POST', path: `${pathname}${search}`, headers }
  const answer = await requestUpgrade(await dial(hostname, Number(port)), request, signal)
  if (answer.taken) return answer
  throw new KubeletHttpError(answer.response.statusCode ?? 500, await readText(answer.response, MAX_REFUSAL_BYTES))
}

/** As `askRuntime`, for a session whose streams are opened here. */
export async function openSpdy(address: string, protocol: string, signal: AbortSignal): Promise<SpdyClient> {
  const { socket, head } = await askRuntime(address, [protocol], signal)
  return new SpdyClient(socket, head)
}

/** A session in which nothing moves. Source: kubelet, streamingConnectionIdleTimeout. */
const IDLE_MS = 4 * 3_600_000

function dial(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true, allowHalfOpen: true })
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.off('error', reject)
      socket.setTimeout(IDLE_MS, () => socket.destroy(new Error('the session was idle for 4 hours')))
      resolve(socket)
    })
  })
}
