/**
 * A whole cluster as a person sees it start: node, DNS, a manifest, a chart, and the memory of it all. Needs root, containerd and a build; no other k3ts may run.
 * Usage: node tests/bench/cluster.ts. Data of the cluster are removed at the end.
 */
import { once } from 'node:events'
import { embeddedImage } from '../../addons/image/entry-points.ts'
import { productVersion } from '../../core/cli/version.ts'
import { chartArchive } from '../helpers/charts.ts'
import { type Cluster, clusterMissing, startCluster, until } from '../helpers/cluster.ts'
import { ownMemory } from './own-processes.ts'

const rows: (readonly [what: string, figure: string])[] = []

function row(what: string, figure: string): void {
  rows.push([what, figure])
  process.stderr.write(`${what}   ${figure}\n`)
}

async function timed<T>(what: string, work: () => Promise<T>): Promise<T> {
  const from = performance.now()
  const result = await work()
  row(what, `${((performance.now() - from) / 1000).toFixed(1)} s`)
  return result
}

/** Until what the start has left over is collected. */
const IDLE_MS = 20_000

const settings = 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: bench-settings }\n'

const busybox = (name: string, command: string): string => `apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: default }
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 0
  containers:
    - { name: main, image: "${embeddedImage('busybox', productVersion())}", command: [sh, -c, "${command}"] }
`

const chart = JSON.stringify({
  apiVersion: 'helm.cattle.io/v1',
  kind: 'HelmChart',
  metadata: { name: 'bench', namespace: 'kube-system' },
  spec: {
    targetNamespace: 'default',
    chartContent: chartArchive('bench', '1.0.0', { 'templates/settings.yaml': settings }).toString('base64'),
  },
})

async function measure(cluster: Cluster): Promise<void> {
  await timed('… until DNS is available', () => cluster.kubectl('-n kube-system rollout status deployment/coredns --timeout=120s'))
  await timed('manifest dropped to pod Running', async () => {
    cluster.manifest('bench.yaml', busybox('bench', 'sleep 100000'))
    await cluster.kubectl('-n default wait --for=create pod/bench --timeout=60s')
    await cluster.kubectl('-n default wait --for=jsonpath={.status.phase}=Running pod/bench --timeout=60s')
  })
  await timed('pod started that looks a service up and ends', async () => {
    cluster.manifest('lookup.yaml', busybox('lookup', 'nslookup kubernetes.default.svc.cluster.local'))
    await cluster.kubectl('-n default wait --for=create pod/lookup --timeout=60s')
    await cluster.kubectl('-n default wait --for=jsonpath={.status.phase}=Succeeded pod/lookup --timeout=60s')
  })
  await timed('HelmChart dropped to release deployed', async () => {
    cluster.manifest('chart.yaml', chart)
    await cluster.kubectl('-n kube-system wait --for=create helmchart/bench --timeout=60s')
    await cluster.kubectl('-n kube-system wait --for=condition=Ready helmchart/bench --timeout=180s')
  })
  await new Promise((resolve) => setTimeout(resolve, IDLE_MS))
  const memory = ownMemory(cluster.dataDir)
  row('memory of the server process, idle', `${memory.server} MB`)
  row(`memory of all ${memory.processes} processes, containerd and pods included`, `${memory.all} MB`)
  await timed('restart to ready, pods running on', () => cluster.restart())
}

async function untilNodeReady(cluster: Pick<Cluster, 'spawnKubectl'>): Promise<void> {
  await until('a node is Ready', async () => {
    const [code] = (await once(cluster.spawnKubectl('wait --for=condition=Ready node --all --timeout=60s'), 'exit')) as [number | null]
    if (code !== 0) throw new Error('no node yet')
  })
}

async function main(): Promise<void> {
  const missing = clusterMissing()
  if (missing !== undefined) throw new Error(missing)
  const starting = (started: Pick<Cluster, 'spawnKubectl'>): Promise<void> =>
    timed('start, empty data folder, to node Ready', () => untilNodeReady(started))
  await using cluster = await timed('start, empty data folder, to API, node and manifests ready', () => startCluster({ starting }))
  await measure(cluster)
  process.stdout.write(['| What | k3ts |', '|---|---|', ...rows.map((cells) => `| ${cells.join(' | ')} |`), ''].join('\n'))
}

await main()
