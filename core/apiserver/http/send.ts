import { Readable, type Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import type { Logger } from '../../observability/log.ts'
import { type Awaitable, recover } from '../../runtime/awaitable.ts'
import { drained } from '../../runtime/drained.ts'
import { internalError } from '../errors.ts'
import type { ApiResponse } from '../request.ts'
import { statusResponse } from '../response.ts'
import type { HttpRequest } from './http-request.ts'
import { ReusedSlab, toSlabs, totalLength } from './slabs.ts'

/** Smaller bodies are not worth compressing. Source: apiserver, defaultGzipThresholdBytes. */
const GZIP_MIN_BYTES = 128 * 1024

/** One answer on its way to a socket, HTTP/1.1 or HTTP/2. */
export interface Outgoing {
  readonly stream: Writable
  /** `last`: no body follows. */
  head(status: number, headers: Readonly<Record<string, string | number>>, last: boolean): void
}

/**
 * Sends a response. One whose head cannot be sent is replaced by a Status; one that breaks off in the middle rejects, and
 * the caller has to break the connection, so that nobody takes a part for the whole.
 */
export function sendOrFail(
  response: ApiResponse,
  request: HttpRequest,
  out: Outgoing,
  options: { readonly mayCompress: boolean; readonly log: Logger },
): Awaitable<void> {
  const progress = { started: false }
  const watched: Outgoing = {
    stream: out.stream,
    head: (status, headers, last) => {
      out.head(status, headers, last)
      progress.started = true
    },
  }
  return recover(
    () => send(response, request, watched, options.mayCompress),
    (err) => {
      options.log.warn({ err, method: request.method, path: request.path }, 'Answer failed')
      if (progress.started) throw err
      return send(statusResponse(internalError('the answer could not be sent', err)), request, out, false)
    },
  )
}

/** Sends a response under back-pressure. Resolves when its last byte was handed over or the client has gone. */
export function send(response: ApiResponse, request: HttpRequest, out: Outgoing, mayCompress: boolean): Awaitable<void> {
  const { status, headers, body } = response
  if (body === undefined || request.method === 'HEAD') {
    out.head(status, body instanceof Uint8Array ? withLength(headers, body.length) : headers, true)
    return
  }
  if (isIterable(body)) {
    out.head(status, headers, false)
    return sendStream(body, request, out.stream)
  }
  return sendBytes(response, body, out, mayCompress && acceptsGzip(request, response))
}

function sendBytes(response: ApiResponse, body: Uint8Array | readonly Uint8Array[], out: Outgoing, compress: boolean): Awaitable<void> {
  const pieces = body instanceof Uint8Array ? [body] : body
  const length = totalLength(pieces)
  if (compress && length > GZIP_MIN_BYTES) return sendCompressed(response, pieces, out)
  out.head(response.status, withLength(response.headers, length), length === 0)
  if (length === 0) return
  const [first] = pieces
  if (pieces.length > 1 || length > GZIP_MIN_BYTES) return sendSlabs(pieces, out.stream)
  out.stream.end(first)
}

async function sendSlabs(pieces: readonly Uint8Array[], stream: Writable): Promise<void> {
  const memory = new ReusedSlab()
  for (const slab of toSlabs(pieces, memory.take)) {
    if (stream.destroyed) return
    if (stream.write(slab)) continue
    await drained(stream)
    // NOTE: a drained stream has nothing left of what it was given; a destroyed one is given nothing more.
    memory.giveBack(slab)
  }
  stream.end()
}

async function sendStream(chunks: AsyncIterable<Uint8Array>, request: HttpRequest, stream: Writable): Promise<void> {
  try {
    for await (const chunk of chunks) {
      if (stream.destroyed) return
      if (!stream.write(chunk)) await drained(stream)
    }
  } catch (err) {
    // A stream that was told to stop may say so with an exception; the answer then ends as it would without one.
    if (!request.aborted) throw err
  }
  if (!stream.destroyed) stream.end()
}

async function sendCompressed(response: ApiResponse, pieces: readonly Uint8Array[], out: Outgoing): Promise<void> {
  out.head(response.status, { ...response.headers, 'content-encoding': 'gzip', vary: 'Accept-Encoding' }, false)
  try {
    await pipeline(Readable.from(toSlabs(pieces)), createGzip({ level: 1 }), out.stream)
  } catch (err) {
    if (!out.stream.destroyed) throw err
  }
}

function acceptsGzip(request: HttpRequest, response: ApiResponse): boolean {
  if (response.headers['content-encoding'] !== undefined) return false
  const accepted = request.headers['accept-encoding']
  return accepted !== undefined && /(?:^|[\s,])gzip(?:\s*(?:,|$)|\s*;(?!\s*q=0(?:\.0*)?\s*(?:,|$)))/i.test(accepted)
}

function withLength(headers: Readonly<Record<string, string>>, length: number): Record<string, string | number> {
  return { ...headers, 'content-length': length }
}

function isIterable(body: NonNullable<ApiResponse['body']>): body is AsyncIterable<Uint8Array> {
  return Symbol.asyncIterator in body
}
