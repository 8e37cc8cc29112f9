import assert from 'node:assert/strict'
import { readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { serverNames } from '../../tests/helpers/pki.ts'
import { folderForTests } from '../../tests/helpers/temporary-folder.ts'
import { silentLogger } from '../observability/log.ts'
import type { Clock } from '../runtime/clock.ts'
import { createAuthority, daysLeft } from './authority.ts'
import { listCertificates } from './inventory.ts'
import { createRenewal } from './renewal.ts'
import { openEtcdPki, openServerPki, type ServerPki } from './server-pki.ts'

const NOW = Date.UTC(2026, 5, 1)
const DAY_MS = 86_400_000
const NAMES = serverNames({ advertiseAddress: '10.0.0.5', nodeIps: ['10.0.0.5'], tlsSans: ['api.example'] })

describe('server key material', () => {
  const dataDir = folderForTests('pki')
  const open = (nowMs: number, tlsSans = NAMES.tlsSans): Promise<ServerPki> =>
    openServerPki({ dataDir: dataDir.path, nowMs, names: { ...NAMES, tlsSans } })
  const tls = (name: string): string => join(dataDir.path, 'server', 'tls', name)
  const serial = (pki: ServerPki, name: string): string => pki.leafs.get(name).certificate.serialNumber

  it('is the same after a restart, and private', async () => {
    const first = await open(NOW)
    const second = await open(NOW + DAY_MS)
    for (const name of first.leafs.names) assert.equal(serial(second, name), serial(first, name), name)
    assert.equal(second.authorities['client-ca'].certificatePem, first.authorities['client-ca'].certificatePem)
    assert.equal((await stat(tls('client-admin.key'))).mode & 0o777, 0o600)
    assert.equal(await readFile(tls('service.current.key'), 'utf8'), await readFile(tls('service.key'), 'utf8'))
  })

  it('serves under every name of the API server', async () => {
    const names = (await open(NOW)).leafs.get('serving-kube-apiserver').certificate.subjectAltName
    for (const host of ['kubernetes.default.svc.cluster.local', 'localhost', '127.0.0.1', '10.43.0.1', '10.0.0.5', 'one', 'api.example']) {
      assert.ok(names?.includes(host), host)
    }
  })

  it('makes a new serving certificate for a new name and keeps the old names', async () => {
    const before = await open(NOW)
    const after = await open(NOW, ['other.example'])
    assert.notEqual(serial(after, 'serving-kube-apiserver'), serial(before, 'serving-kube-apiserver'))
    assert.match(after.leafs.get('serving-kube-apiserver').certificate.subjectAltName ?? '', /other\.example.*api\.example/)
    assert.equal(serial(after, 'client-admin'), serial(before, 'client-admin'))
  })

  it('makes a torn leaf again', async () => {
    await writeFile(tls('client-admin.crt'), '-----BEGIN CERT')
    const pki = await open(NOW)
    assert.equal(pki.leafs.get('client-admin').certificate.checkIssued(pki.authorities['client-ca'].certificate), true)
  })

  it('replaces leafs that end soon at start', async () => {
    const pki = await open(NOW + 300 * DAY_MS)
    assert.equal(daysLeft(pki.leafs.get('client-admin').certificate, NOW + 300 * DAY_MS), 365)
  })

  it('renews while running and tells its listeners', async () => {
    let nowMs = NOW + 301 * DAY_MS
    const pki = await open(nowMs)
    const stop = new AbortController()
    const renewed: string[] = []
    pki.leafs.onRenewed((name) => renewed.push(name))
    const sleeps: number[] = []
    const clock: Clock = {
      now: () => nowMs,
      sleep: async (ms) => {
        sleeps.push(ms)
        nowMs += 250 * DAY_MS
        if (sleeps.length === 2) {
          stop.abort()
          throw new Error('aborted')
        }
      },
    }
    const running = await createRenewal({ leafs: [pki.leafs], clock, log: silentLogger }).start(stop.signal)
    await running.done
    assert.deepEqual([...new Set(renewed)].sort(), [...pki.leafs.names].sort())
    assert.ok(daysLeft(pki.leafs.get('client-admin').certificate, nowMs) > 0)
  })

  it('does not make leafs again that end with their authority', async () => {
    const late = NOW + 3600 * DAY_MS
    const first = await open(late)
    assert.ok(daysLeft(first.leafs.get('client-admin').certificate, late) < 120)
    assert.equal(serial(await open(late + DAY_MS), 'client-admin'), serial(first, 'client-admin'))
    assert.deepEqual(await first.leafs.renewDue(late + DAY_MS), [])
  })

  it('learns addresses while running', async () => {
    const pki = await open(NOW)
    assert.equal(await pki.leafs.addHosts('serving-kube-apiserver', ['192.0.2.7'], NOW), true)
    assert.equal(await pki.leafs.addHosts('serving-kube-apiserver', ['192.0.2.7'], NOW), false)
  })

  it('goes on with the key when a crash came before the certificate of an authority', async () => {
    const key = await readFile(tls('request-header-ca.key'), 'utf8')
    await rm(tls('request-header-ca.crt'))
    assert.equal((await open(NOW)).authorities['request-header-ca'].keyPem, key)
  })

  it('lists what there is, with what ends soon', async () => {
    const { leafs } = await openEtcdPki({ dataDir: dataDir.path, hosts: ['10.0.0.5'], nowMs: NOW })
    assert.match(leafs.get('peer-server-client').certificate.subjectAltName ?? '', /10\.0\.0\.5/)
    const records = await listCertificates(dataDir.path, NOW + 300 * DAY_MS)
    const find = (file: string): string | undefined => records.find((record) => record.file === file)?.status
    assert.equal(find('server/tls/client-ca.crt'), 'ok')
    assert.equal(find('server/tls/etcd/client.crt'), 'expiring')
    assert.equal(records.filter(({ isAuthority }) => isAuthority).length, 5)
  })

  it('never replaces an authority that does not match its key', async () => {
    await writeFile(tls('client-ca.key'), createAuthority('x', NOW).keyPem)
    await assert.rejects(open(NOW), /client-ca\.crt: the private key does not belong/)
  })
})
