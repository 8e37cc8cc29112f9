const HEADER_BYTES = 5

/** A gRPC message on the wire: one byte "not compressed", four bytes of length, the message. */
export function frame(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(HEADER_BYTES + message.length)
  framed[0] = 0
  framed.writeUInt32BE(message.length, 1)
  framed.set(message, HEADER_BYTES)
  return framed
}

/** Cuts a byte stream back into messages, however the bytes were chopped on the way. */
export class FrameReader {
  #pending: Buffer[] = []
  #pendingBytes = 0

  /** Returns the messages that `chunk` completes. */
  push(chunk: Buffer): readonly Uint8Array[] {
    this.#pending.push(chunk)
    this.#pendingBytes += chunk.length
    const messages: Uint8Array[] = []
    for (;;) {
      if (this.#pendingBytes < HEADER_BYTES) return messages
      const head = this.#joined(HEADER_BYTES)
      if (head[0] !== 0) throw new Error('compressed gRPC messages were not asked for')
      const end = HEADER_BYTES + head.readUInt32BE(1)
      if (this.#pendingBytes < end) return messages
      const bytes = this.#joined(end)
      messages.push(bytes.subarray(HEADER_BYTES, end))
      this.#keep(bytes.subarray(end))
    }
  }

  /** Makes at least `length` bytes contiguous; joins once per message, not once per chunk. */
  #joined(length: number): Buffer {
    const first = this.#pending[0] ?? Buffer.alloc(0)
    if (first.length >= length) return first
    const joined = Buffer.concat(this.#pending)
    this.#pending = [joined]
    return joined
  }

  #keep(rest: Buffer): void {
    this.#pending = rest.length === 0 ? this.#pending.slice(1) : [rest, ...this.#pending.slice(1)]
    this.#pendingBytes = this.#pending.reduce((sum, part) => sum + part.length, 0)
  }
}
