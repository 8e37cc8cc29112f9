import { request as httpRequest, type IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'

export interface UpgradeRequest {
  readonly method: string
  /** Path with query. */
  readonly path: string
  /** With `upgrade` and `connection`; several values become several lines. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>
}

/** The connection speaks the other protocol now; `head` has its first bytes. */
export interface Upgraded {
  readonly taken: true
  readonly response: IncomingMessage
  readonly socket: Duplex
  readonly head: Buffer
}

/** Or an ordinary answer, whose end closes the connection. */
export type UpgradeAnswer = Upgraded | { readonly taken: false; readonly response: IncomingMessage }

/**
 * Asks over an open connection for another protocol. Nothing else of the client may go there before the answer is known:
 * after a refusal it would be read as further requests, with the credentials of this connection. Rejects when no answer comes.
 */
export function requestUpgrade(socket: Duplex, { method, path, headers }: UpgradeRequest, signal: AbortSignal): Promise<UpgradeAnswer> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({
      createConnection: () => socket,
      method,
      path,
      headers: headers as Record<string, string | string[]>,
      setDefaultHeaders: false,
    })
    const giveUp = (): void => {
      outgoing.destroy()
      socket.destroy()
    }
    const settled = (): void => signal.removeEventListener('abort', giveUp)
    if (signal.aborted) giveUp()
    else signal.addEventListener('abort', giveUp, { once: true })
    outgoing.on('error', (err) => {
      settled()
      socket.destroy()
      reject(signal.aborted ? new Error('the request was given up', { cause: err }) : err)
    })
    outgoing.on('upgrade', (response, upgraded, head) => {
      settled()
      resolve({ taken: true, response, socket: upgraded, head })
    })
    outgoing.on('response', (response) => {
      response.once('close', () => {
        settled()
        socket.destroy()
      })
      resolve({ taken: false, response })
    })
    outgoing.end()
  })
}
