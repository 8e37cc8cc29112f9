import 'reflect-metadata'
import assert from 'node:assert/strict'
import { webcrypto } from 'node:crypto'
import { describe, it } from 'node:test'
import * as x509 from '@peculiar/x509'
import { altNamesOf } from './alt-names.ts'
import { createAuthority, daysLeft, issue, loadIdentity, signFor } from './authority.ts'
import { parseCertificates } from './certificate.ts'
import { createRequestSigner } from './certificate-signer.ts'
import { parseCertificateRequest } from './csr.ts'
import { generateKeyPair } from './keys.ts'
import { subjectOf } from './subject.ts'

x509.cryptoProvider.set(webcrypto as never)
const NOW = Date.UTC(2026, 5, 1)
const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

describe('certificates', () => {
  const authority = createAuthority('k3ts-server-ca@1', NOW)

  it('makes a self-signed authority that another implementation verifies', async () => {
    const parsed = new x509.X509Certificate(authority.certificatePem)
    assert.equal(await parsed.isSelfSigned(), true)
    assert.equal(parsed.getExtension(x509.BasicConstraintsExtension)?.ca, true)
    assert.equal(daysLeft(authority.certificate, NOW), 3650)
  })

  it('issues a leaf whose chain another implementation verifies', async () => {
    const names = altNamesOf(['localhost', '127.0.0.1', '::1', 'localhost', ''])
    const leaf = issue(
      authority,
      { subject: { commonName: 'kube', organizations: ['a', 'b'] }, usages: ['serverAuth'], altNames: names },
      NOW,
    )
    const parsed = new x509.X509Certificate(parseCertificates(leaf.certificatePem)[0]?.toString() ?? '')
    const root = new x509.X509Certificate(authority.certificatePem)
    assert.equal(await parsed.verify({ publicKey: root.publicKey, signatureOnly: true }), true)
    assert.equal((await new x509.X509ChainBuilder({ certificates: [root] }).build(parsed)).length, 2)
    assert.equal(parsed.subject, 'O=a, O=b, CN=kube')
    assert.deepEqual(
      parsed.getExtension(x509.SubjectAlternativeNameExtension)?.names.items.map(({ type, value }) => `${type}:${value}`),
      ['dns:localhost', 'ip:127.0.0.1', 'ip:::1'],
    )
    assert.equal(parsed.getExtension(x509.ExtendedKeyUsageExtension)?.usages.join(), x509.ExtendedKeyUsage.serverAuth)
    assert.equal(
      parsed.getExtension(x509.AuthorityKeyIdentifierExtension)?.keyId,
      root.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId,
    )
  })

  it('carries user and groups in the subject', () => {
    const leaf = issue(
      authority,
      { subject: { commonName: 'système', organizations: ['system:masters', 'x'] }, usages: ['clientAuth'] },
      NOW,
    )
    assert.deepEqual(subjectOf(leaf.certificate.raw), { commonName: 'système', organizations: ['system:masters', 'x'] })
  })

  it('appends the authority and never outlives it', () => {
    const later = NOW + 3600 * 86_400_000
    const pem = signFor(
      authority,
      { subject: { commonName: 'x', organizations: [] }, usages: ['clientAuth'] },
      generateKeyPair().publicKey,
      later,
    )
    const [leaf, root] = parseCertificates(pem)
    assert.equal(root?.fingerprint256, authority.certificate.fingerprint256)
    assert.equal(leaf?.validToDate.getTime(), authority.certificate.validToDate.getTime())
  })

  it('refuses a key that does not belong to the certificate', () => {
    const other = createAuthority('other', NOW)
    assert.throws(() => loadIdentity(authority.certificatePem, other.keyPem), /does not belong/)
  })
})

describe('certificate requests to the cluster', () => {
  it('are signed with their whole name, their usages and a bounded life', async () => {
    const authorities = {
      'client-ca': createAuthority('client', NOW),
      'server-ca': createAuthority('server', NOW),
      'request-header-ca': createAuthority('front', NOW),
    }
    const signer = createRequestSigner(authorities, { now: () => NOW + 3_600_000, sleep: async () => Promise.resolve() })
    const keys = await webcrypto.subtle.generateKey(EC, true, ['sign', 'verify'])
    const request = await x509.Pkcs10CertificateRequestGenerator.create({
      name: 'C=DE, O=system:nodes, CN=system:node:one',
      keys: keys as never,
      signingAlgorithm: EC,
      extensions: [
        new x509.SubjectAlternativeNameExtension([
          { type: 'dns', value: 'one' },
          { type: 'email', value: 'a@b.c' },
        ]),
      ],
    })
    const requestPem = request.toString('pem')
    const pem = await signer.sign({
      requestPem,
      signerName: 'kubernetes.io/kubelet-serving',
      usages: ['digital signature', 'key agreement', 'server auth'],
      lifetimeSeconds: 600,
    })
    const leaf = new x509.X509Certificate(pem)
    assert.equal(leaf.subject, 'C=DE, O=system:nodes, CN=system:node:one')
    assert.equal(leaf.getExtension(x509.KeyUsagesExtension)?.usages, x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyAgreement)
    assert.equal(leaf.getExtension(x509.ExtendedKeyUsageExtension)?.usages.join(), x509.ExtendedKeyUsage.serverAuth)
    assert.deepEqual(
      leaf.getExtension(x509.SubjectAlternativeNameExtension)?.names.items.map(({ value }) => value),
      ['one', 'a@b.c'],
    )
    assert.equal(leaf.notAfter.getTime(), NOW + 4_200_000)
    assert.equal(
      await leaf.verify({ publicKey: new x509.X509Certificate(authorities['server-ca'].certificatePem).publicKey, signatureOnly: true }),
      true,
    )
    assert.deepEqual((await signer.inspect(requestPem)).emailAddresses, ['a@b.c'])
    await assert.rejects(
      signer.sign({ requestPem, signerName: 'example.com/x', usages: [], lifetimeSeconds: 600 }),
      /no authority signs for/,
    )
    await assert.rejects(
      signer.sign({ requestPem, signerName: 'kubernetes.io/kubelet-serving', usages: ['fun'], lifetimeSeconds: 600 }),
      /unrecognized usage values: fun/,
    )
  })
})

describe('certificate requests', () => {
  const make = async (): Promise<x509.Pkcs10CertificateRequest> => {
    const keys = await webcrypto.subtle.generateKey(EC, true, ['sign', 'verify'])
    return x509.Pkcs10CertificateRequestGenerator.create({
      name: 'O=system:nodes, CN=system:node:one',
      keys: keys as never,
      signingAlgorithm: EC,
      extensions: [
        new x509.SubjectAlternativeNameExtension([
          { type: 'dns', value: 'one' },
          { type: 'ip', value: '10.0.0.1' },
          { type: 'url', value: 'spiffe://x' },
        ]),
      ],
    })
  }

  it('reads subject and requested names of a foreign request', async () => {
    const request = parseCertificateRequest((await make()).toString('pem'))
    assert.deepEqual(request.subject, { commonName: 'system:node:one', organizations: ['system:nodes'] })
    assert.deepEqual(request.dnsNames, ['one'])
    assert.deepEqual(request.ipAddresses, ['10.0.0.1'])
    assert.deepEqual(request.uris, ['spiffe://x'])
  })

  it('refuses a request whose content was changed after signing', async () => {
    const der = Buffer.from((await make()).rawData)
    const at = der.indexOf('system:node:one')
    der.write('system:node:two', at)
    const pem = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`
    assert.throws(() => parseCertificateRequest(pem), /signature of the certificate request/)
  })

  it('refuses text without a request', () => {
    assert.throws(() => parseCertificateRequest('hello'), /CERTIFICATE REQUEST/)
  })
})
