import { constants, inflateSync } from 'node:zlib'

/** Words of the dictionary with their lengths before them, then a text without lengths. Source: SPDY protocol draft 3, 2.6.10.1. */
const WORDS =
  `options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow authorization
cache-control connection content-base content-encoding content-language content-length content-location content-md5 content-range content-type
date etag expect expires from host if-match if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards
pragma proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade user-agent vary via warning
www-authenticate method get status 200_OK version HTTP/1.1 url public set-cookie keep-alive origin`.split(/\s+/)
const TEXT =
  '100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505' +
  '203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden404 Not Found' +
  '500 Internal Server Error501 Not Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 ' +
  'Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,' +
  'text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.'

const DICTIONARY = Buffer.concat([
  ...WORDS.map((word) => word.replace('_', ' ')).flatMap((word) => [uint32(word.length), Buffer.from(word)]),
  Buffer.from(TEXT),
])

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** Reads header blocks as a peer does that knows nothing of how they were made: zlib with the fixed dictionary. */
export class HeaderReader {
  #stream = Buffer.alloc(0)
  #taken = 0

  read(block: Buffer): Record<string, string> {
    this.#stream = Buffer.concat([this.#stream, block])
    const all = inflateSync(this.#stream, { dictionary: DICTIONARY, finishFlush: constants.Z_SYNC_FLUSH })
    const plain = all.subarray(this.#taken)
    this.#taken = all.length
    const texts: string[] = []
    for (let at = 4; at < plain.length; ) {
      const length = plain.readUInt32BE(at)
      texts.push(plain.toString('utf8', at + 4, at + 4 + length))
      at += 4 + length
    }
    const out: Record<string, string> = {}
    for (let i = 0; i + 1 < texts.length; i += 2) out[texts[i] ?? ''] = texts[i + 1] ?? ''
    return out
  }
}

/** A frame as it is on the wire; `head`: the first four bytes. */
export function rawFrame(head: number, flags: number, body: Buffer): Buffer {
  return Buffer.concat([uint32(head), Buffer.of(flags), uint32(body.length).subarray(1), body])
}

export function controlFrame(type: number, body: Buffer, flags = 0): Buffer {
  return rawFrame(0x8003_0000 + type, flags, body)
}
