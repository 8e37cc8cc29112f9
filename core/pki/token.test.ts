import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, readlink, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { createAuthority } from './authority.ts'
import { kubeconfigText } from './kubeconfig.ts'
import { writeAdminKubeconfig, writeCredKubeconfigs } from './kubeconfig-files.ts'
import { ensureTokens, passwdText } from './passwd.ts'
import { authorityHash, formatToken, parseToken, sameSecret } from './token.ts'

const authority = createAuthority('k3ts-server-ca@1', Date.UTC(2026, 5, 1))
const hash = 'ab'.repeat(32)

describe('join tokens', () => {
  it('hash the text of a single certificate and the root of a chain', () => {
    const { certificatePem, certificate } = authority
    assert.equal(authorityHash(certificatePem), createHash('sha256').update(certificatePem).digest('hex'))
    assert.equal(authorityHash(certificatePem + certificatePem), createHash('sha256').update(certificate.raw).digest('hex'))
  })

  it('read back what they were made of', () => {
    const token = parseToken(formatToken(authority.certificatePem, 'server', 's3cret'))
    assert.deepEqual(token, { kind: 'password', caHash: authorityHash(authority.certificatePem), user: 'server', password: 's3cret' })
  })

  for (const { text, want } of [
    { text: 'plain', want: { kind: 'password', caHash: undefined, user: 'server', password: 'plain' } },
    { text: 'a:b', want: { kind: 'password', caHash: undefined, user: 'server', password: 'a:b' } },
    { text: 'abcdef.0123456789abcdef', want: { kind: 'bootstrap', caHash: undefined, id: 'abcdef', secret: '0123456789abcdef' } },
    { text: `K10${hash}::abcdef.0123456789abcdef`, want: { kind: 'bootstrap', caHash: hash, id: 'abcdef', secret: '0123456789abcdef' } },
    { text: `K10${hash}::node:a:b\n`, want: { kind: 'password', caHash: hash, user: 'node', password: 'a:b' } },
  ]) {
    it(`accepts ${text.trim().slice(-24)}`, () => {
      assert.deepEqual(parseToken(text), want)
    })
  }

  for (const text of ['', 'K10abc', 'K10abc::server:x', `K10${hash}::server`, `K10${hash}:::x`]) {
    it(`refuses "${text.slice(0, 20)}"`, () => {
      assert.throws(() => parseToken(text), Error)
    })
  }

  it('compare without an early end', () => {
    assert.equal(sameSecret('a', 'a'), true)
    assert.equal(sameSecret('a', 'ab'), false)
  })
})

describe('token files', () => {
  it('are made once and kept, and an agent token stands apart', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'k3ts-token-'))
    try {
      const options = { dataDir, serverCaPem: authority.certificatePem }
      const first = await ensureTokens(options)
      assert.equal((await ensureTokens(options)).server, first.server)
      const apart = await ensureTokens({ ...options, agentToken: 'agents' })
      assert.equal(apart.server, first.server)
      assert.deepEqual(parseToken(apart.agent), {
        kind: 'password',
        caHash: authorityHash(options.serverCaPem),
        user: 'node',
        password: 'agents',
      })
      assert.equal(await readlink(join(dataDir, 'server', 'node-token')), 'token')
      assert.match(
        await readFile(join(dataDir, 'server', 'cred', 'passwd'), 'utf8'),
        /^agents,node,node,k3s:agent\n\w+,server,server,k3s:server\n$/,
      )
    } finally {
      await rm(dataDir, { recursive: true })
    }
  })

  it('quotes passwords with commas', () => {
    assert.equal(passwdText([{ name: 'node', password: 'a,"b', groups: ['g'] }]), '"a,""b",node,node,g\n')
  })
})

describe('kubeconfig files', () => {
  it('name the certificates of each part, and the admin one carries them', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'k3ts-kubeconfig-'))
    try {
      await writeCredKubeconfigs(dataDir, 'https://127.0.0.1:6443')
      assert.match(
        await readFile(join(dataDir, 'server/cred/scheduler.kubeconfig'), 'utf8'),
        /client-certificate: \/.*\/server\/tls\/client-scheduler\.crt/,
      )
      const path = join(dataDir, 'etc', 'k3ts.yaml')
      const admin = {
        path,
        server: 'https://127.0.0.1:6443',
        contextName: 'mine',
        authorityPem: 'pem',
        identity: authority,
        file: { mode: 0o644 },
      }
      await writeAdminKubeconfig(admin)
      assert.match(await readFile(path, 'utf8'), /current-context: mine\n/)
      assert.equal((await stat(path)).mode & 0o777, 0o644)
    } finally {
      await rm(dataDir, { recursive: true })
    }
  })
})

describe('kubeconfig', () => {
  it('names files or carries the material', () => {
    const files = kubeconfigText({
      server: 'https://127.0.0.1:6443',
      credentials: { kind: 'files', authority: '/a.crt', certificate: '/b c.crt', key: '/k' },
    })
    assert.match(files, /certificate-authority: \/a\.crt\n {4}server: https:\/\/127\.0\.0\.1:6443\n/)
    assert.match(files, /client-certificate: "\/b c\.crt"\n {4}client-key: \/k\n/)
    const inline = kubeconfigText({
      server: 'https://x',
      credentials: { kind: 'inline', authorityPem: 'pem', identity: authority },
      contextName: 'true',
    })
    assert.match(inline, /certificate-authority-data: cGVt\n/)
    assert.match(inline, /current-context: "true"\n/)
  })
})
