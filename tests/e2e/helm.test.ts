import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { HelmChart, HelmChartCondition } from '../../controllers/helm/types.ts'
import { chartArchive, chartRepository } from '../helpers/charts.ts'
import { type Cluster, clusterMissing, startCluster, until } from '../helpers/cluster.ts'

const template = `apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}-settings}
data: {color: {{ .Values.color | quote }}, size: {{ .Values.size | quote }}}
`
const archive = chartArchive('paint', '1.2.3', { 'values.yaml': 'color: white\nsize: small\n', 'templates/settings.yaml': template })
const broken = chartArchive('torn', '0.0.1', { 'templates/settings.yaml': 'a: {{ required "a colour is required" .Values.color }}\n' })

const helmChart = (name: string, spec: Readonly<Record<string, string>>): string =>
  JSON.stringify({
    apiVersion: 'helm.cattle.io/v1',
    kind: 'HelmChart',
    metadata: { name, namespace: 'kube-system' },
    spec: { targetNamespace: 'default', ...spec },
  })
const content = (values: string): string =>
  helmChart('paint', { chartContent: archive.toString('base64'), ...(values !== '' && { valuesContent: values }) })
const config = (values: string): string =>
  JSON.stringify({
    apiVersion: 'helm.cattle.io/v1',
    kind: 'HelmChartConfig',
    metadata: { name: 'paint', namespace: 'kube-system' },
    spec: { valuesContent: values },
  })

interface Release {
  readonly name: string
  readonly namespace: string
  readonly revision: string
  readonly status: string
  readonly chart: string
}

describe('charts as resources', { skip: clusterMissing() ?? false }, () => {
  let cluster: Cluster
  before(async () => {
    cluster = await startCluster({ flags: ['--disable', 'traefik', '--disable', 'local-storage'] })
    await cluster.kubectl('-n kube-system rollout status deployment/coredns --timeout=60s')
  })
  after(async () => {
    await cluster[Symbol.asyncDispose]()
  })

  const release = async (name: string): Promise<Release | undefined> =>
    (JSON.parse(await cluster.helm('list -A -o json')) as readonly Release[]).find((each) => each.name === name)
  const condition = async (name: string, type: HelmChartCondition['type']): Promise<HelmChartCondition | undefined> => {
    const chart = JSON.parse(await cluster.kubectl(`-n kube-system get helmchart ${name} -o json`)) as HelmChart & {
      readonly status?: { readonly conditions?: readonly HelmChartCondition[] }
    }
    return chart.status?.conditions?.find((each) => each.type === type)
  }
  const seen = (): Promise<string> => cluster.kubectl('-n kube-system get helmcharts,jobs,pods,events -o wide')
  const deployed = (name: string, revision: string) =>
    until(
      `release ${name}, revision ${revision}`,
      async () => {
        const found = await release(name)
        assert.deepEqual([found?.status, found?.revision], ['deployed', revision], await seen())
        return found
      },
      120_000,
    )
  const settings = (name: string): Promise<string> =>
    cluster.kubectl(`-n default get configmap ${name}-settings -o jsonpath={.data.color}/{.data.size}`)

  it('installs a chart given as content, with a Job that runs helm', async () => {
    await cluster.kubectl('apply -f -', { input: content('') })
    const found = await deployed('paint', '1')
    assert.deepEqual([found?.namespace, found?.chart], ['default', 'paint-1.2.3'])
    assert.equal(await settings('paint'), 'white/small')
    await cluster.kubectl('-n kube-system wait --for=condition=Complete job/helm-install-paint --timeout=60s')
    await until('the status', async () => {
      assert.equal((await condition('paint', 'JobCreated'))?.status, 'True')
      assert.equal((await condition('paint', 'Failed'))?.status, 'False')
    })
  })

  it('upgrades on new values, its own and those of a HelmChartConfig', async () => {
    await cluster.kubectl('apply -f -', { input: content('color: red') })
    await deployed('paint', '2')
    assert.equal(await settings('paint'), 'red/small')
    await cluster.kubectl('apply -f -', { input: config('size: large') })
    await deployed('paint', '3')
    assert.equal(await settings('paint'), 'red/large')
  })

  it('uninstalls a chart that is deleted', async () => {
    await cluster.kubectl('-n kube-system delete helmchart paint --timeout=60s')
    assert.equal(await release('paint'), undefined)
    assert.equal(await cluster.kubectl('-n default get configmap paint-settings --ignore-not-found'), '')
  })

  it('installs from a chart repository', async () => {
    await using repository = await chartRepository('paint', '1.2.3', archive)
    await cluster.kubectl('apply -f -', {
      input: helmChart('remote', { repo: repository.url, chart: 'paint', valuesContent: 'color: blue' }),
    })
    await deployed('remote', '1')
    assert.equal(await settings('remote'), 'blue/small')
    assert.ok(repository.requests.includes('/paint.tgz'), repository.requests.join())
  })

  it("says in helm's words why a chart cannot be rendered", async () => {
    await cluster.kubectl('apply -f -', { input: helmChart('torn', { chartContent: broken.toString('base64') }) })
    await until('the failure', async () => {
      const failed = await condition('torn', 'Failed')
      assert.equal(failed?.status, 'True', await seen())
      assert.match(String(failed.message), /a colour is required/)
    })
  })
})
