/**
 * Makes PersistentVolumes of folders on nodes for claims of provisioner rancher.io/local-path.
 * Arguments: `start --config <file> [--configmap-name <name>] [--worker-threads <n>]`; helperPod.yaml lies beside the file. Environment: POD_NAMESPACE.
 */
import { setMaxListeners } from 'node:events'
import { hostname } from 'node:os'
import { persistentVolumeClaims, persistentVolumes, storageClasses } from '../../core/api/kinds.ts'
import { createRecorder } from '../../core/client/recorder.ts'
import { keyOf } from '../../core/meta/object.ts'
import { createLogger } from '../../core/observability/log.ts'
import { systemClock } from '../../core/runtime/clock.ts'
import { WorkQueue } from '../../core/runtime/work-queue.ts'
import { connectInCluster } from '../cluster/in-cluster.ts'
import { processSignal } from '../cluster/signals.ts'
import { wantsRemoval } from './plan.ts'
import { Provisioner } from './provisioner.ts'

const WORKERS = 4
/** Longest pause between attempts; a claim may wait for a node or a configuration. */
const MAX_RETRY_MS = 60_000

const log = createLogger({ level: 'info' })
const signal = processSignal()
setMaxListeners(0, signal)

try {
  await main()
} catch (err) {
  if (!signal.aborted) {
    log.fatal({ err }, 'The provisioner stopped')
    process.exitCode = 1
  }
}

async function main(): Promise<void> {
  const { client, informers, transport } = connectInCluster({ userAgent: 'local-path-provisioner/k3ts', log })
  const claims = informers.informer(persistentVolumeClaims)
  const volumes = informers.informer(persistentVolumes)
  const classes = informers.informer(storageClasses)
  // Told apart by pod, as the public provisioner does.
  const recorder = createRecorder({ client, clock: systemClock, log, component: `rancher.io/local-path_${hostname()}` })
  const provisioner = new Provisioner({
    client,
    recorder,
    claims,
    volumes,
    classes,
    clock: systemClock,
    log,
    namespace: process.env.POD_NAMESPACE ?? 'local-path-storage',
    configFile: option('config') ?? '/etc/config/config.json',
    configMap: option('configmap-name') ?? 'local-path-config',
    random: Math.random,
  })
  const queue = new WorkQueue<string>({ clock: systemClock, baseMs: 1_000, maxMs: MAX_RETRY_MS })
  claims.onChange((next) => {
    if (next !== undefined) queue.add(`claim ${keyOf(next)}`)
  })
  volumes.onChange((next) => {
    if (next !== undefined && wantsRemoval(next)) queue.add(`volume ${keyOf(next)}`)
  })
  classes.onChange(() => {
    for (const claim of claims.list()) queue.add(`claim ${keyOf(claim)}`)
  })
  signal.addEventListener('abort', () => queue.shutDown(), { once: true })
  const events = await recorder.start(signal)
  const { done } = await informers.start(signal)
  await informers.waitForSync(signal)
  log.info('Provisioner started')
  await Promise.all(Array.from({ length: WORKERS }, () => work(queue, provisioner)))
  await Promise.all([done, events.done])
  await transport[Symbol.asyncDispose]()
}

async function work(queue: WorkQueue<string>, provisioner: Provisioner): Promise<void> {
  for (let key = await queue.take(); key !== undefined; key = await queue.take()) {
    const [kind, name = ''] = key.split(' ')
    try {
      await (kind === 'claim' ? provisioner.provision(name, signal) : provisioner.remove(name, signal))
      queue.forget(key)
    } catch (err) {
      if (!signal.aborted) log.warn({ err, kind, key: name }, 'Attempt failed, retrying')
      queue.addRateLimited(key)
    }
    queue.done(key)
  }
}

function option(name: string): string | undefined {
  const args = process.argv.slice(2)
  const at = args.findIndex((text) => text === `--${name}` || text.startsWith(`--${name}=`))
  const text = args[at]
  return text === undefined ? undefined : text.includes('=') ? text.slice(text.indexOf('=') + 1) : args[at + 1]
}
