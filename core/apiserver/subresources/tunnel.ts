import type { Duplex } from 'node:stream'
import { badRequest } from '../errors.ts'
import type { ApiRequest, ApiResponse } from '../request.ts'
import { forwardedHeaders, type ForwardTarget } from './forward.ts'

const TAKEN: ApiResponse = Object.freeze({ status: 101, headers: Object.freeze({}) })

/** True for a request that wants to go on in another protocol. */
export function isUpgrade({ upgrade }: Pick<ApiRequest, 'upgrade'>): boolean {
  return upgrade !== undefined
}

/**
 * Repeats an upgrade request on another connection and joins the two, byte for byte, so that SPDY and WebSocket pass as
 * they are; so does a refusal. Ends when either side has ended. Throws StatusError BadRequest without an upgrade.
 */
export function joinUpgrade(backend: Duplex, request: ApiRequest, target: ForwardTarget): ApiResponse {
  const { upgrade, signal } = request
  if (upgrade === undefined) {
    backend.destroy()
    throw badRequest('Upgrade request required')
  }
  const { socket, head, rawHeaders } = upgrade
  // NOTE: header bytes were read as Latin 1 and are written back as the same bytes.
  backend.write(requestHead(request, target, rawHeaders), 'latin1')
  if (head.length > 0) backend.write(head)
  const end = (): void => {
    signal.removeEventListener('abort', end)
    backend.destroy()
    socket.destroy()
  }
  signal.addEventListener('abort', end, { once: true })
  for (const side of [backend, socket]) side.on('error', end).on('close', end)
  // NOTE: half-closed connections are passed on: a client may end its input and still wait for output.
  backend.pipe(socket)
  socket.pipe(backend)
  return TAKEN
}

function requestHead(request: ApiRequest, target: ForwardTarget, rawHeaders: readonly string[]): string {
  const { path, host, headers = {}, withholds } = target
  const own: Record<string, string | readonly string[]> = { ...headers, host, connection: 'Upgrade' }
  const protocol = request.headers['upgrade']
  if (protocol !== undefined) own['upgrade'] = protocol
  const theirs = Object.entries(forwardedHeaders(request, withholds)).filter(([name]) => own[name] === undefined)
  const lines = [
    ...theirs.flatMap(([name, value]) => linesOf(name, value, rawHeaders)),
    ...Object.entries(own).flatMap(([name, values]) => [values].flat().map((value) => lineOf(name, value))),
  ]
  return `${request.method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`
}

/** Headers that stood several times stand several times again: some servers read the first line only. */
function linesOf(name: string, value: string, rawHeaders: readonly string[]): string[] {
  const given: string[] = []
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) if (rawHeaders[i]?.toLowerCase() === name) given.push(rawHeaders[i + 1] ?? '')
  const values = given.length > 1 ? given : [value]
  return values.map((text) => lineOf(name, text))
}

function lineOf(name: string, value: string): string {
  return `${name}: ${value}\r\n`
}
