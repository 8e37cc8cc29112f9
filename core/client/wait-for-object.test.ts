import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { pods } from '../api/kinds.ts'
import type { Pod } from '../api/types/core-v1.ts'
import type { Client, WatchEvent } from './client.ts'
import { waitForObject } from './wait-for-object.ts'

const { signal } = new AbortController()
const pod = (phase: string): Pod => ({ metadata: { name: 'p', namespace: 'a' }, status: { phase } }) as unknown as Pod
const isRunning = (object: Pod | undefined): boolean => object?.status.phase === 'Running'

interface Asked {
  ended?: boolean
  query?: unknown
}

/** Lists `items`, then watches `batches` and, with `open`, waits until the reader leaves. */
function server(items: readonly Pod[], batches: readonly (readonly WatchEvent<Pod>[])[], open = false): { client: Client; asked: Asked } {
  const asked: Asked = {}
  const client = {
    list: async () => ({ resourceVersion: '7', items }),
    watch: async function* (_type: unknown, query: unknown, ending: AbortSignal) {
      asked.query = query
      ending.addEventListener('abort', () => (asked.ended = true))
      yield* batches
      if (open) await new Promise((resolve) => ending.addEventListener('abort', resolve))
    },
  }
  return { client: client as unknown as Client, asked }
}

const waitFor = (client: Client, isReached: (object: Pod | undefined) => boolean): Promise<boolean> =>
  waitForObject(client, [pods, { namespace: 'a', name: 'p' }], isReached, { signal, timeoutSeconds: 3 })

describe('waiting for an object', () => {
  it('does not watch what is there already', async () => {
    const { client, asked } = server([pod('Running')], [])
    assert.equal(await waitFor(client, isRunning), true)
    assert.equal(asked.query, undefined)
  })

  it('follows it from the revision of the list, and ends the watch', async () => {
    const { client, asked } = server(
      [],
      [[{ type: 'ADDED', object: pod('Pending') }], [{ type: 'MODIFIED', object: pod('Running') }]],
      true,
    )
    assert.equal(await waitFor(client, isRunning), true)
    assert.deepEqual(asked.query, { namespace: 'a', fieldSelector: 'metadata.name=p', resourceVersion: '7', timeoutSeconds: 3 })
    assert.equal(asked.ended, true)
  })

  it('sees a deletion, and the end of the time', async () => {
    const { client } = server([pod('Running')], [[{ type: 'DELETED', object: pod('Running') }]])
    assert.equal(await waitFor(client, (object) => object === undefined), true)
    assert.equal(await waitFor(client, (object) => object?.status.phase === 'Failed'), false)
  })
})
