import type { IncomingMessage } from 'node:http'
import { connect, type Socket } from 'node:net'
import { requestUpgrade, type UpgradeAnswer } from '../../runtime/request-upgrade.ts'
import { KubeletHttpError } from './kubelet-api.ts'
import { SpdyClient } from './spdy/client.ts'

/** Asks the runtime's streaming server to go on in SPDY, with the protocols of the session in the client's order. Rejects when it cannot be reached. */
export async function askRuntime(address: string, protocols: readonly string[], signal: AbortSignal): Promise<UpgradeAnswer> {
  const { hostname, port, host, pathname, search } = new URL(address)
  const headers = { host, connection: 'Upgrade', upgrade: 'SPDY/3.1', 'x-stream-protocol-version': protocols }
  return requestUpgrade(await dial(hostname, Number(port)), { method: 'POST', path: `${pathname}${search}`, headers }, signal)
}

/** As `askRuntime`, for a session whose streams are opened here. Throws KubeletHttpError with the runtime's words. */
export async function openSpdy(address: string, protocol: string, signal: AbortSignal): Promise<SpdyClient> {
  const answer = await askRuntime(address, [protocol], signal)
  if (answer.taken) return new SpdyClient(answer.socket, answer.head)
  throw new KubeletHttpError(answer.response.statusCode ?? 500, await textOf(answer.response))
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

const MAX_REFUSAL_BYTES = 64 * 1024

export async function textOf(response: IncomingMessage): Promise<string> {
  let text = ''
  for await (const part of response) {
    text += (part as Buffer).toString()
    if (text.length > MAX_REFUSAL_BYTES) break
  }
  return text
}
