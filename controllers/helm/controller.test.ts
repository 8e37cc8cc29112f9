import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { configMaps, jobs, namespaces, pods, secrets } from '../../core/api/kinds.ts'
import type { KubeObject } from '../../core/meta/object.ts'
import type { ResourceType } from '../../core/meta/resource-type.ts'
import { type Bench, controllerBench } from '../../tests/helpers/controller-bench.ts'
import { helmChartController } from './controller.ts'
import { CONFIG_HASH, helmChartConfigs, helmCharts } from './types.ts'

const WEB = { namespace: 'apps', name: 'web' }
const VALUES = { namespace: 'apps', name: 'values' }

/** As the server answers a metadata-only watch: nothing else of an object arrives. */
function metadataOf(bench: Bench, type: ResourceType<KubeObject>) {
  const { informers } = bench.cluster
  const strip = ({ kind, apiVersion, metadata }: KubeObject): KubeObject => ({ kind, apiVersion, metadata })
  return {
    get: (key: string) => {
      const object = informers.informer(type).get(key)
      return object === undefined ? undefined : strip(object)
    },
    list: (namespace?: string) => informers.informer(type).list(namespace).map(strip),
    byIndex: () => [],
  }
}

async function startHelm(bench: Bench): Promise<void> {
  const { cluster, clock, recorder } = bench
  const { informers } = cluster
  await bench.run(
    helmChartController({
      client: cluster,
      charts: informers.informer(helmCharts),
      configs: informers.informer(helmChartConfigs),
      jobs: informers.informer(jobs),
      pods: informers.informer(pods),
      namespaces: informers.informer(namespaces),
      secrets: metadataOf(bench, secrets),
      configMaps: metadataOf(bench, configMaps),
      settings: { jobImage: 'helm:1', jobClusterRole: 'cluster-admin', apiServerPort: 6443, proxy: {} },
      clock,
      recorder,
    }),
  )
}

function seedChart({ cluster }: Bench): void {
  cluster.seed(helmCharts, { metadata: WEB, spec: { chart: 'web', valuesSecrets: [{ name: 'values', keys: ['values.yaml'] }] } })
}

const hashOf = ({ cluster }: Bench): string | undefined => cluster.all(jobs)[0]?.spec.template.metadata.annotations?.[CONFIG_HASH]

describe('the helm controller, which keeps only the metadata of Secrets and ConfigMaps', () => {
  it('makes a new job when the data of a values Secret change', async () => {
    await using bench = controllerBench()
    bench.cluster.seed(secrets, { metadata: VALUES, data: { 'values.yaml': 'YTogMQ==' } })
    seedChart(bench)
    await startHelm(bench)
    const first = hashOf(bench)
    assert.match(first ?? '', /^SHA256=/)

    bench.cluster.change(secrets, VALUES, (secret) => ({ ...secret, data: { 'values.yaml': 'YTogMg==' } }))
    await bench.settle()
    // What runs is suspended first, and replaced when its pods are gone.
    bench.cluster.change(jobs, { namespace: 'apps', name: 'helm-install-web' }, (job) => ({ ...job, status: { ...job.status, active: 0 } }))
    await bench.settle()
    const second = hashOf(bench)
    assert.match(second ?? '', /^SHA256=/)
    assert.notEqual(second, first)
  })

  it('waits for a values Secret that is not there, and goes on when it comes', async () => {
    await using bench = controllerBench()
    seedChart(bench)
    await startHelm(bench)
    assert.equal(bench.cluster.all(jobs).length, 0)
    assert.match(JSON.stringify(bench.cluster.all(helmCharts)[0]?.status), /SecretNotFound/)

    bench.cluster.seed(secrets, { metadata: VALUES, data: {} })
    await bench.settle()
    assert.equal(bench.cluster.all(jobs).length, 1)
  })

  it('restores what somebody changed in the Secret it made, and writes nothing when nothing differs', async () => {
    await using bench = controllerBench()
    bench.cluster.seed(helmCharts, { metadata: WEB, spec: { chart: 'web', valuesContent: 'a: 1' } })
    await startHelm(bench)
    const own = { namespace: 'apps', name: 'chart-values-web' }
    const wanted = (await bench.cluster.get(secrets, own)).data
    assert.ok(Object.keys(wanted ?? {}).length > 0)

    bench.cluster.change(secrets, own, (secret) => ({ ...secret, data: {} }))
    await bench.settle()
    assert.deepEqual((await bench.cluster.get(secrets, own)).data, wanted)

    const before = bench.cluster.actions.length
    bench.cluster.change(secrets, own, (secret) => ({ ...secret, metadata: { ...secret.metadata, annotations: { touched: 'yes' } } }))
    await bench.settle()
    assert.equal(bench.cluster.actions.length, before)
  })
})
