import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { parseCertificateRequest } from '../../core/pki/csr.ts'
import { openNodePki, openServerPki } from '../../core/pki/server-pki.ts'
import { serverNames } from '../helpers/pki.ts'
import { folderForTests } from '../helpers/temporary-folder.ts'

const hasOpenssl = spawnSync('openssl', ['version']).status === 0

describe('key material checked by openssl', { skip: hasOpenssl ? false : 'openssl is not installed' }, () => {
  const dataDir = folderForTests('auth-pki')
  const openssl = (...args: string[]): string => execFileSync('openssl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })

  it('forms valid chains for server and node', async () => {
    const nowMs = Date.now()
    const pki = await openServerPki({ dataDir: dataDir.path, names: serverNames(), nowMs })
    await openNodePki({ dataDir: dataDir.path, nodeName: 'one', nodeIps: ['10.0.0.1'], nowMs }, pki.authorities)
    const tls = join(dataDir.path, 'server', 'tls')
    const agent = join(dataDir.path, 'agent')
    for (const { ca, purpose, leafs } of [
      { ca: 'server-ca', purpose: 'sslserver', leafs: [join(tls, 'serving-kube-apiserver.crt'), join(agent, 'serving-kubelet.crt')] },
      { ca: 'client-ca', purpose: 'sslclient', leafs: [join(tls, 'client-admin.crt'), join(agent, 'client-kubelet.crt')] },
      { ca: 'request-header-ca', purpose: 'sslclient', leafs: [join(tls, 'client-auth-proxy.crt')] },
    ]) {
      for (const leaf of leafs) {
        assert.match(openssl('verify', '-x509_strict', '-purpose', purpose, '-CAfile', join(tls, `${ca}.crt`), leaf), /: OK/)
      }
    }
    assert.match(
      openssl('x509', '-in', join(tls, 'serving-kube-apiserver.crt'), '-noout', '-checkhost', 'kubernetes.default.svc'),
      /does match/,
    )
  })

  for (const { title, key } of [
    { title: 'an RSA key', key: ['-newkey', 'rsa:2048'] },
    { title: 'an EC key', key: ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'] },
  ]) {
    it(`reads a request made with ${title}`, async () => {
      const [keyFile, csrFile] = [join(dataDir.path, 'r.key'), join(dataDir.path, 'r.csr')]
      const names = ['-subj', '/O=system:nodes/CN=system:node:one', '-addext', 'subjectAltName=DNS:one,IP:10.0.0.1']
      openssl('req', '-new', ...key, '-nodes', '-keyout', keyFile, ...names, '-out', csrFile)
      const request = parseCertificateRequest(await readFile(csrFile, 'utf8'))
      assert.deepEqual(request.subject, { commonName: 'system:node:one', organizations: ['system:nodes'] })
      assert.deepEqual([request.dnsNames, request.ipAddresses], [['one'], ['10.0.0.1']])
    })
  }
})
