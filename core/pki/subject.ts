import { type Asn1, fromDer, itemsOf, oid, oidOf, sequence, set, textOf, utf8String } from './asn1.ts'
import { OIDS } from './oids.ts'

/** The two attributes that Kubernetes reads: user name and groups. */
export interface Subject {
  readonly commonName: string
  readonly organizations: readonly string[]
}

/** One relative name per attribute, organizations first. */
export function encodeSubject(subject: Subject): Asn1 {
  const relative = (type: string, value: string): Asn1 => set(sequence(oid(type), utf8String(value)))
  return sequence(
    ...subject.organizations.map((name) => relative(OIDS.organization, name)),
    ...(subject.commonName === '' ? [] : [relative(OIDS.commonName, subject.commonName)]),
  )
}

/** Other attributes are ignored; the last common name wins. */
export function decodeSubject(name: Asn1 | undefined): Subject {
  let commonName = ''
  const organizations: string[] = []
  for (const relative of itemsOf(name)) {
    for (const attribute of itemsOf(relative)) {
      const [type, value] = itemsOf(attribute)
      const id = oidOf(type)
      if (id === OIDS.commonName) commonName = textOf(value)
      else if (id === OIDS.organization) organizations.push(textOf(value))
    }
  }
  return { commonName, organizations }
}

/** Subject of a certificate given as DER, such as `TLSSocket.getPeerCertificate().raw` or `X509Certificate.raw`. */
export function subjectOf(certificateDer: Uint8Array): Subject {
  const fields = itemsOf(itemsOf(fromDer(certificateDer))[0])
  // NOTE: the optional version is the only leading field with a context tag.
  return decodeSubject(fields[fields[0]?.tagClass === 0 ? 4 : 5])
}
