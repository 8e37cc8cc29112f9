/** A body that is not the protobuf it claims to be. The message is for the client. */
export class ProtobufError extends Error {
  constructor(message: string) {
    super(`proto: ${message}`)
    this.name = 'ProtobufError'
  }
}

/** Reads protobuf from a byte range; every read is bounds-checked and throws ProtobufError. */
export class Reader {
  readonly #bytes: Buffer
  #at: number
  readonly #end: number

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.#bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#at = start
    this.#end = end
  }

  get done(): boolean {
    return this.#at >= this.#end
  }

  /** Unsigned; exact up to 2^53. */
  varint(): number {
    let value = 0
    let factor = 1
    for (let i = 0; i < 10; i += 1) {
      const byte = this.#byte()
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
      factor *= 128
    }
    throw new ProtobufError('variable length integer is too long')
  }

  /** Signed 32 or 64 bit. */
  int(): number {
    const start = this.#at
    const value = this.varint()
    if (value <= Number.MAX_SAFE_INTEGER) return value
    let bits = 0n
    for (let i = this.#at - 1; i >= start; i -= 1) bits = (bits << 7n) | BigInt((this.#bytes[i] ?? 0) & 0x7f)
    return Number(BigInt.asIntN(64, bits))
  }

  double(): number {
    const at = this.#take(8)
    return this.#bytes.readDoubleLE(at)
  }

  string(): string {
    const size = this.varint()
    const at = this.#take(size)
    return this.#bytes.toString('utf8', at, at + size)
  }

  /** A view, not a copy. */
  bytes(): Buffer {
    const size = this.varint()
    const at = this.#take(size)
    return this.#bytes.subarray(at, at + size)
  }

  /** Reader of a nested message. */
  message(): Reader {
    const size = this.varint()
    const at = this.#take(size)
    return new Reader(this.#bytes, at, at + size)
  }

  skip(wireType: number): void {
    if (wireType === 0) this.varint()
    else if (wireType === 1) this.#take(8)
    else if (wireType === 2) this.#take(this.varint())
    else if (wireType === 5) this.#take(4)
    else throw new ProtobufError(`illegal wireType ${wireType}`)
  }

  #byte(): number {
    if (this.#at >= this.#end) throw new ProtobufError('unexpected EOF')
    return this.#bytes[this.#at++] ?? 0
  }

  #take(size: number): number {
    const at = this.#at
    if (size > this.#end - at) throw new ProtobufError('unexpected EOF')
    this.#at = at + size
    return at
  }
}
