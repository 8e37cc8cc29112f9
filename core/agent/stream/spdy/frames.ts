/**
 * Frames of SPDY/3.1, as far as sessions need them. A client writes SYN_STREAM, DATA, RST_STREAM, PING and GOAWAY; whatever
 * headers the other side sends say nothing of interest, so they are skipped and never inflated. Source: SPDY protocol draft 3.1.
 */

const CONTROL_VERSION = 0x8003
export const SYN_STREAM = 1
export const SYN_REPLY = 2
export const RST_STREAM = 3
const SETTINGS = 4
export const PING = 6
export const GO_AWAY = 7
const HEADERS = 8
const WINDOW_UPDATE = 9

const FLAG_FIN = 1
export const REFUSED_STREAM = 3
export const CANCEL = 5

const HEADER_BYTES = 8
/** A frame's length has 24 bits; data is sent in pieces that leave others their turn. */
export const MAX_DATA_BYTES = 64 * 1024
/** More than any peer's headers need; a longer one is an attack or not SPDY at all. */
const MAX_CONTROL_BYTES = 64 * 1024
/** What is kept of a control frame: the longest of those that are read. */
const KEPT_BYTES = 10

export type Frame =
  /** A part of a data frame; `fin` comes with the last one. */
  | { readonly kind: 'data'; readonly stream: number; readonly bytes: Buffer; readonly fin: boolean }
  | { readonly kind: 'synStream' | 'headers' | 'synReply'; readonly stream: number; readonly fin: boolean }
  | { readonly kind: 'rst'; readonly stream: number; readonly status: number }
  | { readonly kind: 'ping'; readonly id: number }
  | { readonly kind: 'goAway'; readonly lastStream: number }

export class SpdyProtocolError extends Error {}

/** Cuts a byte stream into frames, wherever it is split; data passes through without being collected. */
export class FrameReader {
  readonly #head = Buffer.alloc(HEADER_BYTES)
  #headBytes = 0
  /** Bytes of the current frame that are still to come. */
  #left = 0
  #kept: Buffer = Buffer.alloc(0)

  #isControl(): boolean {
    return (this.#head.readUInt8(0) & 0x80) !== 0
  }

  /** Throws SpdyProtocolError for what is no SPDY/3; the reader is of no use afterwards. */
  *read(chunk: Buffer): Generator<Frame> {
    let at = 0
    while (at < chunk.length) {
      if (this.#headBytes < HEADER_BYTES) {
        const copied = chunk.copy(this.#head, this.#headBytes, at)
        at += copied
        this.#headBytes += copied
        if (this.#headBytes < HEADER_BYTES) return
        this.#begin()
        if (this.#left > 0 && at === chunk.length) return
      }
      const body = chunk.subarray(at, at + this.#left)
      at += body.length
      this.#left -= body.length
      const frame = this.#isControl() ? this.#control(body) : this.#data(body)
      if (this.#left === 0) this.#headBytes = 0
      if (frame !== undefined) yield frame
    }
  }

  #begin(): void {
    this.#left = this.#head.readUIntBE(5, 3)
    this.#kept = Buffer.alloc(0)
    if (!this.#isControl()) return
    if (this.#head.readUInt16BE(0) !== CONTROL_VERSION) throw new SpdyProtocolError('the other side does not speak SPDY/3')
    if (this.#left > MAX_CONTROL_BYTES) throw new SpdyProtocolError(`control frame of ${this.#left} bytes`)
  }

  #data(bytes: Buffer): Frame {
    const fin = this.#left === 0 && (this.#head.readUInt8(4) & FLAG_FIN) !== 0
    return { kind: 'data', stream: this.#head.readUInt32BE(0), bytes, fin }
  }

  #control(bytes: Buffer): Frame | undefined {
    if (this.#kept.length < KEPT_BYTES) this.#kept = Buffer.concat([this.#kept, bytes.subarray(0, KEPT_BYTES - this.#kept.length)])
    if (this.#left > 0) return undefined
    const type = this.#head.readUInt16BE(2)
    const fin = (this.#head.readUInt8(4) & FLAG_FIN) !== 0
    switch (type) {
      case SYN_STREAM:
        return { kind: 'synStream', stream: this.#word(0), fin }
      case SYN_REPLY:
        return { kind: 'synReply', stream: this.#word(0), fin }
      case HEADERS:
        return { kind: 'headers', stream: this.#word(0), fin }
      case RST_STREAM:
        return { kind: 'rst', stream: this.#word(0), status: this.#word(4) }
      case PING:
        return { kind: 'ping', id: this.#word(0) }
      case GO_AWAY:
        return { kind: 'goAway', lastStream: this.#word(0) }
      case SETTINGS:
      case WINDOW_UPDATE:
      default:
        // Unknown ones are to be skipped, says the draft.
        return undefined
    }
  }

  #word(offset: number): number {
    if (this.#kept.length < offset + 4) throw new SpdyProtocolError(`control frame ${this.#head.readUInt16BE(2)} is too short`)
    return this.#kept.readUInt32BE(offset) & (offset === 0 ? 0x7fff_ffff : -1)
  }
}

export function dataHead(stream: number, length: number, fin: boolean): Buffer {
  const head = Buffer.alloc(HEADER_BYTES)
  head.writeUInt32BE(stream, 0)
  head.writeUIntBE(((fin ? FLAG_FIN : 0) << 24) + length, 4, 4)
  return head
}

function control(type: number, body: Buffer, flags = 0): Buffer {
  const head = Buffer.alloc(HEADER_BYTES)
  head.writeUInt16BE(CONTROL_VERSION, 0)
  head.writeUInt16BE(type, 2)
  head.writeUInt8(flags, 4)
  head.writeUIntBE(body.length, 5, 3)
  return Buffer.concat([head, body])
}

function words(...values: readonly number[]): Buffer {
  const out = Buffer.alloc(values.length * 4)
  for (const [index, value] of values.entries()) out.writeUInt32BE(value, index * 4)
  return out
}

/** `block`: headers as `HeaderBlocks` writes them. */
export function synStreamFrame(stream: number, block: Buffer): Buffer {
  // Stream, no parent, priority 0 and no credential slot.
  return control(SYN_STREAM, Buffer.concat([words(stream, 0), Buffer.of(0, 0), block]))
}

export function rstFrame(stream: number, status: number): Buffer {
  return control(RST_STREAM, words(stream, status))
}

export function pingFrame(id: number): Buffer {
  return control(PING, words(id))
}

export function goAwayFrame(lastStream: number): Buffer {
  return control(GO_AWAY, words(lastStream, 0))
}
