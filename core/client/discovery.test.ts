import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createDiscovery } from './discovery.ts'
import type { Transport } from './transport.ts'

const signal = new AbortController().signal
const serving = (answers: Readonly<Record<string, unknown>>): Transport => ({
  request: async ({ path }) => {
    const answer = answers[path]
    return { status: answer === undefined ? 503 : 200, headers: {}, body: Buffer.from(JSON.stringify(answer ?? {})) }
  },
  stream: async () => Promise.reject(new Error('not used')),
})
const read = async (transport: Transport): Promise<unknown> => {
  const { resources, failed } = await createDiscovery(transport).resources(signal)
  return {
    resources: resources.map(({ type, verbs }) => [type.group, type.version, type.resource, type.kind, type.namespaced, verbs.join()]),
    failed,
  }
}
const EXPECTED = {
  resources: [
    ['', 'v1', 'pods', 'Pod', true, 'get,list'],
    ['example.com', 'v2', 'widgets', 'Widget', false, 'get'],
    ['example.com', 'v1', 'gears', 'Gear', true, 'get'],
  ],
  failed: ['broken.io/v1'],
}

describe('discovery', () => {
  it('reads the aggregated form: the preferred version of each resource, and what does not answer', async () => {
    const resource = (name: string, kind: string, scope: string, verbs: string[]): unknown => ({
      resource: name,
      responseKind: { kind },
      scope,
      verbs,
      subresources: [{ subresource: 'status' }],
    })
    const list = (...items: unknown[]): unknown => ({ kind: 'APIGroupDiscoveryList', items })
    const api = list({ metadata: {}, versions: [{ version: 'v1', resources: [resource('pods', 'Pod', 'Namespaced', ['get', 'list'])] }] })
    const apis = list(
      {
        metadata: { name: 'example.com' },
        versions: [
          { version: 'v2', resources: [resource('widgets', 'Widget', 'Cluster', ['get'])] },
          {
            version: 'v1',
            resources: [resource('widgets', 'Widget', 'Cluster', ['get']), resource('gears', 'Gear', 'Namespaced', ['get'])],
          },
        ],
      },
      { metadata: { name: 'broken.io' }, versions: [{ version: 'v1', freshness: 'Stale' }] },
    )
    assert.deepEqual(await read(serving({ '/api': api, '/apis': apis })), EXPECTED)
  })

  it('falls back to one group version at a time', async () => {
    const groups = [
      { name: 'example.com', versions: [{ version: 'v2' }, { version: 'v1' }] },
      { name: 'broken.io', versions: [{ version: 'v1' }] },
    ]
    const resource = (name: string, kind: string, namespaced: boolean, verbs: string[]): unknown => ({ name, kind, namespaced, verbs })
    const answers = {
      '/api': { kind: 'APIVersions', versions: ['v1'] },
      '/apis': { kind: 'APIGroupList', groups },
      '/api/v1': { resources: [resource('pods', 'Pod', true, ['get', 'list']), resource('pods/status', 'Pod', true, ['get'])] },
      '/apis/example.com/v2': { resources: [resource('widgets', 'Widget', false, ['get'])] },
      '/apis/example.com/v1': { resources: [resource('widgets', 'Widget', false, ['get']), resource('gears', 'Gear', true, ['get'])] },
    }
    assert.deepEqual(await read(serving(answers)), EXPECTED)
  })

  it('fails when the server does not answer at all', async () => {
    await assert.rejects(createDiscovery(serving({})).resources(signal))
  })
})
