/** Which image a component runs from, and how long that stays so. */
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { ENTRY_POINTS } from '../../addons/image/entry-points.ts'
import { agentPaths } from '../../core/agent/paths.ts'
import { chooseImages } from '../../core/cli/component-images.ts'
import type { ImageChoice } from '../../core/cli/image-record.ts'
import type { ServerConfig } from '../../core/config/config.ts'
import { parseConfig } from '../../core/config/parse.ts'
import { systemClock } from '../../core/runtime/clock.ts'
import { freePort } from '../helpers/cluster.ts'
import { buildImageArchive } from '../helpers/images.ts'
import { startRegistry } from '../helpers/registry.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'

const upstreamOf = (name: string): string => ENTRY_POINTS.find((entry) => entry.name === name)?.upstream ?? ''
const life = new AbortController()

interface Machine {
  readonly dataDir: string
  readonly registries: string
}

function machine(dataDir: string, mirror: string): Machine {
  const registries = join(dataDir, 'registries.yaml')
  writeFileSync(registries, JSON.stringify({ mirrors: { '*': { endpoint: [mirror] } } }))
  return { dataDir, registries }
}

async function choose(
  { dataDir, registries }: Machine,
  flags: Readonly<Record<string, string>> = {},
): Promise<ReadonlyMap<string, ImageChoice>> {
  const given = new Map(Object.entries({ 'data-dir': dataDir, 'node-ip': '192.0.2.1', ...flags }).map(([name, value]) => [name, [value]]))
  const config: ServerConfig = parseConfig({ command: 'server', flags: given, env: {} }).config
  const paths = { ...agentPaths({ dataDir }), runDir: join(dataDir, 'run') }
  const settings = { privateRegistry: registries, disableDefaultRegistryEndpoint: true }
  const choosing = await chooseImages({ config, settings, paths, version: 'v1', clock: systemClock }, life.signal)
  return new Map((await choosing.all).map((choice) => [choice.name, choice]))
}

const nowhere = async (): Promise<string> => `http://127.0.0.1:${await freePort()}`

describe('images of components', () => {
  it('are public where a registry has them, each for itself, and say so', async () => {
    await using folder = await temporaryFolder('images')
    await using registry = await startRegistry([{ name: upstreamOf('coredns'), files: [] }])
    const choices = await choose(machine(folder.path, registry.url))
    assert.deepEqual(choices.get('coredns'), {
      name: 'coredns',
      image: upstreamOf('coredns'),
      isUpstream: true,
      reason: `${registry.host} has it`,
    })
    assert.match(choices.get('traefik')?.image ?? '', /^embedded\./)
    assert.equal(choices.get('traefik')?.reason, `${registry.host} does not have it`)
    assert.equal(choices.get('pause')?.isUpstream, false)
  })

  it('stay embedded when a registry comes up later, until its configuration changes', async () => {
    await using folder = await temporaryFolder('images')
    const url = await nowhere()
    const offline = machine(folder.path, url)
    const first = await choose(offline)
    assert.match(first.get('coredns')?.reason ?? '', /refuses connections/)
    await using registry = await startRegistry(ENTRY_POINTS.map(({ upstream: name }) => ({ name, files: [] })))
    const second = await choose(offline)
    const { coredns } = Object.fromEntries(first)
    assert.deepEqual(second.get('coredns'), { ...coredns, isKept: true }, 'nothing was asked again')
    assert.equal((await choose(machine(folder.path, registry.url))).get('coredns')?.isUpstream, true)
  })

  it('come from agent/images first, the sandbox image too', async () => {
    await using folder = await temporaryFolder('images')
    const here = machine(folder.path, await nowhere())
    mkdirSync(join(folder.path, 'agent', 'images'), { recursive: true })
    for (const name of ['pause', 'coredns'])
      writeFileSync(
        join(folder.path, 'agent', 'images', `${name}.tar`),
        buildImageArchive({ name: `docker.io/${upstreamOf(name)}`, files: [] }),
      )
    writeFileSync(join(folder.path, 'agent', 'images', 'broken.tar'), 'x')
    const choices = await choose(here)
    for (const name of ['pause', 'coredns']) {
      assert.equal(choices.get(name)?.image, upstreamOf(name))
      assert.equal(choices.get(name)?.reason, `it is in agent/images/${name}.tar`)
    }
    assert.equal(choices.get('traefik')?.isUpstream, false)
  })

  it('follow flags without asking anybody', async () => {
    await using folder = await temporaryFolder('images')
    await using registry = await startRegistry([])
    const here = machine(folder.path, registry.url)
    const upstream = await choose(here, { 'component-images': 'upstream', 'system-default-registry': 'r.example/' })
    assert.equal(upstream.get('coredns')?.image, `r.example/${upstreamOf('coredns')}`)
    assert.equal(upstream.get('coredns')?.reason, '--component-images is upstream')
    assert.equal((await choose(here, { 'component-images': 'embedded' })).get('coredns')?.isUpstream, false)
    assert.equal((await choose(here, { 'disable-agent': 'true' })).get('coredns')?.reason, 'no node runs here')
    assert.deepEqual(registry.requests, [])
  })

  it('are looked for in the default registry of the system', async () => {
    await using folder = await temporaryFolder('images')
    await using registry = await startRegistry([{ name: `mine/${upstreamOf('coredns')}`, files: [] }])
    const here = { dataDir: folder.path, registries: join(folder.path, 'absent') }
    const choices = await choose(here, { 'system-default-registry': `${registry.host}/mine` })
    assert.equal(choices.get('coredns')?.image, `${registry.host}/mine/${upstreamOf('coredns')}`)
    assert.equal(choices.get('traefik')?.isUpstream, false)
  })

  it('are not chosen for what is disabled', async () => {
    await using folder = await temporaryFolder('images')
    const here = machine(folder.path, await nowhere())
    const choices = await choose(here, { disable: 'coredns,servicelb,traefik,metrics-server', 'helm-job-image': 'x', 'pause-image': 'y' })
    assert.deepEqual([...choices.keys()], ['local-path-provisioner', 'busybox'])
  })
})
