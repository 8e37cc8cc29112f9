/** Reading of raw DNS messages without decoding records, so that unknown types pass through unchanged. */
const HEADER_BYTES = 12
const OPT = 41
const TRUNCATED = 0x02

export interface RawQuestion {
  /** Lower case, without the final dot. */
  readonly name: string
  readonly type: number
  readonly class: number
  /** First byte after the question. */
  readonly end: number
}

/** The only question of a message; undefined when there is none, or the message is malformed. */
export function readQuestion(message: Buffer): RawQuestion | undefined {
  if (message.length < HEADER_BYTES || message.readUInt16BE(4) !== 1) return undefined
  const labels: string[] = []
  let at = HEADER_BYTES
  for (;;) {
    const length = message[at]
    if (length === undefined || length > 63 || at + length >= message.length) return undefined
    at += 1
    if (length === 0) break
    labels.push(message.toString('latin1', at, at + length).toLowerCase())
    at += length
  }
  if (at + 4 > message.length) return undefined
  return { name: labels.join('.'), type: message.readUInt16BE(at), class: message.readUInt16BE(at + 2), end: at + 4 }
}

export interface RawSummary {
  readonly ttlOffsets: readonly number[]
  /** Smallest TTL in answers and authorities; undefined when there are no records. */
  readonly minTtlSeconds: number | undefined
  readonly rcode: number
  readonly truncated: boolean
  /** UDP size offered in the OPT record. */
  readonly udpSize: number | undefined
}

/** Walks all records; undefined when the message is malformed. */
export function summarize(message: Buffer): RawSummary | undefined {
  if (message.length < HEADER_BYTES) return undefined
  const ttlOffsets: number[] = []
  let minTtlSeconds: number | undefined
  let udpSize: number | undefined
  let at = HEADER_BYTES
  for (let count = message.readUInt16BE(4); count > 0; count -= 1) at = skipName(message, at) + 4
  const records = message.readUInt16BE(6) + message.readUInt16BE(8) + message.readUInt16BE(10)
  for (let index = 0; index < records; index += 1) {
    at = skipName(message, at)
    if (at + 10 > message.length) return undefined
    if (message.readUInt16BE(at) === OPT) udpSize = message.readUInt16BE(at + 2)
    else {
      ttlOffsets.push(at + 4)
      minTtlSeconds = Math.min(minTtlSeconds ?? Number.POSITIVE_INFINITY, message.readUInt32BE(at + 4))
    }
    at += 10 + message.readUInt16BE(at + 8)
  }
  if (at > message.length) return undefined
  return { ttlOffsets, minTtlSeconds, rcode: message.readUInt8(3) & 0x0f, truncated: (message.readUInt8(2) & TRUNCATED) !== 0, udpSize }
}

/** Past the end for malformed names, which the caller's bounds check catches. */
function skipName(message: Buffer, start: number): number {
  let at = start
  for (;;) {
    const length = message[at]
    if (length === undefined) return message.length
    if (length >= 0xc0) return at + 2
    at += 1 + length
    if (length === 0) return at
  }
}

/** Header and question with the truncation bit: the client asks again over TCP. */
export function truncate(message: Buffer): Buffer {
  const end = readQuestion(message)?.end ?? HEADER_BYTES
  const short = Buffer.from(message.subarray(0, end))
  short.writeUInt8(short.readUInt8(2) | TRUNCATED, 2)
  short.fill(0, 6, HEADER_BYTES)
  return short
}

/** A copy under another id. */
export function withId(message: Buffer, id: number): Buffer {
  const copy = Buffer.from(message)
  copy.writeUInt16BE(id, 0)
  return copy
}
