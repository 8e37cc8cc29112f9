import asn1, { type Asn1 } from 'node-forge/lib/asn1.js'

/** A parsed or built ASN.1 value. Strings inside are binary strings (one character a byte), as node-forge keeps them. */
export type { Asn1 }

const { Class, Type } = asn1
/** UTCTime ends in 2049; later dates use GeneralizedTime. Source: RFC 5280, 4.1.2.5. */
const UTC_TIME_END_MS = Date.UTC(2050, 0, 1)

export const sequence = (...items: Asn1[]): Asn1 => asn1.create(Class.UNIVERSAL, Type.SEQUENCE, true, items)
export const set = (...items: Asn1[]): Asn1 => asn1.create(Class.UNIVERSAL, Type.SET, true, items)
export const oid = (dotted: string): Asn1 => asn1.create(Class.UNIVERSAL, Type.OID, false, asn1.oidToDer(dotted).getBytes())
export const boolean = (value: boolean): Asn1 => asn1.create(Class.UNIVERSAL, Type.BOOLEAN, false, value ? '\xff' : '\0')
/** Big-endian two's complement; the caller keeps the top bit clear for a positive number. */
export const integer = (bytes: Uint8Array): Asn1 => asn1.create(Class.UNIVERSAL, Type.INTEGER, false, binary(bytes))
export const octetString = (bytes: Uint8Array): Asn1 => asn1.create(Class.UNIVERSAL, Type.OCTETSTRING, false, binary(bytes))
export const utf8String = (text: string): Asn1 => asn1.create(Class.UNIVERSAL, Type.UTF8, false, binary(Buffer.from(text)))
export const bitString = (bytes: Uint8Array, unusedBits = 0): Asn1 =>
  asn1.create(Class.UNIVERSAL, Type.BITSTRING, false, String.fromCharCode(unusedBits) + binary(bytes))

/** `[tag] EXPLICIT` around `items`, or a constructed implicit one. */
export const tagged = (tag: number, ...items: Asn1[]): Asn1 => asn1.create(Class.CONTEXT_SPECIFIC, tag, true, items)
/** `[tag] IMPLICIT` primitive. */
export const taggedBytes = (tag: number, bytes: Uint8Array): Asn1 => asn1.create(Class.CONTEXT_SPECIFIC, tag, false, binary(bytes))

/** UTCTime before 2050, GeneralizedTime after, as X.509 wants it. */
export function time(ms: number): Asn1 {
  const date = new Date(ms)
  return ms < UTC_TIME_END_MS
    ? asn1.create(Class.UNIVERSAL, Type.UTCTIME, false, asn1.dateToUtcTime(date))
    : asn1.create(Class.UNIVERSAL, Type.GENERALIZEDTIME, false, asn1.dateToGeneralizedTime(date))
}

export function toDer(value: Asn1): Buffer {
  return Buffer.from(asn1.toDer(value).getBytes(), 'latin1')
}

/** Throws a plain Error for anything that is not one complete DER value. */
export function fromDer(der: Uint8Array): Asn1 {
  // NOTE: bit strings stay bytes; a public key may look like ASN.1 by chance.
  return asn1.fromDer(binary(der), { strict: true, parseAllBytes: true, decodeBitStrings: false })
}

/** The items of a constructed value; throws when it is a primitive. */
export function itemsOf(value: Asn1 | undefined): Asn1[] {
  if (value === undefined || !Array.isArray(value.value)) throw new Error('ASN.1: a constructed value was expected')
  return value.value
}

/** The content bytes of a primitive value. */
export function bytesOf(value: Asn1 | undefined): Buffer {
  if (value === undefined) throw new Error('ASN.1: a value is missing')
  return Array.isArray(value.value) ? Buffer.concat(value.value.map(toDer)) : Buffer.from(value.value, 'latin1')
}

export function oidOf(value: Asn1 | undefined): string {
  return asn1.derToOid(bytesOf(value).toString('latin1'))
}

export function isContextTag(value: Asn1, tag: number): boolean {
  return value.tagClass === Class.CONTEXT_SPECIFIC && value.type === tag
}

/** Characters of any of the directory string types. BMPString is UTF-16 big-endian. */
export function textOf(value: Asn1 | undefined): string {
  const bytes = bytesOf(value)
  return value?.type === Type.BMPSTRING ? new TextDecoder('utf-16be').decode(bytes) : bytes.toString('utf8')
}

function binary(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}
