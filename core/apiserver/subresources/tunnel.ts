import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { joinStreams } from '../../runtime/join-streams.ts'
import { requestUpgrade, type UpgradeAnswer } from '../../runtime/request-upgrade.ts'
import { badRequest, serviceUnavailable } from '../errors.ts'
import type { ApiRequest, ApiResponse } from '../request.ts'
import { type ForwardTarget, forwardedHeaders, responseHeaders } from './forward.ts'

const TAKEN: ApiResponse = Object.freeze({ status: 101, headers: Object.freeze({}) })

/** True for a request that wants to go on in another protocol. */
export function isUpgrade({ upgrade }: Pick<ApiRequest, 'upgrade'>): boolean {
  return upgrade !== undefined
}

/**
 * Repeats an upgrade request on another connection and, once the other side agreed, joins the two byte for byte, so that SPDY
 * and WebSocket pass as they are. A refusal is answered as it came; what the client sends after it goes nowhere. Ends when
 * either side has ended. Throws StatusError: BadRequest without an upgrade, ServiceUnavailable when no answer comes.
 */
export async function joinUpgrade(backend: Duplex, request: ApiRequest, target: ForwardTarget): Promise<ApiResponse> {
  const { upgrade, signal } = request
  if (upgrade === undefined) {
    backend.destroy()
    throw badRequest('Upgrade request required')
  }
  const answer = await ask(backend, request, target, upgrade.rawHeaders)
  if (!answer.taken) {
    const { response } = answer
    return { status: response.statusCode ?? 502, headers: responseHeaders(response), body: response }
  }
  const { socket: client, head } = upgrade
  const end = (): void => {
    // NOTE: a client that went by itself ends the signal as well; its last words are still to be delivered.
    if (client.destroyed) return
    client.destroy()
    answer.socket.destroy()
  }
  signal.addEventListener('abort', end, { once: true })
  client.once('close', () => signal.removeEventListener('abort', end))
  client.write(headOf(answer.response), 'latin1')
  if (answer.head.length > 0) client.write(answer.head)
  if (head.length > 0) answer.socket.write(head)
  joinStreams({ client, backend: answer.socket })
  return TAKEN
}

async function ask(
  backend: Duplex,
  request: ApiRequest,
  { path, host, headers = {}, withholds }: ForwardTarget,
  rawHeaders: readonly string[],
): Promise<UpgradeAnswer> {
  const theirs = Object.entries(forwardedHeaders(request, withholds)).map(
    ([name, value]) => [name, valuesOf(name, value, rawHeaders)] as const,
  )
  const all = { ...Object.fromEntries(theirs), ...headers, host, connection: 'Upgrade', upgrade: request.headers['upgrade'] ?? '' }
  try {
    return await requestUpgrade(backend, { method: request.method, path, headers: all }, request.signal)
  } catch (err) {
    throw serviceUnavailable(`error trying to reach service: ${err instanceof Error ? err.message : String(err)}`, err)
  }
}

/** Headers that stood several times stand several times again: some servers read the first line only. */
function valuesOf(name: string, value: string, rawHeaders: readonly string[]): string | readonly string[] {
  const given: string[] = []
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) if (rawHeaders[i]?.toLowerCase() === name) given.push(rawHeaders[i + 1] ?? '')
  // NOTE: joined is what was sent, unless something was taken out.
  return given.length > 1 && given.join(', ') === value ? given : value
}

function headOf({
  statusCode = 101,
  rawHeaders,
}: {
  readonly statusCode?: number | undefined
  readonly rawHeaders: readonly string[]
}): string {
  const lines: string[] = []
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) lines.push(`${rawHeaders[i] ?? ''}: ${rawHeaders[i + 1] ?? ''}\r\n`)
  return `HTTP/1.1 ${statusCode} ${STATUS_CODES[statusCode] ?? ''}\r\n${lines.join('')}\r\n`
}
