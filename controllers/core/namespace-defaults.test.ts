import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { configMaps, namespaces, serviceAccounts } from '../../core/api/kinds.ts'
import { StatusError } from '../../core/meta/status-error.ts'
import { type Bench, controllerBench } from '../../tests/helpers/controller-bench.ts'
import { rootCaPublisher } from './root-ca-publisher.ts'
import { serviceAccountController } from './service-account.ts'

const start = async (bench: Bench): Promise<void> => {
  const { cluster } = bench
  const { informers } = cluster
  const shared = { client: cluster, namespaces: informers.informer(namespaces) }
  await bench.run(
    serviceAccountController({ ...shared, serviceAccounts: informers.informer(serviceAccounts) }),
    rootCaPublisher({ ...shared, configMaps: informers.informer(configMaps), rootCa: 'PEM' }),
  )
}
const seedNamespace = (bench: Bench, name: string, phase: 'Active' | 'Terminating' = 'Active'): void => {
  bench.cluster.seed(namespaces, { metadata: { name }, status: { phase } })
}

describe('what every namespace gets', () => {
  it('a default service account and the root certificate, again when they are lost or changed', async () => {
    await using bench = controllerBench()
    seedNamespace(bench, 'one')
    seedNamespace(bench, 'leaving', 'Terminating')
    await start(bench)
    seedNamespace(bench, 'two')
    await bench.settle()
    const has = (): unknown => [
      bench.cluster
        .all(serviceAccounts)
        .map(({ metadata }) => `${metadata.namespace ?? ''}/${metadata.name}`)
        .sort(),
      bench.cluster
        .all(configMaps)
        .map(({ metadata, data }) => `${metadata.namespace ?? ''}/${metadata.name}=${data?.['ca.crt'] ?? ''}`)
        .sort(),
    ]
    const expected = [
      ['one/default', 'two/default'],
      ['one/kube-root-ca.crt=PEM', 'two/kube-root-ca.crt=PEM'],
    ]
    assert.deepEqual(has(), expected)
    bench.cluster.remove(serviceAccounts, { namespace: 'one', name: 'default' })
    bench.cluster.change(configMaps, { namespace: 'two', name: 'kube-root-ca.crt' }, (object) => ({
      ...object,
      data: { 'ca.crt': 'forged', more: 'x' },
    }))
    await bench.settle()
    assert.deepEqual(has(), expected)
    assert.deepEqual(bench.cluster.all(configMaps, 'two')[0]?.data, { 'ca.crt': 'PEM' })
  })

  it('nothing, without retries, when the namespace goes away meanwhile', async () => {
    await using bench = controllerBench()
    let refused = 0
    bench.cluster.intercept = ({ verb }) => {
      if (verb !== 'create') return
      refused += 1
      throw new StatusError('Forbidden', 'namespace is being terminated', { causes: [{ reason: 'NamespaceTerminating' }] })
    }
    seedNamespace(bench, 'one')
    await start(bench)
    await bench.clock.advance(60_000)
    assert.equal(refused, 2)
  })
})
