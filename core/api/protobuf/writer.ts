/**
 * Writes protobuf from the end of the buffer to its start: a nested message's length is known when its tag is due, so
 * nothing is measured twice or moved. Callers write fields in descending number order.
 */
export class ReverseWriter {
  #buffer: Buffer
  #at: number

  constructor(initialBytes = 4096) {
    this.#buffer = Buffer.allocUnsafe(initialBytes)
    this.#at = initialBytes
  }

  /** Bytes written so far; the difference of two readings is the length of what lies between. */
  get length(): number {
    return this.#buffer.length - this.#at
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    return new Uint8Array(this.#buffer.subarray(this.#at))
  }

  #reserve(count: number): void {
    if (this.#at >= count) return
    const used = this.length
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, used + count))
    this.#buffer.copy(larger, larger.length - used, this.#at)
    this.#at = larger.length - used
    this.#buffer = larger
  }

  /** Unsigned up to 2^53. */
  varint(value: number): void {
    if (value < 0x80) {
      this.#reserve(1)
      this.#buffer[(this.#at -= 1)] = value
      return
    }
    let size = 1
    for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 128)) size += 1
    this.#reserve(size)
    this.#at -= size
    let at = this.#at
    let rest = value
    while (rest >= 0x80) {
      this.#buffer[at++] = (rest % 128) | 0x80
      rest = Math.floor(rest / 128)
    }
    this.#buffer[at] = rest
  }

  /** Two's complement in ten bytes when negative, as int32 and int64 travel. */
  int(value: number): void {
    if (value >= 0) {
      this.varint(value)
      return
    }
    let bits = BigInt.asUintN(64, BigInt(value))
    this.#reserve(10)
    this.#at -= 10
    for (let i = 0; i < 9; i += 1) {
      this.#buffer[this.#at + i] = Number(bits & 0x7fn) | 0x80
      bits >>= 7n
    }
    this.#buffer[this.#at + 9] = Number(bits)
  }

  double(value: number): void {
    this.#reserve(8)
    this.#at -= 8
    this.#buffer.writeDoubleLE(value, this.#at)
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#at -= bytes.length
    this.#buffer.set(bytes, this.#at)
  }

  /** Length and text. */
  string(text: string): void {
    const size = Buffer.byteLength(text)
    this.#reserve(size)
    this.#at -= size
    this.#buffer.write(text, this.#at, size, 'utf8')
    this.varint(size)
  }

  tag(num: number, wireType: number): void {
    this.varint(num * 8 + wireType)
  }
}

export const VARINT = 0
export const FIXED64 = 1
export const BYTES = 2
