import { invariant } from '../../runtime/invariant.ts'

const START = Buffer.from('"metadata":{')
const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN = 0x7b
const CLOSE = 0x7d

/**
 * The `{…}` of the metadata inside the stored bytes of an object, without a copy and without parsing.
 * Stored bytes have kind and apiVersion, neither of which can hold this text, before metadata.
 */
export function metadataBytes(object: Uint8Array): Buffer {
  const bytes = Buffer.from(object.buffer, object.byteOffset, object.byteLength)
  const found = bytes.indexOf(START)
  invariant(found >= 0, 'stored bytes have metadata')
  const start = found + START.length - 1
  let depth = 0
  for (let i = start; i < bytes.length; i += 1) {
    const byte = bytes[i]
    if (byte === QUOTE) i = endOfString(bytes, i)
    else if (byte === OPEN) depth += 1
    else if (byte === CLOSE && --depth === 0) return bytes.subarray(start, i + 1)
  }
  throw new Error('broken invariant: stored bytes are JSON')
}

/** Index of the quote that closes the string opened at `start`. */
function endOfString(bytes: Buffer, start: number): number {
  let end = bytes.indexOf(QUOTE, start + 1)
  while (end > 0 && isEscaped(bytes, end)) end = bytes.indexOf(QUOTE, end + 1)
  invariant(end > 0, 'strings in stored bytes are closed')
  return end
}

function isEscaped(bytes: Buffer, quote: number): boolean {
  let first = quote
  while (bytes[first - 1] === BACKSLASH) first -= 1
  return (quote - first) % 2 === 1
}
