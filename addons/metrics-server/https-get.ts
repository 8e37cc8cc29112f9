import { Agent, request, type RequestOptions } from 'node:https'
import type { Transport, TransportRequest, TransportResponse } from '../../core/client/transport.ts'
import type { ServiceAccount } from '../cluster/service-account.ts'

const TIMEOUT_MS = 10_000
const MAX_BYTES = 64 * 1024 * 1024

/** Sends over kept connections of `agent` and reads the whole answer. Rejects when it does not come within 10 seconds. */
export function exchange(options: RequestOptions, body: Uint8Array | undefined, signal: AbortSignal): Promise<TransportResponse> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ ...options, signal, timeout: TIMEOUT_MS }, (answer) => {
      const chunks: Buffer[] = []
      let size = 0
      answer.on('data', (chunk: Buffer) => {
        size += chunk.length
        if (size > MAX_BYTES) outgoing.destroy(new Error(`the answer is larger than ${MAX_BYTES} bytes`))
        else chunks.push(chunk)
      })
      answer.on('error', reject)
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: flat(answer.headers), body: Buffer.concat(chunks) }))
    })
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer in time')))
    outgoing.on('error', (err: NodeJS.ErrnoException) => {
      // The other side may close a kept connection at the moment it is used again.
      if (outgoing.reusedSocket && err.code === 'ECONNRESET' && !signal.aborted) exchange(options, body, signal).then(resolve, reject)
      else reject(err)
    })
    outgoing.end(body)
  })
}

function flat(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value ?? ''].flat().join(', ')]))
}

/**
 * Talks to the API server with what Node brings along. The other transport's library costs twice the memory that this
 * program needs otherwise, and nothing here follows a watch.
 */
export function plainTransport({ host, port, ca, token }: ServiceAccount): Transport & Disposable {
  const agent = new Agent({ keepAlive: true, maxSockets: 4, ca })
  const send = ({ method, path, headers, body }: TransportRequest, signal: AbortSignal): Promise<TransportResponse> => {
    const all = { ...headers, authorization: `Bearer ${token()}`, ...(body !== undefined && { 'content-length': String(body.length) }) }
    return exchange({ agent, host, port, method, path, headers: all }, body, signal)
  }
  return {
    request: send,
    stream: async (request, signal) => {
      const { status, headers, body } = await send(request, signal)
      return { status, headers, body: once(body) }
    },
    [Symbol.dispose]: () => agent.destroy(),
  }
}

async function* once(body: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(body)
}
