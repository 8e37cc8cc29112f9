/** zlib's own first bytes, with the checksum of the dictionary that SPDY/3 fixes. Source: RFC 1950; SPDY protocol draft 3, 2.6.10.1. */
const ZLIB_START = Buffer.of(0x78, 0xbb, 0xe3, 0xc6, 0xa7, 0xc2)
/** An empty stored block: makes readers hand out what came before it. */
const FLUSH = Buffer.of(0, 0, 0, 0xff, 0xff)
const MAX_STORED_BYTES = 0xffff

/**
 * Writes the header blocks of one connection. They are one zlib stream over all frames; its blocks are stored, not deflated:
 * a few short headers for each session gain nothing from compression, which would cost a quarter of a megabyte for each connection.
 */
export class HeaderBlocks {
  #started = false

  write(headers: Readonly<Record<string, string>>): Buffer {
    const plain = nameValuePairs(headers)
    const parts: Buffer[] = this.#started ? [] : [ZLIB_START]
    this.#started = true
    for (let at = 0; at < plain.length; at += MAX_STORED_BYTES) {
      const piece = plain.subarray(at, at + MAX_STORED_BYTES)
      const head = Buffer.alloc(5)
      head.writeUInt16LE(piece.length, 1)
      head.writeUInt16LE(~piece.length & 0xffff, 3)
      parts.push(head, piece)
    }
    return Buffer.concat([...parts, FLUSH])
  }
}

function nameValuePairs(headers: Readonly<Record<string, string>>): Buffer {
  const texts = Object.entries(headers).flatMap(([name, value]) => [name.toLowerCase(), value])
  const parts = [uint32(texts.length / 2)]
  for (const text of texts) {
    const bytes = Buffer.from(text, 'utf8')
    parts.push(uint32(bytes.length), bytes)
  }
  return Buffer.concat(parts)
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
