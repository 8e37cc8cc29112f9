/**
 * The cluster's DNS server: reads CoreDNS's configuration and answers as CoreDNS does.
 * Arguments: `-conf <file>`, `-dns.port <number>`.
 */
import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setMaxListeners } from 'node:events'
import { createLogger } from '../../core/observability/log.ts'
import { sleep, systemClock } from '../../core/runtime/clock.ts'
import { serveEndpoints } from '../cluster/http-endpoint.ts'
import { connectInCluster } from '../cluster/in-cluster.ts'
import { processSignal } from '../cluster/signals.ts'
import { AnswerCache } from './answer-cache.ts'
import { parseCorefile } from './corefile.ts'
import { type ClusterDirectory, clusterDirectory } from './directory.ts'
import { DnsServer, type ServedBlock } from './dns-server.ts'
import { type HostsTable, parseHosts } from './hosts.ts'
import { readImport } from './import-files.ts'
import { listenDns } from './listener.ts'
import { Metrics } from './metrics.ts'
import { Resolver } from './resolver.ts'
import { type BlockSettings, blockSettings, type HostsSettings, type Listen } from './settings.ts'
import { Forwarder, readUpstreams } from './upstream.ts'

const now = (): number => systemClock.now()
const log = createLogger({ level: 'info' })
const signal = processSignal()
setMaxListeners(0, signal)
const metrics = new Metrics()
const server = new DnsServer({ log, metrics })
const listeners = new Map<string, AsyncDisposable>()
const hostsTables = new Map<string, { table: HostsTable }>()

try {
  await main()
} catch (err) {
  if (!signal.aborted) {
    log.fatal({ err }, 'The DNS server stopped')
    process.exitCode = 1
  }
}

async function main(): Promise<void> {
  const conf = argument('conf') ?? 'Corefile'
  const loaded = load(conf)
  const directory = startDirectory(loaded.blocks)
  const endpoints = await serveHttp(loaded.blocks, directory)
  await apply(loaded.blocks, directory)
  log.info({ ports: server.ports }, 'Serving DNS')
  const loops = [server.probeLoops(), watchHosts(), watchConfig(conf, loaded, directory)]
  await Promise.all(loops).finally(async () => {
    await Promise.all([...listeners.values(), ...endpoints].map((one) => one[Symbol.asyncDispose]()))
  })
}

function argument(name: string): string | undefined {
  const args = process.argv.slice(2)
  for (const [index, text] of args.entries()) {
    const match = new RegExp(`^--?${name.replace('.', '\\.')}(?:=(.*))?$`).exec(text)
    if (match !== null) return match[1] ?? args[index + 1]
  }
  return undefined
}

interface Loaded {
  readonly blocks: readonly BlockSettings[]
  /** All text read, to notice changes of imports too. */
  readonly text: string
}

function load(conf: string): Loaded {
  const texts = [readFileSync(conf, 'utf8')]
  const read = (pattern: string): readonly string[] | undefined => {
    const found = readImport(pattern, dirname(conf))
    if (found !== undefined) texts.push(...found)
    return found
  }
  const parsed = parseCorefile(texts[0] ?? '', { defaultPort: Number(argument('dns.port') ?? 53), readImport: read, env: process.env })
  if (parsed.length === 0) throw new Error(`${conf}: no server blocks`)
  const warn = (plugin: string): void => log.warn({ plugin }, 'Unknown plugin is ignored')
  return { blocks: parsed.map((block) => blockSettings(block, warn)), text: texts.join('\0') }
}

function startDirectory(blocks: readonly BlockSettings[]): ClusterDirectory | undefined {
  const kubernetes = blocks.flatMap((block) => block.kubernetes)
  if (kubernetes.length === 0) return undefined
  const { informers, transport } = connectInCluster({ userAgent: 'coredns/k3ts', log })
  const directory = clusterDirectory(informers, { watchPods: kubernetes.some(({ pods }) => pods === 'verified'), now })
  void informers.start(signal).then(async ({ done }) => {
    await done
    await transport[Symbol.asyncDispose]()
  })
  void informers.waitForSync(signal).then(
    () => log.info('Services and endpoints are known'),
    () => undefined,
  )
  return directory
}

function serveBlocks(blocks: readonly BlockSettings[], directory: ClusterDirectory | undefined): readonly ServedBlock[] {
  return blocks.map((settings) => {
    const forwarders = settings.forward.map((forward) => new Forwarder(forward, readUpstreams(forward.to), now))
    const hosts = settings.hosts.map(hostsTable)
    const cache = new AnswerCache(settings.cacheSeconds, now)
    return { settings, forwarders, resolver: new Resolver({ settings, directory, hosts, forwarders, cache }) }
  })
}

/** Puts a configuration into force; listeners of ports that stay are kept. */
async function apply(blocks: readonly BlockSettings[], directory: ClusterDirectory | undefined): Promise<void> {
  const served = serveBlocks(blocks, directory)
  const wanted = new Map<string, Listen>()
  for (const { bind, keys } of blocks) {
    for (const { port } of keys) for (const host of bind.length > 0 ? bind : ['::']) wanted.set(`${host} ${port}`, { host, port })
  }
  for (const [id, { host, port }] of wanted) {
    if (listeners.has(id)) continue
    listeners.set(id, await listenAnyFamily(host, port))
  }
  server.serve(served)
  for (const [id, listener] of listeners) {
    if (wanted.has(id)) continue
    listeners.delete(id)
    await listener[Symbol.asyncDispose]()
  }
}

async function listenAnyFamily(host: string, port: number): Promise<AsyncDisposable> {
  const handle = (message: Buffer, via: 'udp' | 'tcp'): Promise<Buffer | undefined> => server.handle(message, via, port)
  try {
    return await listenDns({ host, port }, handle)
  } catch (err) {
    const { code } = err as NodeJS.ErrnoException
    // A pod on a kernel without IPv6.
    if (host !== '::' || (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL')) throw err
    return await listenDns({ host: '0.0.0.0', port }, handle)
  }
}

async function serveHttp(blocks: readonly BlockSettings[], directory: ClusterDirectory | undefined): Promise<readonly AsyncDisposable[]> {
  const first = (key: 'health' | 'ready' | 'metrics'): Listen | undefined => blocks.find((block) => block[key] !== undefined)?.[key]
  const health = first('health')
  const ready = first('ready')
  const exporter = first('metrics')
  const isReady = (): boolean => directory?.synced() ?? true
  const started: Promise<AsyncDisposable>[] = []
  if (health !== undefined) started.push(serveAnyFamily(health, { '/health': () => ({ status: 200, body: 'OK' }) }))
  if (ready !== undefined) {
    started.push(serveAnyFamily(ready, { '/ready': () => (isReady() ? { status: 200, body: 'OK' } : { status: 503, body: 'kubernetes' }) }))
  }
  const text = (): { status: number; body: string; contentType: string } => ({
    status: 200,
    body: metrics.text(),
    contentType: 'text/plain; version=0.0.4',
  })
  if (exporter !== undefined) started.push(serveAnyFamily(exporter, { '/metrics': text }))
  return Promise.all(started)
}

async function serveAnyFamily(address: Listen, paths: Parameters<typeof serveEndpoints>[1]): Promise<AsyncDisposable> {
  try {
    return await serveEndpoints(address, paths)
  } catch (err) {
    if (address.host !== '::' || (err as NodeJS.ErrnoException).code === 'EADDRINUSE') throw err
    return await serveEndpoints({ ...address, host: '0.0.0.0' }, paths)
  }
}

/** A hosts file may appear later: an optional volume, or a key not written yet. */
function hostsTable(settings: HostsSettings): { table: HostsTable } {
  const id = `${settings.file}\0${settings.inline}`
  const holder = hostsTables.get(id) ?? { table: readHosts(settings) }
  hostsTables.set(id, holder)
  return holder
}

function readHosts({ file, inline }: Pick<HostsSettings, 'file' | 'inline'>): HostsTable {
  try {
    return parseHosts(`${readFileSync(file, 'utf8')}\n${inline}`)
  } catch {
    // Not there (yet): only the lines of the configuration itself count.
    return parseHosts(inline)
  }
}

async function watchHosts(): Promise<void> {
  const HOSTS_RELOAD_MS = 15_000
  for (;;) {
    await sleep(HOSTS_RELOAD_MS, signal)
    for (const [id, holder] of hostsTables) {
      const [file = '', inline = ''] = id.split('\0')
      holder.table = readHosts({ file, inline })
    }
  }
}

/** A broken new configuration changes nothing: the running one stays in force. */
async function watchConfig(conf: string, first: Loaded, directory: ClusterDirectory | undefined): Promise<void> {
  const everyMs = first.blocks.find((block) => block.reloadMs !== undefined)?.reloadMs
  if (everyMs === undefined || everyMs === 0) return
  let current = first.text
  for (;;) {
    await sleep(everyMs, signal)
    try {
      const next = load(conf)
      if (next.text === current) continue
      await apply(next.blocks, directory)
      current = next.text
      log.info('Configuration reloaded')
      await server.probeLoops()
    } catch (err) {
      log.error({ err }, 'Configuration could not be reloaded')
    }
  }
}
