/** The ASN.1 part of node-forge alone loads in 6 ms instead of 49 ms for all of it; @types/node-forge describes only the whole. */
declare module 'node-forge/lib/asn1.js' {
  export interface Asn1 {
    readonly tagClass: number
    readonly type: number
    readonly constructed: boolean
    /** A binary string, or the items of a constructed value. */
    readonly value: string | Asn1[]
  }

  interface Bytes {
    getBytes(): string
  }

  interface Asn1Module {
    readonly Class: { readonly UNIVERSAL: number; readonly CONTEXT_SPECIFIC: number }
    readonly Type: Readonly<
      Record<
        | 'BOOLEAN'
        | 'INTEGER'
        | 'BITSTRING'
        | 'OCTETSTRING'
        | 'OID'
        | 'UTF8'
        | 'SEQUENCE'
        | 'SET'
        | 'UTCTIME'
        | 'GENERALIZEDTIME'
        | 'BMPSTRING',
        number
      >
    >
    create(tagClass: number, type: number, constructed: boolean, value: string | Asn1[]): Asn1
    fromDer(bytes: string, options: { readonly strict: boolean; readonly parseAllBytes: boolean; readonly decodeBitStrings: boolean }): Asn1
    toDer(value: Asn1): Bytes
    oidToDer(oid: string): Bytes
    derToOid(bytes: string): string
    dateToUtcTime(date: Date): string
    dateToGeneralizedTime(date: Date): string
  }

  const asn1: Asn1Module
  // eslint-disable-next-line no-restricted-exports -- the module is CommonJS
  export default asn1
}
