import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { describe as document, GROUP_PATH } from './description.ts'
import { nodeMetrics, podMetrics, tableOf } from './documents.ts'

const usage = { cpuNanoCores: 2_437_195, memoryBytes: 14_716 * 1024, atMs: 1_700_000_000_123, windowMs: 10_062 }
const web = podMetrics(
  { name: 'web', namespace: 'default', labels: { app: 'web' } },
  new Map([
    ['main', usage],
    ['side', { ...usage, cpuNanoCores: 5_000_000, memoryBytes: 2000, atMs: 1_699_999_999_000, windowMs: 9_000 }],
  ]),
  1_700_000_001_000,
)

describe('metrics documents', () => {
  it('write quantities, moments and windows as metrics-server does', () => {
    assert.deepEqual(nodeMetrics({ name: 'n1' }, usage, 1_700_000_001_000), {
      metadata: { name: 'n1', creationTimestamp: '2023-11-14T22:13:21Z' },
      timestamp: '2023-11-14T22:13:20Z',
      window: '10.062s',
      usage: { cpu: '2437195n', memory: '14716Ki' },
    })
  })

  it('give a pod the moment of the container measured longest ago', () => {
    assert.deepEqual([web.timestamp, web.window, web.metadata.labels], ['2023-11-14T22:13:19Z', '9s', { app: 'web' }])
    assert.deepEqual(web.containers[1], { name: 'side', usage: { cpu: '5m', memory: '2000' } })
  })

  it('sum containers in a table', () => {
    const table = tableOf([web], { metadata: {}, kind: 'PodMetrics', include: 'Metadata' }) as {
      columnDefinitions: { name: string }[]
      rows: { cells: unknown[]; object: { kind: string } }[]
    }
    assert.deepEqual(
      table.columnDefinitions.map(({ name }) => name),
      ['Name', 'cpu', 'memory', 'Window'],
    )
    assert.deepEqual(table.rows[0]?.cells, ['web', '7437195n', '15071184', '9s'])
    assert.equal(table.rows[0].object.kind, 'PartialObjectMetadata')
  })
})

describe('description', () => {
  it('refers to definitions that there are', () => {
    for (const [path, definitions] of [
      [`/openapi/v3${GROUP_PATH}`, (found: any) => found.components.schemas], // eslint-disable-line @typescript-eslint/no-explicit-any, @typescript-eslint/no-unsafe-return, @typescript-eslint/no-unsafe-member-access -- a document
      ['/openapi/v2', (found: any) => found.definitions], // eslint-disable-line @typescript-eslint/no-explicit-any, @typescript-eslint/no-unsafe-return, @typescript-eslint/no-unsafe-member-access -- as above
    ] as const) {
      const found = document(path)
      const names = Object.keys(definitions(found) as object)
      const references = [...JSON.stringify(found).matchAll(/"\$ref":"#\/[a-z/]+\/([^"]+)"/g)].map(([, name = '']) => name)
      assert.ok(references.length > 10)
      assert.deepEqual(
        references.filter((name) => !names.includes(name)),
        [],
      )
    }
    assert.equal(document('/apis/other'), undefined)
  })
})
