type Chunks = AsyncIterable<Uint8Array> | Iterable<Uint8Array>

/**
 * All chunks of a body as one piece; a single chunk is not copied. Throws Error as soon as there are more than `maxBytes`, so that
 * nobody fills the memory with an answer.
 */
export async function readBytes(chunks: Chunks, maxBytes = Number.POSITIVE_INFINITY): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let size = 0
  for await (const chunk of chunks) {
    size += chunk.length
    if (size > maxBytes) throw new Error(`the answer is larger than ${maxBytes} bytes`)
    parts.push(chunk)
  }
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts)
}

/** The same as UTF-8 text. */
export async function readText(chunks: Chunks, maxBytes?: number): Promise<string> {
  const { buffer, byteOffset, byteLength } = await readBytes(chunks, maxBytes)
  return Buffer.from(buffer, byteOffset, byteLength).toString('utf8')
}
