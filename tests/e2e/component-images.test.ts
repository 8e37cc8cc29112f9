/** Components from a registry of the machine's own: an HTTPS server with a login on loopback, which containerd pulls from. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { PodList } from '../../core/api/types/core-v1.ts'
import { ENTRY_POINTS, embeddedImage } from '../../addons/image/entry-points.ts'
import { productVersion } from '../../core/cli/version.ts'
import { type Cluster, clusterMissing, startCluster, until } from '../helpers/cluster.ts'
import { buildImageArchive, busyboxFiles } from '../helpers/images.ts'
import { startRegistry, type TestRegistry } from '../helpers/registry.ts'

const REGISTRIES = '/etc/rancher/k3ts/registries.yaml'
const LOG = join(tmpdir(), `k3ts-images-${process.pid}.log`)
const upstreamOf = (name: string): string => ENTRY_POINTS.find((entry) => entry.name === name)?.upstream ?? ''
const COREDNS = upstreamOf('coredns')
/** Answers the probes of the DNS pods and knows no names: what runs, not what it can do, is of interest. */
const standIn = {
  name: COREDNS,
  files: [
    ...busyboxFiles(),
    { path: 'www', directory: true as const },
    ...['health', 'ready'].map((name) => ({ path: `www/${name}`, content: Buffer.from('ok\n') })),
  ],
  entrypoint: ['/bin/sh', '-c', 'trap "exit 0" TERM; httpd -p 8080 -h /www; httpd -p 8181 -h /www; while :; do sleep 1 & wait; done'],
}
const missing = clusterMissing() ?? (existsSync(REGISTRIES) ? `${REGISTRIES} of this machine is in the way` : undefined)

describe('component images', { skip: missing ?? false }, () => {
  let cluster: Cluster
  let registry: TestRegistry
  before(async () => {
    registry = await startRegistry([standIn], { tls: true, login: 'reader:secret' })
    const ca = join(dirname(REGISTRIES), 'test-registry-ca.pem')
    mkdirSync(dirname(REGISTRIES), { recursive: true })
    writeFileSync(ca, registry.ca)
    const mirror = { endpoint: [registry.url] }
    const config = { auth: { username: 'reader', password: 'secret' }, tls: { ca_file: ca } }
    writeFileSync(REGISTRIES, JSON.stringify({ mirrors: { 'docker.io': mirror }, configs: { [registry.host]: config } }))
    cluster = await startCluster({ flags: ['--disable', 'traefik', '--log', LOG] })
  })
  after(async () => {
    for (const file of [REGISTRIES, LOG]) rmSync(file, { force: true })
    rmSync(join(dirname(REGISTRIES), 'test-registry-ca.pem'), { force: true })
    await registry[Symbol.asyncDispose]()
    await cluster[Symbol.asyncDispose]()
  })

  /** Image of the Deployment's one ready pod; fails while there is another. */
  const runs = async (deployment: string, selector: string): Promise<string> => {
    await cluster.kubectl(`-n kube-system rollout status deployment/${deployment} --timeout=60s`)
    const { items } = JSON.parse(await cluster.kubectl(`-n kube-system get pods -l ${selector} -o json`)) as PodList
    assert.equal(items.length, 1)
    return items[0]?.spec.containers[0]?.image ?? ''
  }
  const dns = (): Promise<string> => runs('coredns', 'k8s-app=kube-dns')
  const events = (addon: string): Promise<string> =>
    cluster.kubectl([
      '-n',
      'kube-system',
      'get',
      'events',
      '--field-selector',
      `reason=ComponentImage,involvedObject.name=${addon}`,
      '-o',
      'jsonpath={range .items[*]}{.message}{"\\n"}{end}',
    ])

  it('come from the registry where it has them, and an event on the Addon tells', async () => {
    assert.equal(await until('the DNS', dns), COREDNS)
    assert.ok(registry.requests.some((request) => request.startsWith('GET /v2/rancher/mirrored-coredns-coredns/blobs/')))
    await until('the event', async () => {
      assert.equal(await events('coredns'), `coredns runs from ${COREDNS}: ${registry.host} has it\n`)
    })
    assert.match(readFileSync(LOG, 'utf8'), /"name":"coredns".*"msg":"Component image chosen"/)
  })

  it('are embedded where the registry lacks them', async () => {
    const name = 'local-path-provisioner'
    assert.equal(await until(name, () => runs(name, `app=${name}`)), embeddedImage(name, productVersion()))
    assert.match(await events('local-storage'), new RegExp(`^${name} runs from embedded.*: ${registry.host} does not have it; `, 'm'))
  })

  it('stay public without the registry while the machine has them, and become embedded when it has not', async () => {
    await registry[Symbol.asyncDispose]()
    await cluster.restart()
    await until('the event', async () => assert.match(await events('coredns'), /: it is already on this machine$/m))
    assert.equal(await dns(), COREDNS)

    execFileSync('ctr', ['-a', '/run/k3ts/containerd/containerd.sock', '-n', 'k8s.io', 'images', 'rm', '--sync', `docker.io/${COREDNS}`])
    await cluster.restart()
    await until('the embedded DNS', async () => assert.match(await dns(), /^embedded\S+$/))
    assert.match(await events('coredns'), /runs from embedded.*refuses connections/)
  })

  it('come from an archive in agent/images as soon as there is one', async () => {
    writeFileSync(join(cluster.dataDir, 'agent', 'images', 'mine.tar'), buildImageArchive({ ...standIn, name: `docker.io/${COREDNS}` }))
    await cluster.restart()
    await until('the DNS of the archive', async () => assert.equal(await dns(), COREDNS))
    assert.match(await events('coredns'), /: it is in agent\/images\/mine\.tar$/m)
    assert.match(readFileSync(join(cluster.manifests, 'coredns.yaml'), 'utf8'), /rancher\/mirrored-coredns-coredns/)
  })
})
