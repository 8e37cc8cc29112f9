import { type Status, StatusError } from '../meta/status-error.ts'
import type { WatchEvent } from './client.ts'

const NEWLINE = 10

/**
 * Cuts a watch body into events: one JSON document a line, whatever the chunk boundaries. Yields one batch per
 * received chunk, so that a consumer handles the events of one commit together. An ERROR event ends the iteration
 * with the StatusError it carries. A half line at the end of the body is dropped: its event comes again on resume.
 */
export async function* parseWatchFrames<T>(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<readonly WatchEvent<T>[]> {
  let rest: Buffer | undefined
  for await (const chunk of chunks) {
    const fresh = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    const bytes = rest === undefined ? fresh : Buffer.concat([rest, fresh])
    const lastNewline = bytes.lastIndexOf(NEWLINE)
    // NOTE: kept bytes are copied, because a transport may reuse or free its chunk.
    rest = lastNewline === bytes.length - 1 ? undefined : Buffer.from(bytes.subarray(lastNewline + 1))
    if (lastNewline < 0) continue
    const { events, error } = parseLines<T>(bytes, lastNewline)
    if (events.length > 0) yield events
    if (error !== undefined) throw error
  }
}

function parseLines<T>(bytes: Buffer, end: number): { readonly events: WatchEvent<T>[]; readonly error?: StatusError } {
  const events: WatchEvent<T>[] = []
  for (let start = 0; start < end; ) {
    const newline = bytes.indexOf(NEWLINE, start)
    const line = bytes.toString('utf8', start, newline)
    start = newline + 1
    if (line.trim() === '') continue
    const frame = parseFrame(line)
    if (frame.type === 'ERROR') return { events, error: errorOf(frame.object) }
    events.push(frame as WatchEvent<T>)
  }
  return { events }
}

function parseFrame(line: string): { readonly type: string; readonly object: unknown } {
  try {
    return JSON.parse(line) as { type: string; object: unknown }
  } catch (cause) {
    throw new StatusError('InternalError', 'the watch stream carried a line that is not JSON', {}, { cause })
  }
}

function errorOf(object: unknown): StatusError {
  const status = object as Partial<Status>
  return StatusError.fromStatus(status, status.code ?? 500)
}
