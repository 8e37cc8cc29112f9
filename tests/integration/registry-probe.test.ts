/** What registries are asked, and what is made of their answers: a distribution API on loopback, over TCP and TLS. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { RegistriesFile } from '../../core/agent/containerd/registries.ts'
import { type ProbeAnswer, probeImages } from '../../core/agent/registry/probe.ts'
import { systemClock } from '../../core/runtime/clock.ts'
import { freePort } from '../helpers/cluster.ts'
import { startRegistry } from '../helpers/registry.ts'

const IMAGE = 'rancher/thing:1'
const recipes = [{ name: IMAGE, files: [] }]
const life = new AbortController()

async function ask(registries: RegistriesFile, image = IMAGE, useDefaultEndpoint = false): Promise<ProbeAnswer | undefined> {
  const options = { registries, useDefaultEndpoint, limitMs: 1_000, clock: systemClock }
  return (await probeImages([image], options, life.signal)).get(image)
}
const mirroredBy = (...endpoint: readonly string[]): RegistriesFile => ({ mirrors: { 'docker.io': { endpoint } } })

describe('asking registries', () => {
  let folder = ''
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'k3ts-registry-'))
  })
  after(() => {
    rmSync(folder, { recursive: true })
  })

  it('finds an image without downloading anything', async () => {
    await using registry = await startRegistry(recipes)
    assert.deepEqual(await ask(mirroredBy(registry.url)), { host: registry.host })
    assert.deepEqual(registry.requests, ['HEAD /v2/rancher/thing/manifests/1'])
    assert.deepEqual(await ask({}, `${registry.host}/${IMAGE}`), { host: registry.host }, 'a registry named in the image')
  })

  it('says that a registry does not have it', async () => {
    await using registry = await startRegistry([])
    assert.deepEqual(await ask(mirroredBy(registry.url)), { problem: `${registry.host} does not have it` })
  })

  it('shows its login, to the registry or to its token service', async () => {
    for (const tokens of [false, true]) {
      await using registry = await startRegistry(recipes, { login: 'me:secret', tokens })
      const login = (password: string): RegistriesFile => ({
        ...mirroredBy(registry.url),
        configs: { [registry.host]: { auth: { username: 'me', password } } },
      })
      assert.deepEqual(await ask(login('secret')), { host: registry.host })
      assert.deepEqual(await ask(login('wrong')), { problem: `${registry.host} refuses the login (401)` })
    }
  })

  it('gets an anonymous token, as from the public hub', async () => {
    await using registry = await startRegistry(recipes, { tokens: true })
    assert.deepEqual(await ask(mirroredBy(registry.url)), { host: registry.host })
    assert.ok(registry.requests.includes('GET /token?service=test&scope=repository%3Arancher%2Fthing%3Apull'))
  })

  it('trusts the authority that is configured, and no other', async () => {
    await using registry = await startRegistry(recipes, { tls: true })
    const ca = join(folder, 'ca.pem')
    writeFileSync(ca, registry.ca)
    const withTls = (tls: object): RegistriesFile => ({ ...mirroredBy(registry.url), configs: { [registry.host]: { tls } } })
    assert.deepEqual(await ask(withTls({ ca_file: ca })), { host: registry.host })
    assert.deepEqual(await ask(withTls({ insecure_skip_verify: true })), { host: registry.host })
    assert.match((await ask(withTls({})))?.problem ?? '', /fails: self-signed certificate/)
    assert.match((await ask(withTls({ ca_file: join(folder, 'absent') })))?.problem ?? '', /no such file.*absent/)
  })

  it('goes on to the next mirror when one is down, lacks the image or never answers, and keeps to the limit', async () => {
    await using registry = await startRegistry(recipes)
    await using empty = await startRegistry([])
    const silent = createServer(() => undefined)
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const { port } = silent.address() as { port: number }
    const down = `127.0.0.1:${await freePort()}`
    try {
      const begin = performance.now()
      assert.deepEqual(await ask(mirroredBy(`http://127.0.0.1:${port}`, `http://${down}`, empty.url, registry.url)), {
        host: registry.host,
      })
      assert.deepEqual(await ask(mirroredBy(`http://127.0.0.1:${port}`, `http://${down}`)), {
        problem: `127.0.0.1:${port} does not answer within 0.5 s; ${down} refuses connections`,
      })
      assert.ok(performance.now() - begin < 2_000)
    } finally {
      silent.close()
    }
  })

  it('ends with its caller', async () => {
    const stop = new AbortController()
    const asked = probeImages([IMAGE], { registries: {}, useDefaultEndpoint: true, limitMs: 60_000, clock: systemClock }, stop.signal)
    stop.abort(new Error('enough'))
    await assert.rejects(asked, /enough/)
  })
})
